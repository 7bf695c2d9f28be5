//! The command line from outside: every flag of the specification with its environment names, and how it talks.

#![forbid(unsafe_code)]

mod names;

use std::io::Read;
use std::process::{Command, Stdio};

use names::{COMMANDS, FLAGS};

fn program(root: &std::path::Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_streamhub-install"));
    command
        .arg("--root")
        .arg(root)
        .env_clear()
        .env("PATH", "/nowhere");
    command.stdin(Stdio::null());
    command
}

fn printed(args: &[&str]) -> String {
    let root = tempfile::tempdir().expect("there is a place for temporary files");
    let output = program(root.path())
        .args(args)
        .output()
        .expect("it was built");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).expect("it is text")
}

#[test]
fn help_names_every_flag_with_its_variables_and_every_command() {
    let help = printed(&["--help"]);
    let one_line = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for (flag, variables, _) in FLAGS {
        let listed = |line: &str| line.split([' ', ',']).any(|word| word == *flag);
        assert!(help.lines().any(listed), "{flag} is missing in\n{help}");
        for variable in *variables {
            assert!(
                one_line.contains(variable),
                "{variable} of {flag} is missing in\n{help}"
            );
        }
    }
    // Nothing that the specification doesn't know, and nothing meant for tests alone.
    let known: Vec<&str> = FLAGS.iter().map(|(flag, ..)| *flag).collect();
    for word in help.lines().filter_map(|line| {
        let mut words = line
            .trim_start()
            .split([' ', ','])
            .filter(|w| !w.is_empty());
        words
            .find(|w| !w.starts_with('-') || w.starts_with("--"))
            .filter(|w| w.starts_with("--"))
    }) {
        assert!(known.contains(&word), "{word} is new: add it to the table");
    }
    for command in COMMANDS {
        let listed = |line: &str| line.split_whitespace().next() == Some(command);
        assert!(help.lines().any(listed), "{command} is missing in\n{help}");
    }
    for code in [
        "0 done",
        "2 usage",
        "3 this host",
        "4 the origin",
        "5 the origin",
        "6 the services",
        "75 another",
        "130 interrupted",
    ] {
        assert!(one_line.contains(code), "{code} is missing in\n{help}");
    }
}

#[test]
fn every_flag_and_every_variable_reaches_its_setting() {
    use clap::CommandFactory;
    let command = streamhub_install::cli::Cli::command();
    for (flag, _, others) in FLAGS {
        let long = flag.trim_start_matches('-');
        let arg = command
            .get_arguments()
            .find(|arg| arg.get_long() == Some(long));
        // clap adds these two itself.
        if ["help", "version"].contains(&long) {
            continue;
        }
        let arg = arg.unwrap_or_else(|| panic!("{flag} is not defined"));
        for other in *others {
            let aliases = arg.get_all_aliases().unwrap_or_default();
            let short = arg.get_short().map(|short| format!("-{short}"));
            let name = other.trim_start_matches('-');
            assert!(
                aliases.contains(&name) || short.as_deref() == Some(*other),
                "{other} of {flag}"
            );
        }
    }
    // A variable that holds what its flag refuses shows that it arrives there.
    for (flag, variable, bad) in [
        ("--master-ip", "STREAMHUB_MASTER_IP", "x"),
        ("--master-ip", "STREAMHUB_ORIGIN_IP", "x"),
        ("--node-ip", "STREAMHUB_NODE_IP", "x"),
        ("--smtp-port", "STREAMHUB_SMTP_PORT", "x"),
        ("--proxy", "STREAMHUB_PROXY", "x"),
        ("--docker-source", "STREAMHUB_DOCKER_SOURCE", "x"),
        ("--allow-edge", "STREAMHUB_ALLOW_EDGE", "10.0.0.7,x"),
        ("--master-url", "STREAMHUB_ORIGIN_URL", "x"),
        ("--node-name", "STREAMHUB_NODE_NAME", "a b"),
        ("--dir", "STREAMHUB_DIR", "x"),
        ("--drain-timeout", "STREAMHUB_DRAIN_TIMEOUT", "x"),
        ("--skip-check", "STREAMHUB_SKIP_CHECK", "os,x"),
        (
            "--master-token-file",
            "STREAMHUB_MASTER_TOKEN_FILE",
            "/nowhere",
        ),
        ("--master-ca-file", "STREAMHUB_MASTER_CA_FILE", "/nowhere"),
    ] {
        let root = tempfile::tempdir().expect("there is a place for temporary files");
        let mut run = program(root.path());
        run.args(["--dry-run", "--join"]);
        for (name, good) in [
            ("STREAMHUB_MASTER_IP", "127.0.0.1"),
            ("STREAMHUB_CLUSTER_TOKEN", "clt_Example"),
        ] {
            let replaced = name == variable
                || (variable, name) == ("STREAMHUB_ORIGIN_IP", "STREAMHUB_MASTER_IP");
            if !(replaced
                || variable == "STREAMHUB_MASTER_TOKEN_FILE" && name == "STREAMHUB_CLUSTER_TOKEN")
            {
                run.env(name, good);
            }
        }
        let output = run.env(variable, bad).output().expect("it was built");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{variable}: {stderr}");
        assert!(stderr.contains(flag), "{variable}: {stderr}");
        // Empty, it counts as unset.
        let output = program(root.path())
            .arg("--version")
            .env(variable, "")
            .output();
        assert_eq!(
            output.expect("it was built").status.code(),
            Some(0),
            "{variable}"
        );
    }
}

#[test]
fn the_manual_and_the_completions_know_every_flag_and_every_command() {
    let manual = printed(&["man"]).replace('\\', "");
    assert!(manual.contains(".TH streamhub-install 8"), "{manual}");
    let mut pages = vec![manual];
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        pages.push(printed(&["completions", shell]));
    }
    for page in &pages {
        for (flag, ..) in FLAGS {
            // fish names a flag without its hyphens.
            let name = flag.trim_start_matches('-');
            assert!(page.contains(name), "{flag} is missing in\n{page}");
        }
        for word in COMMANDS.iter().chain(&["drain", "--revoke", "keep-data"]) {
            let name = word.trim_start_matches('-');
            assert!(page.contains(name), "{word} is missing in\n{page}");
        }
    }
    // What stands in the texts for machines alone is asked of machines: bash reads its own.
    let checked = Command::new("/bin/bash")
        .args(["-n", "-c", &pages[1]])
        .output();
    assert!(checked.expect("there is a bash").status.success());
}

#[test]
fn the_version_is_one_line() {
    assert_eq!(
        printed(&["--version"]),
        concat!("streamhub-install ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[test]
fn without_a_terminal_there_are_no_colours_and_no_carriage_returns() {
    let root = tempfile::tempdir().expect("there is a place for temporary files");
    let run = |args: &[&str]| {
        let output = program(root.path())
            .args([
                "--dry-run",
                "--join",
                "--master-ip",
                "127.0.0.1",
                "--master-token",
                "clt_Example",
            ])
            .args(["--master-url", "http://127.0.0.1:1"])
            .args(args)
            .output()
            .expect("it was built");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it is text");
        (text(output.stdout), text(output.stderr))
    };
    let (stdout, stderr) = run(&[]);
    assert!(stdout.starts_with("streamhub-install 0."), "{stdout}");
    assert!(!stdout.contains(['\u{1b}', '\r']) && !stderr.contains(['\u{1b}', '\r']));
    // Quiet, only trouble is left.
    let (quiet, trouble) = run(&["-q"]);
    assert_eq!((quiet.as_str(), trouble.as_str()), ("", stderr.as_str()));
}

#[test]
fn a_reader_that_goes_away_changes_nothing_about_the_run() {
    let root = tempfile::tempdir().expect("there is a place for temporary files");
    let mut run = program(root.path())
        .args([
            "--dry-run",
            "--join",
            "--master-ip",
            "127.0.0.1",
            "--master-token",
            "clt_Example",
            "--json",
        ])
        .args(["--master-url", "http://127.0.0.1:1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it was built");
    drop(run.stdout.take());
    let mut stderr = String::new();
    run.stderr
        .take()
        .expect("it is piped")
        .read_to_string(&mut stderr)
        .expect("it is text");
    // Not 101 and not SIGPIPE: what preflight found.
    assert_eq!(run.wait().expect("it ends").code(), Some(3), "{stderr}");
    assert!(
        stderr.contains("found before anything was changed"),
        "{stderr}"
    );
}
