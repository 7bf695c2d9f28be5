//! Services that `docker compose up` starts and that do not serve.

use crate::base::Layer;
use crate::cluster::{Origin, SECRETS, edge};
use crate::host::Host;
use crate::images::{self, Image};
use crate::program::standin;

const NAME: &str = "livekit/livekit-server:v1.8.4";

/// livekit under its own name, started by this script: `$CONFIG` is what the program gave it.
fn livekit_started_by(script: &str) -> Image {
    let base = Layer::Bare.directories().pop().expect("there is one");
    let script = format!("CONFIG=/etc/livekit.yaml; {script}");
    let entrypoint = serde_json::json!(["/busybox", "sh", "-c", script, "livekit"]);
    Image::of_program(NAME, &standin("livekit-server"))
        .with_file("/busybox", &base.join("bin/busybox"))
        .with_change(&format!("ENTRYPOINT {entrypoint}"))
}

fn mended(edge: &Host) {
    let sound = images::livekit()
        .into_iter()
        .next()
        .expect("livekit is the first");
    edge.import(&sound);
}

#[test]
fn a_livekit_that_exits_0_on_its_configuration_is_shown_and_not_believed() {
    let origin = Origin::boot("origin");
    let edge = edge("edge-1");
    // An older one, say, that does not know a key of ours: it prints the error and exits 0. This one also tells secrets.
    edge.import(&livekit_started_by(
        "/busybox cat $CONFIG; (/busybox cat $CONFIG; echo 'unknown_to_it: 1') >/tmp/c; exec /livekit-server --config /tmp/c",
    ));
    let run = edge.join(&origin).run().expect_code(6);
    run.expect_said(&[
        "livekit",
        "the last lines of streamhub-livekit's log",
        "unknown_to_it",
        "run this again",
        "(secret)",
    ]);
    run.expect_none_of(SECRETS);
    crate::strace::assert_none_in(
        SECRETS,
        "the log",
        &edge.read("/var/log/streamhub-install.log"),
    );

    mended(&edge);
    edge.program(["--join"]).run().expect_code(0);
    assert_eq!(origin.node("edge-1")["status"], "active");
}

#[test]
fn a_livekit_that_starts_again_and_again_is_named_with_its_log() {
    let origin = Origin::boot("origin");
    let edge = edge("edge-1");
    edge.import(&livekit_started_by(
        "exec /livekit-server --config $CONFIG --crash-after 2",
    ));
    let run = edge.join(&origin).run().expect_code(6);
    run.expect_said(&["livekit", "told to crash", "run this again"]);
    run.expect_none_of(SECRETS);
    // The services that are well were left running.
    let others = edge.containers();
    let running = |name: &str| {
        others
            .iter()
            .any(|c| c.starts_with(name) && c.ends_with("running"))
    };
    assert!(
        running("streamhub-ingress") && running("streamhub-egress"),
        "{others:?}"
    );

    // It runs for two seconds at a time: the next run may find it up, and must not be taken in.
    edge.program(["--join"]).run().expect_code(6);
    mended(&edge);
    edge.program(["--join"]).run().expect_code(0);
}

#[test]
fn a_port_that_never_answers_is_no_proof() {
    let origin = Origin::boot("origin");
    let host = edge("edge-1");
    host.joined(&origin);
    host.sh_ok("iptables --insert INPUT --protocol tcp --dport 1935 --jump REJECT");
    let run = host.program(["--join"]).run().expect_code(6);
    run.expect_said(&[
        "ingress does not answer on 1935 within 60 s",
        "the last lines of streamhub-ingress's log",
        "docker compose logs",
    ]);
    host.sh_ok("iptables --delete INPUT --protocol tcp --dport 1935 --jump REJECT");
    host.program(["--join"]).run().expect_code(0);
}
