//! A Docker engine that goes away, or says nothing more, in the middle of a run.

use std::time::Duration;

use crate::cluster::{API_KEY, API_SECRET, Origin, edge};
use crate::crash_test::FILES;
use crate::host::Host;
use crate::images;
use crate::running::Running;
use crate::wait;

const SERVICES: &str = "docker rm --force streamhub-livekit streamhub-ingress streamhub-egress";

/// What happens to an engine.
struct Trouble {
    what: &'static str,
    make: &'static str,
    /// What an operator does about it, where the next run does not by itself.
    mend: &'static str,
}

const TROUBLES: &[Trouble] = &[
    Trouble {
        what: "stopped",
        make: "systemctl stop docker.socket docker.service",
        mend: "",
    },
    Trouble {
        what: "masked",
        make: "systemctl mask --quiet --now docker.socket docker.service",
        mend: "systemctl unmask docker.socket docker.service",
    },
    // systemd starts it again.
    Trouble {
        what: "killed",
        make: "systemctl kill --signal=KILL docker.service",
        mend: "",
    },
    Trouble {
        what: "restarted",
        make: "systemctl restart docker.service",
        mend: "",
    },
];

/// Puts a gate before a program: where its arguments hold the word, it waits there to be let through.
fn gate(host: &Host, program: &str, word: &str) {
    host.sh_ok(&format!("mv {program} {program}.real"));
    let script = format!(
        "#!/bin/sh\ncase \" $* \" in *' {word} '*) touch /run/at-gate; until test -e /run/open; do sleep 0.05; done;; esac\nexec {program}.real \"$@\"\n"
    );
    host.write(program, script, 0o755);
}

fn at_gate(host: &Host) {
    let there = || host.has("/run/at-gate");
    assert!(wait::until(Duration::from_secs(60), there));
}

fn let_through(host: &Host) {
    host.sh_ok("touch /run/open");
}

fn close_gate(host: &Host) {
    host.sh_ok("rm -f /run/at-gate /run/open");
}

/// A run on a joined host whose services are gone, so that there is something to start.
fn mending_run(host: &Host) -> Running {
    host.sh_ok(SERVICES);
    host.program(["--join", "--json"]).spawn()
}

/// The engine is back, or comes back: the next run makes all well, and nothing was lost.
#[track_caller]
fn converges(host: &Host, trouble: &Trouble, files: &[Option<String>]) {
    if !trouble.mend.is_empty() {
        let refused = host.program(["--join"]).run().expect_code(1);
        refused.expect_said(&[
            "docker.service does not start",
            "if it is masked: systemctl unmask docker.service",
        ]);
        host.sh_ok(trouble.mend);
    }
    host.program(["--join"]).run().expect_code(0);
    assert!(
        host.takes_tokens_of(API_KEY, API_SECRET),
        "{}",
        trouble.what
    );
    assert_eq!(written(host), files, "{}", trouble.what);
}

fn written(host: &Host) -> Vec<Option<String>> {
    FILES.iter().map(|path| host.at(path)).collect()
}

#[test]
fn an_engine_that_goes_away_while_compose_works_ends_the_run_and_the_next_converges() {
    let origin = Origin::boot("origin");
    let host = edge("edge-1");
    host.joined(&origin);
    let files = written(&host);
    gate(
        &host,
        "/usr/libexec/docker/cli-plugins/docker-compose",
        "up",
    );
    for trouble in TROUBLES {
        let run = mending_run(&host);
        at_gate(&host);
        host.sh_ok(trouble.make);
        let_through(&host);
        let output = run.wait();
        // One that is back by then has missed nothing.
        let is_back = ["killed", "restarted"].contains(&trouble.what);
        assert!(
            output.code == 1 || is_back && output.code == 0,
            "{}: {output:?}",
            trouble.what
        );
        if output.code == 1 {
            output.expect_said(&[
                "docker compose can't start the services",
                "systemctl status docker.service tells of the engine",
            ]);
        }
        converges(&host, trouble, &files);
        close_gate(&host);
    }
}

#[test]
fn an_engine_that_goes_away_while_the_services_are_watched_is_no_proof() {
    let origin = Origin::boot("origin");
    let host = edge("edge-1");
    host.joined(&origin);
    let files = written(&host);
    for trouble in TROUBLES {
        let mut run = mending_run(&host);
        run.wait_for("\"name\":\"prove that it serves\"");
        host.sh_ok(trouble.make);
        let output = run.wait();
        assert_eq!(output.code, 6, "{}: {output:?}", trouble.what);
        converges(&host, trouble, &files);
    }

    // It hangs: what is asked of it has a limit.
    let mut run = mending_run(&host);
    run.wait_for("\"name\":\"prove that it serves\"");
    host.sh_ok("systemctl kill --signal=STOP docker.service");
    let output = run.wait().expect_code(6);
    output.expect_said(&[
        "the services can't be watched",
        "systemctl status docker.service",
    ]);
    let silent = host.program(["--join"]).run().expect_code(1);
    silent.expect_said(&[
        "containers hold the ports, and the Docker engine, which knows whose they are, does not answer",
        "the Docker engine runs and does not answer",
        "see why: journalctl -u docker.service -n 50",
    ]);
    host.sh_ok("systemctl kill --signal=CONT docker.service");
    host.program(["--join"]).run().expect_code(0);
    assert_eq!(written(&host), files);
}

#[test]
fn an_engine_that_goes_away_while_an_image_is_pulled_ends_the_run_before_the_origin_hears_of_it() {
    let origin = Origin::boot("origin");
    let host = edge("edge-1");
    let egress = images::livekit().pop().expect("egress is the last");
    host.sh_ok("docker rmi livekit/egress:latest");
    gate(&host, "/usr/bin/docker", "pull");
    let run = host.join(&origin).spawn();
    at_gate(&host);
    host.sh_ok("systemctl stop docker.socket docker.service");
    let_through(&host);
    let output = run.wait().expect_code(1);
    output.expect_said(&[
        "the image livekit/egress:latest can't be pulled",
        "systemctl status docker.service",
    ]);
    assert_eq!(origin.joins(), 0);
    host.sh_ok("systemctl start docker.service");
    host.import(&egress);
    host.joined(&origin);
}

/// An operator's drop-in can take the timer's schedule away, and a node that does not beat is stale in 90 s.
#[test]
fn a_timer_without_a_next_run_is_no_proof() {
    let origin = Origin::boot("origin");
    let host = edge("edge-1");
    let drop_in = "/etc/systemd/system/streamhub-heartbeat.timer.d/mine.conf";
    host.write(
        drop_in,
        "[Timer]\nOnCalendar=\nOnCalendar=2001-01-01\n",
        0o644,
    );
    let output = host.join(&origin).run().expect_code(6);
    output.expect_said(&[
        "streamhub-heartbeat.timer has no next run",
        "systemctl cat streamhub-heartbeat.timer",
    ]);
    host.sh_ok(&format!("rm {drop_in}"));
    host.joined(&origin);
}
