//! `tests/run.sh`, which gives red tests of the lab one more try: a cargo that says what it is told stands in for the
//! real one.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use tempfile::TempDir;

/// What cargo and libtest print of a run of all, with these tests of the lab red.
fn all(red: &[&str]) -> String {
    let blocks: String = red
        .iter()
        .map(|name| format!("---- {name} stdout ----\nfailures:\n    not::a::test\n\n"))
        .collect();
    let names: String = red.iter().map(|name| format!("    {name}\n")).collect();
    format!(
        "     Running tests/hostile/main.rs (target/debug/deps/hostile-1)

running 1 test
test a::b ... ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s

     Running tests/lab/main.rs (target/debug/deps/lab-1)

running 200 tests
failures:

{blocks}
failures:
{names}
test result: FAILED. {} passed; {} failed; 0 ignored; 0 measured; 0 filtered out; finished in 9.01s

error: test failed, to rerun pass `-p streamhub-install --test lab`
error: 1 target failed:
    `-p streamhub-install --test lab`
",
        200 - red.len(),
        red.len()
    )
}

const GREEN: &str = "test result: ok. 1 passed; 0 failed; 0 ignored\n";
const RED: &str = "failures:\n    x\n\ntest result: FAILED. 0 passed; 1 failed; 0 ignored\n";

struct Run {
    code: i32,
    said: String,
    /// The arguments of each cargo.
    calls: Vec<String>,
}

/// Runs it with a cargo that prints and exits like this, one after the other.
fn run(cargos: &[(&str, i32)]) -> Run {
    let dir = TempDir::new().expect("there is a place for temporary files");
    for (n, (prints, code)) in (1..).zip(cargos) {
        fs::write(dir.path().join(format!("{n}.out")), prints).expect("it is ours");
        fs::write(dir.path().join(format!("{n}.code")), code.to_string()).expect("it is ours");
    }
    let stub = dir.path().join("cargo");
    let text = r#"#!/bin/sh
here=${0%/*}
echo "$*" >>"$here/calls"
n=$(wc -l <"$here/calls")
cat "$here/$n.out" >&2
exit "$(cat "$here/$n.code")"
"#;
    fs::write(&stub, text).expect("it is ours");
    fs::set_permissions(&stub, fs::Permissions::from_mode(0o755)).expect("it is ours");
    let path = std::env::var("PATH").expect("there is one");
    let output = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/run.sh"))
        .arg("3")
        .env("PATH", format!("{}:{path}", dir.path().display()))
        .output()
        .expect("bash is there");
    let calls = fs::read_to_string(dir.path().join("calls")).expect("cargo was called");
    Run {
        code: output.status.code().expect("it exits"),
        said: String::from_utf8(output.stdout).expect("it is text"),
        calls: calls.lines().map(str::to_owned).collect(),
    }
}

const FIRST: &str = "test --locked --workspace --no-fail-fast -- --test-threads=3";

#[test]
fn green_is_green_and_runs_once() {
    let run = run(&[(GREEN, 0)]);
    assert_eq!((run.code, run.calls), (0, vec![FIRST.to_owned()]));
    assert_eq!(run.said, GREEN);
}

#[test]
fn what_is_red_once_is_tried_alone_and_told_at_the_end() {
    let run = run(&[
        (&all(&["crash::a", "join::b"]), 101),
        (GREEN, 0),
        (GREEN, 0),
    ]);
    assert_eq!(run.code, 0, "{}", run.said);
    let alone =
        |name| format!("test --locked --workspace --test lab -- --exact {name} --test-threads=1");
    assert_eq!(
        run.calls,
        [FIRST.to_owned(), alone("crash::a"), alone("join::b")]
    );
    let end = "\nRED ONCE: crash::a (green when it ran again, alone)\nRED ONCE: join::b (green when it ran again, alone)\ntests: green at the second try\n";
    assert!(run.said.ends_with(end), "{}", run.said);
}

#[test]
fn what_is_red_twice_is_red() {
    let run = run(&[
        (&all(&["crash::a", "join::b"]), 101),
        (RED, 101),
        (GREEN, 0),
    ]);
    assert_eq!((run.code, run.calls.len()), (101, 3), "{}", run.said);
    let end =
        "\nRED TWICE: crash::a\nRED ONCE: join::b (green when it ran again, alone)\ntests: RED\n";
    assert!(run.said.ends_with(end), "{}", run.said);
}

#[test]
fn a_test_that_does_not_run_again_is_red() {
    let none = "test result: ok. 0 passed; 0 failed; 0 ignored\n";
    let run = run(&[(&all(&["crash::a"]), 101), (none, 0)]);
    assert_eq!(run.code, 101, "{}", run.said);
}

#[test]
fn all_else_is_final_at_once() {
    let six = all(&["a::a", "a::b", "a::c", "a::d", "a::e", "a::f"]);
    let one = all(&["a::a"]);
    let elsewhere = one.replace(
        "error: 1 target failed:\n",
        "error: 2 targets failed:\n    `-p streamhub-install --test docs`\n",
    );
    let only_elsewhere = one.replace("--test lab", "--test docs");
    let crash = one.replace("test result: FAILED", "process abort signal");
    let unlisted = one.replace("; 1 failed;", "; 2 failed;");
    let does_not_compile = "error[E0308]: mismatched types\nerror: could not compile `streamhub-install` (test \"lab\") due to 1 previous error\n";
    for (what, prints, code) in [
        ("six", six.as_str(), 101),
        ("another binary too", &elsewhere, 101),
        ("another binary", &only_elsewhere, 101),
        ("a crash", &crash, 101),
        ("a list that lacks a name", &unlisted, 101),
        ("no compiling", does_not_compile, 101),
        ("a killed cargo", &one, 137),
    ] {
        let run = run(&[(prints, code)]);
        assert_eq!(
            (run.code, run.calls.len()),
            (code, 1),
            "{what}: {}",
            run.said
        );
    }
}
