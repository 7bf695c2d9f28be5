//! A joined edge whose origin is away, or turns it away: it serves on.

use crate::cluster::{Origin, TOKEN, edge};
use crate::host::Host;
use crate::tree::Tree;

const WRONG: &str = "clt_ExampleWrongToken0123456789";

/// The disk without the log, which every run writes.
fn files(host: &Host) -> Tree {
    let mut tree = host.tree();
    tree.remove(std::path::Path::new("/var/log/streamhub-install.log"));
    tree
}

#[test]
fn an_edge_whose_origin_is_down_serves_on_as_it_was() {
    let origin = Origin::boot("origin");
    let edge = edge("edge-1");
    edge.join(&origin)
        .args(["--region", "eu-west"])
        .run()
        .expect_code(0);
    let (lives, tree) = (edge.lives(), files(&edge));
    origin.down();

    let run = edge.program(["--join", "--json"]).run().expect_code(0);
    assert_eq!(run.done()["degraded"], true);
    assert_eq!(run.done()["changed"], false);
    let events = run.events();
    let warnings: Vec<_> = events.iter().filter(|e| e["event"] == "warning").collect();
    assert!(
        warnings
            .iter()
            .any(|w| w["what"].to_string().contains("keeps what it has")),
        "{warnings:?}"
    );
    assert_eq!((edge.lives(), files(&edge)), (lives.clone(), tree.clone()));

    // What else is asked for waits: the origin could not be told.
    let run = edge
        .program(["--join", "--region", "us-east", "--node-name", "other"])
        .args([
            "--drain-timeout",
            "1m",
            "--master-url",
            &format!("http://{}:3020/", origin.host.ip()),
        ])
        .env("STREAMHUB_MASTER_TOKEN", WRONG)
        .run()
        .expect_code(0);
    run.expect_said(&["warning"]);
    assert_eq!((edge.lives(), files(&edge)), (lives, tree.clone()));

    // Stopped services come back as they were saved, with their containers.
    let ids = edge.containers();
    edge.sh_ok("docker stop $(docker ps --quiet)");
    let run = edge
        .program(["--join", "--region", "us-east"])
        .run()
        .expect_code(0);
    run.expect_said(&["its origin is away", "eu-west"]);
    assert_eq!((edge.containers(), files(&edge)), (ids, tree));

    origin.up();
    let run = edge.program(["--json"]).run().expect_code(0);
    assert_eq!(run.done()["degraded"], false);
    assert_eq!(origin.node("edge-1")["region"], "eu-west");
}

#[test]
fn a_wrong_token_on_a_joined_edge_disturbs_nothing() {
    let origin = Origin::boot("origin");
    let edge = edge("edge-1");
    edge.joined(&origin);
    let (lives, tree, row) = (edge.lives(), files(&edge), origin.node("edge-1"));

    let run = edge
        .program(["--join", "--region", "us-east"])
        .env("STREAMHUB_MASTER_TOKEN", WRONG)
        .run()
        .expect_code(5);
    run.expect_said(&["401", "this node goes on as it was"]);
    run.expect_none_of(&[WRONG, TOKEN]);
    assert_eq!((edge.lives(), files(&edge)), (lives.clone(), tree.clone()));
    assert_eq!(origin.node("edge-1")["region"], row["region"]);

    let beats = || {
        let requests = origin.requests();
        let beat = |r: &&serde_json::Value| r["body"].to_string().contains("loadavg1");
        requests.iter().filter(beat).count()
    };
    let before = beats();
    edge.sh_ok("systemctl start streamhub-heartbeat.service");
    assert_eq!(beats(), before + 1);
    // Joining switched off is the same.
    origin.rotate(&serde_json::json!({ "token": null }));
    let run = edge.program(["--join"]).run().expect_code(5);
    run.expect_said(&["joining is disabled there"]);
    assert_eq!((edge.lives(), files(&edge)), (lives, tree));
}

#[test]
fn a_rerun_without_flags_uses_what_was_saved() {
    let origin = Origin::boot("origin");
    let edge = edge("edge-1");
    edge.join(&origin)
        .args(["--region", "eu-west", "--node-name", "ams-1"])
        .run()
        .expect_code(0);
    let lives = edge.lives();
    edge.program(["--join"]).run().expect_code(0);
    edge.program::<&str>([]).run().expect_code(0);
    edge.program::<&str>([])
        .env("STREAMHUB_JOIN", "1")
        .run()
        .expect_code(0);
    let requests = origin.requests();
    let joins: Vec<_> = requests
        .iter()
        .filter(|r| r["path"] == "/api/v1/cluster/join")
        .map(|r| r["body"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(joins.len(), 4);
    assert!(joins.iter().all(|body| *body == joins[0]), "{joins:?}");
    assert!(joins[0].contains("\"region\":\"eu-west\""), "{joins:?}");
    assert_eq!(origin.node("ams-1")["region"], "eu-west");
    assert_eq!(edge.lives(), lives);

    edge.program(["--region", ""]).run().expect_code(0);
    assert_eq!(origin.node("ams-1")["region"], serde_json::Value::Null);
    edge.program::<&str>([]).run().expect_code(0);
    assert_eq!(origin.node("ams-1")["region"], serde_json::Value::Null);
}
