//! `--json` without a host: usage errors, a failing preflight, and every form that an event can take.

#![forbid(unsafe_code)]

#[path = "lab/events.rs"]
mod events;

use std::process::{Command, Stdio};

use events::{events, of_kind};
use streamhub_install::preflight::CHECKS;
use streamhub_install::ui::{Difference, Event, Severity, StepState};

fn run(args: &[&str]) -> (i32, String, String) {
    let root = tempfile::tempdir().expect("there is a place for temporary files");
    let output = Command::new(env!("CARGO_BIN_EXE_streamhub-install"))
        .args(["--json", "--root"])
        .arg(root.path())
        .args(args)
        .env_clear()
        .env("PATH", "/nowhere")
        .env("STREAMHUB_DOCKER_SOURCE", "distro")
        .stdin(Stdio::null())
        .output()
        .expect("it was built");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it is text");
    (
        output.status.code().expect("it exits"),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn every_event_that_the_program_knows_is_in_the_schema() {
    let done = r#"{"event":"done","changed":false,"degraded":true,"exit":0}"#;
    let mut all = Vec::new();
    for check in CHECKS {
        for severity in [Severity::Error, Severity::Warning, Severity::Unknown] {
            let (what, fix) = ("what", (severity != Severity::Unknown).then_some("fix"));
            all.push(serde_json::to_value(Event::Finding {
                check: check.name,
                severity,
                what,
                fix,
            }));
        }
    }
    for change in [
        Difference::Create,
        Difference::Update,
        Difference::Remove,
        Difference::Unknown,
    ] {
        all.push(serde_json::to_value(Event::Plan {
            resource: "file",
            change,
            detail: None,
        }));
    }
    for state in [StepState::Started, StepState::Done, StepState::Failed] {
        all.push(serde_json::to_value(Event::Step {
            name: "file",
            state,
        }));
    }
    all.push(serde_json::to_value(Event::Warning { what: "what" }));
    let lines: Vec<String> = all
        .into_iter()
        .map(|v| v.expect("it is JSON").to_string())
        .collect();
    events(&format!("{}\n{done}\n", lines.join("\n")), 0);
    for exit in [1, 2, 3, 4, 5, 6, 75, 130, 143] {
        let why = ["a cause".to_owned()];
        let fault = Event::Fault {
            exit,
            what: "what",
            why: &why,
            fix: None,
        };
        let done = Event::Done {
            changed: true,
            degraded: false,
            exit,
        };
        let [fault, done] = [fault, done].map(|e| serde_json::to_string(&e).expect("it is JSON"));
        events(&format!("{fault}\n{done}\n"), exit.into());
    }
}

#[test]
fn an_event_that_the_schema_does_not_know_is_refused() {
    for line in [
        r#"{"event":"surprise"}"#,
        r#"{"event":"warning"}"#,
        r#"{"event":"warning","what":"x","more":1}"#,
        r#"{"event":"finding","check":"luck","severity":"error","what":"x","fix":null}"#,
    ] {
        let stdout = format!(
            "{line}\n{}\n",
            r#"{"event":"done","changed":false,"degraded":false,"exit":0}"#
        );
        assert!(
            std::panic::catch_unwind(|| events(&stdout, 0)).is_err(),
            "{line}"
        );
    }
}

#[test]
fn every_way_to_fail_ends_in_a_fault_and_its_code() {
    for (args, code, kind) in [
        (vec!["--joni"], 2, "fault"),
        (vec!["--master-ip", "x"], 2, "fault"),
        (vec!["--dry-run", "--join"], 2, "fault"),
        (vec!["update"], 2, "fault"),
        (vec!["heartbeat"], 1, "fault"),
        (
            vec![
                "--dry-run",
                "--join",
                "--master-ip",
                "127.0.0.1",
                "--master-token",
                "clt_Example",
            ],
            3,
            "finding",
        ),
    ] {
        let (exit, stdout, stderr) = run(&args);
        assert_eq!(exit, code, "{args:?}: {stderr}");
        assert!(
            !of_kind(&events(&stdout, code), kind).is_empty(),
            "{args:?}: {stdout}"
        );
        assert!(stderr.contains("error"), "people read stderr: {stderr}");
    }
    // Help stays help.
    let (exit, stdout, _) = run(&["--help"]);
    assert!(exit == 0 && stdout.contains("Usage: streamhub-install"));
}
