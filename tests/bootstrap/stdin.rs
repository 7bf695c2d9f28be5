//! What the binary reads: the operator's terminal, nothing, or what was meant for it; never the rest of the script.

use crate::machine::{Machine, SHELLS};

#[test]
fn by_pipe_it_reads_the_terminal_or_nothing() {
    let machine = Machine::new();
    for shell in SHELLS {
        machine.run(["--join"]).shell(shell).end().expect(0, &[]);
        let report = machine.report().expect("it was started");
        assert_eq!(report["stdin"], "/dev/null", "{shell:?}");
        assert_eq!(report["read"], "", "{shell:?}");
        machine
            .run(["--join"])
            .shell(shell)
            .on_terminal()
            .end()
            .expect(0, &[]);
        let report = machine.report().expect("it was started");
        assert_eq!(report["stdin"], "/dev/tty", "{shell:?}");
    }
}

#[test]
fn what_follows_the_script_in_its_pipe_is_not_run() {
    let machine = Machine::new();
    let more = format!("{}\necho more was run >&2\n", machine.script());
    for shell in SHELLS {
        let ended = machine.run(["--join"]).shell(shell).script(&more).end();
        assert!(
            !ended.expect(0, &[]).stderr.contains("more was run"),
            "{ended:?}"
        );
        assert_eq!(machine.report().expect("it was started")["read"], "");
    }
}

#[test]
fn as_a_file_it_passes_its_own_standard_input_on() {
    let machine = Machine::new();
    for shell in SHELLS {
        let run = machine
            .run(["--join", "--master-token-file", "-"])
            .shell(shell);
        run.by_file("clt_ExampleToken\n").end().expect(0, &[]);
        assert_eq!(
            machine.report().expect("it was started")["read"],
            "clt_ExampleToken\n",
            "{shell:?}"
        );
        let closed = machine.run(["--join"]).shell(shell).mounted("exec 0<&-");
        closed.by_file("").end().expect(0, &[]);
        assert_eq!(
            machine.report().expect("it was started")["stdin"],
            "/dev/null",
            "{shell:?}"
        );
    }
}

#[test]
fn by_pipe_standard_input_holds_no_token() {
    let machine = Machine::new();
    let refused = |args: &[&str], flag: &str| {
        for shell in SHELLS {
            let ended = machine.run(args).shell(shell).end();
            ended.expect(2, &[&format!("error: {flag} - reads standard input, and that is this script\n  fix: pass the path")]);
        }
    };
    refused(
        &["--join", "--master-token-file", "-"],
        "--master-token-file",
    );
    refused(&["--master-token-file=-", "--join"], "--master-token-file");
    refused(&["--api-token-file", "-"], "--api-token-file");
    let by_variable = machine
        .run(["--join"])
        .env("STREAMHUB_MASTER_TOKEN_FILE", "-");
    by_variable.end().expect(
        2,
        &["error: STREAMHUB_MASTER_TOKEN_FILE - reads standard input"],
    );
    assert_eq!(machine.server.requests(), 0);
    // A file of another name is none of it.
    machine
        .run(["--master-token-file", "/-"])
        .end()
        .expect(0, &[]);
}
