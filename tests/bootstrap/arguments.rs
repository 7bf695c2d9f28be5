//! What the binary is handed: every argument as it was given, but secrets in its environment.

use serde_json::{Value, json};

use crate::machine::{Machine, SHELLS};

const TOKEN: &str = "clt_ExampleToken0123456789";

fn report(machine: &Machine) -> Value {
    machine.report().expect("the binary was started")
}

#[test]
fn every_argument_arrives_as_it_was_given() {
    let machine = Machine::new();
    let args = [
        "--join",
        "--region",
        "",
        "--node-name",
        "a b  c",
        "*",
        "$HOME",
        "`id`",
        "it's",
        "\"",
        "\\n",
        "line\nline",
        "--region=",
        "-",
        "--",
        "--dir",
        "/opt/é",
    ];
    for shell in SHELLS {
        machine.run(args).shell(shell).end().expect(0, &[]);
        assert_eq!(report(&machine)["args"], json!(args), "{shell:?}");
        machine
            .run(args)
            .shell(shell)
            .by_file("")
            .end()
            .expect(0, &[]);
        assert_eq!(report(&machine)["args"], json!(args), "{shell:?}");
        machine.run::<&str>([]).shell(shell).end().expect(0, &[]);
        assert_eq!(report(&machine)["args"], json!([]), "{shell:?}");
    }
}

#[test]
fn a_secret_on_the_command_line_is_handed_over_in_the_environment_with_a_warning() {
    let machine = Machine::new();
    let cases = [
        ("--master-token", "STREAMHUB_MASTER_TOKEN"),
        ("--cluster-token", "STREAMHUB_MASTER_TOKEN"),
        ("--admin-pass", "ADMIN_PASS"),
        ("--smtp-pass", "STREAMHUB_SMTP_PASS"),
    ];
    for shell in SHELLS {
        for (flag, variable) in cases {
            let secret = "Example $(id) 'secret' *";
            let with_equals = format!("{flag}={secret}");
            for args in [
                vec!["--join", flag, secret, "-v"],
                vec!["--join", &with_equals, "-v"],
            ] {
                // A flag wins over the environment.
                let ended = machine
                    .run(&args)
                    .shell(shell)
                    .env(variable, "ExampleOther")
                    .end();
                ended.expect(
                    0,
                    &["warning: everybody on this machine could read what", flag],
                );
                assert!(!ended.stderr.contains(secret), "{ended:?}");
                let report = report(&machine);
                assert_eq!(report["args"], json!(["--join", "-v"]), "{shell:?} {flag}");
                assert_eq!(report["environment"][variable], secret, "{shell:?} {flag}");
                // By its id, so that the binary still takes it for a flag.
                let id = flag[2..].replace('-', "_").replace("cluster", "master");
                assert_eq!(report["environment"]["STREAMHUB_GIVEN_BY_FLAG"], id);
            }
        }
    }
    // Nothing else is in the binary's environment that was not in the script's.
    machine
        .run(["--join", "--master-token", TOKEN])
        .env("A", "b")
        .end()
        .expect(0, &[]);
    let report = report(&machine);
    let mut names: Vec<&String> = report["environment"]
        .as_object()
        .expect("it is")
        .keys()
        .collect();
    // The shell's own, and Python's.
    names.retain(|name| !["PWD", "OLDPWD", "SHLVL", "_", "LC_CTYPE"].contains(&name.as_str()));
    assert_eq!(
        names,
        [
            "A",
            "PATH",
            "STREAMHUB_GIVEN_BY_FLAG",
            "STREAMHUB_MASTER_TOKEN"
        ]
    );
}

#[test]
fn a_secret_without_a_value_is_the_binarys_to_refuse() {
    let machine = Machine::new();
    for args in [
        vec!["--join", "--master-token"],
        vec!["--master-token", "--join"],
        vec!["--master-token", ""],
        vec!["--master-token=", "--join"],
        vec!["--admin-pass"],
    ] {
        let ended = machine.run(&args).env("STUB", "exit 2").end();
        ended.expect(2, &[]);
        assert!(!ended.stderr.contains("warning"), "{ended:?}");
        let report = report(&machine);
        assert_eq!(report["args"], json!(args));
        assert_eq!(report["environment"].get("STREAMHUB_MASTER_TOKEN"), None);
    }
}

#[test]
fn two_tokens_exclude_each_other_here_as_in_the_binary() {
    let machine = Machine::new();
    for args in [
        ["--master-token", TOKEN, "--master-token-file", "/t"].as_slice(),
        &["--master-token-file=/t", "--cluster-token", TOKEN],
    ] {
        machine.run(args).end().expect(
            2,
            &["error: --master-token and --master-token-file exclude each other\n  fix: "],
        );
        assert_eq!(machine.report(), None);
    }
    assert_eq!(machine.server.requests(), 0);
}
