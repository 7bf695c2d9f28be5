//! Hosts and settings that it refuses before it fetches anything.

use std::process::Command;

use crate::machine::{Machine, SHELLS, stamped};
use crate::run::Ended;

/// Refused in the program's words, with nothing fetched and nothing left.
#[track_caller]
fn assert_refused(machine: &Machine, ended: &Ended, code: i32, what: &str) {
    ended.expect(code, &[&format!("error: {what}"), "\n  fix: "]);
    assert_eq!(ended.stdout, "", "{ended:?}");
    assert_eq!(ended.stderr.lines().count(), 2, "{ended:?}");
    assert_eq!(machine.server.requests(), 0, "{ended:?}");
    assert_eq!(machine.report(), None, "{ended:?}");
    assert!(machine.leftovers().is_empty(), "{:?}", machine.leftovers());
}

#[test]
fn an_ordinary_user_is_refused_unless_nothing_can_change() {
    let machine = Machine::new();
    for shell in SHELLS {
        let ended = machine
            .run(["--join"])
            .shell(shell)
            .by_ordinary_user()
            .end();
        assert_refused(&machine, &ended, 3, "this user may not change the system");
    }
    for args in [
        ["--join", "--dry-run"].as_slice(),
        &["--help"],
        &["-h"],
        &["--version"],
        &["-V"],
    ] {
        machine.run(args).by_ordinary_user().end().expect(0, &[]);
        let report = machine.report().expect("it was started");
        assert_eq!(report["directory"], serde_json::json!([0o700, 65534]));
        assert!(machine.leftovers().is_empty());
    }
}

#[test]
fn an_unsupported_system_is_refused_by_name_unless_that_check_is_skipped() {
    let machine = Machine::new();
    let supported = "Ubuntu Server 24.04 LTS or 26.04 LTS on x86_64 is supported";
    let debian = "ID=debian\nVERSION_ID=12\nPRETTY_NAME='Debian GNU/Linux 12 (bookworm)'\n";
    for (text, name) in [
        (debian, "Debian GNU/Linux 12 (bookworm)"),
        (
            "ID=ubuntu\nVERSION_ID=\"22.04\"\nPRETTY_NAME=\"Ubuntu 22.04.5 LTS\"\n",
            "Ubuntu 22.04.5 LTS",
        ),
        ("", "a system without a name in /etc/os-release"),
        (
            "\0\u{1}ID\n= =\n\"\n",
            "a system without a name in /etc/os-release",
        ),
        ("ID=ubuntu-24.04\nPRETTY_NAME=Other", "Other"),
        // It is read, not run.
        (
            "ID=$(echo ubuntu)\nVERSION_ID=24.04\nPRETTY_NAME=`id`\nexit 0\n",
            "`id`",
        ),
    ] {
        machine.os_release(text);
        for shell in SHELLS {
            let ended = machine.run(["--join"]).shell(shell).end();
            assert_refused(&machine, &ended, 3, &format!("this is {name}; {supported}"));
        }
    }
    machine.os_release(debian);
    for args in [
        ["--skip-check", "os"].as_slice(),
        &["--skip-check=disk,os"],
        &["--skip-check", "os,size"],
        &["--help"],
    ] {
        machine.run(args).end().expect(0, &[]);
    }
    machine
        .run(["--join"])
        .env("STREAMHUB_SKIP_OS_CHECK", "1")
        .end()
        .expect(0, &[]);
    machine
        .run(["--join"])
        .env("STREAMHUB_SKIP_CHECK", "size,os")
        .end()
        .expect(0, &[]);
    machine
        .run(["--join", "--skip-check", "osx"])
        .end()
        .expect(3, &[]);

    for text in [
        "VERSION_ID='26.04'\r\nID='ubuntu'\r\n",
        "ID=ubuntu\nVERSION_ID=\"24.04\"",
    ] {
        machine.os_release(text);
        machine.run(["--join"]).end().expect(0, &[]);
    }
}

#[test]
fn another_architecture_is_refused_whatever_is_skipped() {
    let machine = Machine::new();
    machine.stub("uname", "echo aarch64");
    for args in [["--join"].as_slice(), &["--skip-check", "os"], &["--help"]] {
        let ended = machine.run(args).end();
        assert_refused(
            &machine,
            &ended,
            3,
            "this machine is aarch64; Ubuntu Server 24.04 LTS or 26.04 LTS on x86_64",
        );
    }
}

#[test]
fn without_a_tool_to_fetch_or_to_check_with_nothing_is_fetched() {
    let machine = Machine::new();
    machine.without("curl");
    // One that takes any certificate.
    machine.stub(
        "wget",
        "echo 'BusyBox v1.36.1 multi-call binary.' >&2; exit 1",
    );
    for shell in [&["dash"], &["bash"]] {
        let ended = machine.run(["--join"]).shell(shell).end();
        assert_refused(
            &machine,
            &ended,
            3,
            "there is neither curl nor GNU wget here to fetch the binary with",
        );
    }
    let machine = Machine::new();
    for tool in ["sha256sum", "shasum", "openssl"] {
        machine.run(["--join"]).end().expect(0, &[]);
        machine.without(tool);
    }
    let machine = Machine::new();
    for tool in ["openssl", "shasum", "sha256sum"] {
        machine.without(tool);
    }
    for shell in [&["dash"], &["bash"]] {
        let ended = machine.run(["--join"]).shell(shell).end();
        assert_refused(
            &machine,
            &ended,
            3,
            "there is no sha256sum, shasum or openssl here to check the binary with",
        );
    }
}

#[test]
fn a_base_url_is_https_and_nothing_but_a_place() {
    let machine = Machine::new();
    for url in [
        "http://127.0.0.1:1/releases",
        "HTTP://media.example.com",
        "ftp://media.example.com",
        "media.example.com",
        "--output=/etc/passwd",
        "https://",
        "https:///releases",
        "https://operator:ExampleSecret@media.example.com",
        "https://media.example.com/?a=b",
        "https://media.example.com/a b",
        "https://media.example.com/$(id)",
        "file:///etc",
    ] {
        for shell in SHELLS {
            let ended = machine
                .run(["--join"])
                .shell(shell)
                .env("STREAMHUB_INSTALL_BASE_URL", url)
                .end();
            assert_refused(
                &machine,
                &ended,
                2,
                "STREAMHUB_INSTALL_BASE_URL can't be used: it ",
            );
            assert!(!ended.stderr.contains("ExampleSecret"), "{ended:?}");
        }
    }
    // It wins over the stamp, and an empty one counts as unset.
    let elsewhere = stamped("https://127.0.0.1:1", &"0".repeat(64));
    machine.run(["--join"]).script(&elsewhere).end().expect(
        1,
        &["can't be fetched from https://127.0.0.1:1/streamhub-install-"],
    );
    let run = machine.run(["--join"]).env(
        "STREAMHUB_INSTALL_BASE_URL",
        &format!("{}/", machine.url("releases")),
    );
    run.end().expect(0, &[]);
    machine
        .run(["--join"])
        .env("STREAMHUB_INSTALL_BASE_URL", "")
        .end()
        .expect(0, &[]);
}

#[test]
fn straight_from_the_source_tree_it_says_how_to_get_one_that_works() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/install.sh");
    for shell in SHELLS {
        let output = Command::new(shell[0])
            .args(&shell[1..])
            .args([script, "--help"])
            .output()
            .expect("it is there");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            said.contains("error: this install.sh is the source tree's")
                && said.contains("make dist"),
            "{said}"
        );
    }
}
