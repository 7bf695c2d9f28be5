//! The registry by the program, and an edge that is drained, found so by everything that comes after, and brought back.

use serde_json::{Value, json};

use crate::cluster::{API_TOKEN, Origin, edge};
use crate::command::HostCommand;
use crate::host::Host;

const OVERRIDE: &str = "/opt/streamhub/docker-compose.override.yml";

/// With an operator's token.
fn as_operator<const N: usize>(host: &Host, args: [&str; N]) -> HostCommand {
    host.program(args).env("STREAMHUB_API_TOKEN", API_TOKEN)
}

/// From the next livekit on, its last call ends so long after it was told to end.
fn calls_last(edge: &Host, seconds: u32) {
    let text = format!(
        "services:\n  livekit:\n    environment:\n      STANDIN_DRAIN_SECONDS: '{seconds}'\n"
    );
    edge.write(OVERRIDE, text, 0o644);
}

fn livekit(edge: &Host) -> String {
    let format = "{{.State.Status}} {{.State.StartedAt}}";
    edge.sh_ok(&format!(
        "docker inspect --format '{format}' streamhub-livekit"
    ))
}

#[track_caller]
fn assert_rests(edge: &Host) {
    assert!(livekit(edge).starts_with("exited"), "{}", livekit(edge));
    for service in ["ingress", "egress"] {
        let running =
            format!("docker inspect --format '{{{{.State.Running}}}}' streamhub-{service}");
        assert_eq!(edge.sh_ok(&running).trim(), "true", "{service}");
    }
    let run = edge.program(["status"]).run().expect_code(0);
    run.expect_said(&["Drained", "exited     livekit", "All is well"]);
}

#[test]
fn a_drained_edge_stays_drained_until_it_is_activated() {
    let origin = Origin::boot("origin");
    let mut edge = edge("edge-1");
    edge.joined(&origin);
    calls_last(&edge, 300);
    edge.program(["--join"]).run().expect_code(0);
    let status = || origin.node("edge-1")["status"].clone();

    // An origin that was named and does not know this node is a mistake.
    let other = Origin::boot("other");
    let url = format!("http://{}:3020", other.host.ip());
    let run = as_operator(&edge, ["nodes", "drain", "--master-url", &url]).run();
    run.expect_code(1)
        .expect_said(&["the origin knows no node"]);
    let run = edge.program(["status"]).run().expect_code(0);
    assert!(!run.said().contains("Drained"), "{}", run.said());
    drop(other);

    // Without a token livekit is told, and the registry is not.
    let since = edge.moment();
    let run = edge.program(["nodes", "drain"]).run().expect_code(0);
    run.expect_said(&["livekit takes no new room", "nodes drain edge-1"]);
    assert_eq!(status(), "active");
    let draining = livekit(&edge);
    assert!(
        draining.starts_with("running"),
        "its call goes on: {draining}"
    );
    // With one, the registry is, and livekit not a second time: that would cut the call.
    let run = as_operator(&edge, ["nodes", "drain", "edge-1"])
        .run()
        .expect_code(0);
    run.expect_said(&["was told before", "edge-1 is draining now"]);
    run.expect_none_of(&[API_TOKEN]);
    let run = as_operator(&edge, ["nodes", "drain", "--wait", "--timeout", "2s"]).run();
    run.expect_code(6)
        .expect_said(&["still has calls", "goes on draining"]);
    // A run that was killed before it could note whom it told does not tell twice either.
    edge.sh_ok("sed -i '/told_to_end/d; s/\"drained\": true,/\"drained\": true/' /etc/streamhub/receipt.json");
    edge.program(["nodes", "drain"]).run().expect_code(0);
    // A run in between leaves it alone, and the status too where it can; where it can't it says so.
    as_operator(&edge, ["--join"]).run().expect_code(0);
    assert_eq!(status(), "draining");
    let run = edge.program(["--join"]).run().expect_code(0);
    run.expect_said(&["drained", "nodes drain edge-1"]);
    assert_eq!(status(), "active");
    as_operator(&edge, ["--join"]).run().expect_code(0);
    assert_eq!(status(), "draining");
    assert_eq!(livekit(&edge), draining);
    assert_eq!(edge.engine_did(&since, &["kill"]), ["kill livekit"]);
    edge.program(["status"])
        .run()
        .expect_code(0)
        .expect_said(&["Drained"]);

    // The power goes while the call lasts: livekit is not started again.
    edge.kill();
    edge.start();
    assert_rests(&edge);
    edge.program(["heartbeat"]).run().expect_code(0);
    assert_eq!(
        origin.node("edge-1")["stats"]["services"]["livekit"],
        "exited"
    );
    // Told by the registry alone, from anywhere: it has finished.
    let url = format!("http://{}:3020", origin.host.ip());
    origin.host.push_program();
    let run = as_operator(
        &origin.host,
        ["nodes", "drain", "edge-1", "--wait", "--master-url", &url],
    )
    .run();
    run.expect_code(0)
        .expect_said(&["draining already", "its livekit has ended"]);

    // New keys reach the services that run, and livekit once it is brought back.
    let (key, secret) = (
        "APIExampleNewKey",
        "ExampleNewLiveKitSecretOf40Characters00",
    );
    origin.rotate(&json!({"api_key": key, "api_secret": secret}));
    as_operator(&edge, ["--join"]).run().expect_code(0);
    assert_rests(&edge);
    assert_eq!(status(), "draining");
    calls_last(&edge, 4);
    let run = as_operator(&edge, ["nodes", "activate"])
        .run()
        .expect_code(0);
    run.expect_said(&["edge-1 takes new rooms again", "edge-1 is active now"]);
    assert!(edge.takes_tokens_of(key, secret));
    assert_eq!(status(), "active");
    let lives = edge.lives();
    as_operator(&edge, ["nodes", "activate"])
        .run()
        .expect_code(0);
    edge.program(["--join"]).run().expect_code(0);
    assert_eq!(edge.lives(), lives, "once is enough");
    // One that was cut off between forgetting the drain and starting livekit is gone on with.
    edge.sh_ok("docker stop streamhub-livekit");
    let run = edge.program(["nodes", "activate"]).run().expect_code(0);
    run.expect_said(&["edge-1 takes new rooms again"]);
    assert!(livekit(&edge).starts_with("running"));
    let run = edge.program(["status"]).run().expect_code(0);
    assert!(!run.said().contains("Drained"));

    // Brought back while its call goes on: that one has the time of a recreate, and is cut.
    calls_last(&edge, 300);
    as_operator(&edge, ["--join", "--drain-timeout", "2s"])
        .run()
        .expect_code(0);
    as_operator(&edge, ["nodes", "drain"]).run().expect_code(0);
    calls_last(&edge, 4);
    let run = as_operator(&edge, ["nodes", "activate"])
        .run()
        .expect_code(0);
    run.expect_said(&["still go on are cut", "edge-1 takes new rooms again"]);
    assert!(livekit(&edge).starts_with("running"));

    // An origin that does not answer may be its own: livekit is told all the same.
    let run = as_operator(
        &edge,
        ["nodes", "drain", "--master-url", "http://127.0.0.1:9"],
    )
    .run();
    run.expect_code(4)
        .expect_said(&["livekit takes no new room"]);
    // Waited for, through an orderly reboot.
    let run = as_operator(&edge, ["nodes", "drain", "--wait"]).run();
    run.expect_code(0).expect_said(&["edge-1 has finished"]);
    edge.reboot();
    assert_rests(&edge);
    // Started by hand it takes new rooms, which is told and not undone; a drain does that.
    edge.sh_ok("docker start streamhub-livekit");
    let run = edge.program(["status"]).run().expect_code(1);
    run.expect_said(&["livekit was started again"]);
    let fix = edge.suffers("services", &["livekit was started again"]);
    edge.paste(&fix);
    let run = as_operator(&edge, ["nodes", "drain", "--wait"]).run();
    run.expect_code(0).expect_said(&["edge-1 has finished"]);
    assert_rests(&edge);
    // A row that was removed meanwhile comes back as what the node is.
    as_operator(&edge, ["nodes", "remove", "edge-1", "--yes"])
        .run()
        .expect_code(0);
    as_operator(&edge, ["--join"]).run().expect_code(0);
    assert_rests(&edge);
    assert_eq!(status(), "draining");

    list_agrees_with_the_registry(&origin, &edge);
}

fn list_agrees_with_the_registry(origin: &Origin, edge: &Host) {
    origin.host.sh_ok(&format!(
        "for n in $(seq 100); do curl --silent --fail --output /dev/null --header 'X-Cluster-Token: {}' \
         --header 'Content-Type: application/json' --data \"{{\\\"name\\\": \\\"other-$n\\\", \\\"ip\\\": \\\"10.0.1.$n\\\"}}\" \
         http://127.0.0.1:3020/api/v1/cluster/join; done",
        crate::cluster::TOKEN
    ));
    edge.sh_ok("systemctl stop streamhub-heartbeat.timer");
    let document = as_operator(edge, ["nodes", "list", "--json"]).run().ok();
    let document: Value = serde_json::from_str(&document).expect("one document");
    let listed = document["nodes"].as_array().expect("it is a list");
    let registry = origin.nodes();
    assert_eq!(listed.len(), 102);
    for (row, there) in listed.iter().zip(&registry) {
        for (ours, theirs) in [
            ("id", "id"),
            ("name", "name"),
            ("address", "url"),
            ("region", "region"),
            ("status", "status"),
            ("stale", "stale"),
        ] {
            assert_eq!(row[ours], there[theirs], "{there}");
        }
        let seen = row["last_seen"].as_str().unwrap_or_default();
        let theirs = there["last_seen_at"].as_str().unwrap_or_default();
        assert_eq!(seen.replace('T', " ").trim_end_matches('Z'), theirs);
    }
    let table = as_operator(edge, ["nodes", "list"]).run().ok();
    assert_eq!(
        table.lines().filter(|line| !line.starts_with(' ')).count(),
        103,
        "{table}"
    );
}
