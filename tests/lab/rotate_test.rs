//! `rotate` on an origin with two edges: the old secret is worth nothing afterwards, and each edge is back with the
//! command that was printed for it.

use std::time::Instant;

use crate::cluster::edge;
use crate::host::Host;
use crate::images::CORE;
use crate::origin_host::origin_host;

const DIR: &str = "/opt/streamhub";

fn keys(host: &Host) -> (String, String) {
    let key = host.setting(DIR, "LIVEKIT_API_KEY");
    (key, host.setting(DIR, "LIVEKIT_API_SECRET"))
}

fn ping(host: &Host, address: &str, password: &str) -> String {
    host.sh(&format!(
        "REDISCLI_AUTH={password} redis-cli -h {address} ping 2>&1"
    ))
    .stdout
}

/// Each service that the engine made since then, made once.
#[track_caller]
fn made_once(host: &Host, since: &str, services: &[&str]) {
    let made = host.engine_did(since, &["create"]);
    let wanted: Vec<String> = services.iter().map(|s| format!("create {s}")).collect();
    assert_eq!(made, wanted);
}

#[test]
fn a_rotated_secret_is_the_only_one_and_the_edges_come_back_with_it() {
    let origin = origin_host("origin");
    let ip = origin.ip().to_string();
    let edges = [edge("edge-1"), edge("edge-2")];
    origin
        .program(["--domain", &ip, "--core-image", CORE, "--non-interactive"])
        .args(["--cluster-redis-bind", &ip])
        .run()
        .expect_code(0);
    for edge in &edges {
        edge.program(["--join", "--master-ip", &ip])
            .env(
                "STREAMHUB_MASTER_TOKEN",
                &origin.setting(DIR, "STREAMHUB_CLUSTER_TOKEN"),
            )
            .run()
            .expect_code(0);
    }
    // Nobody there to agree: nothing is rotated.
    let env = origin.read("/opt/streamhub/.env");
    origin
        .program(["rotate", "livekit-keys"])
        .run()
        .expect_code(2)
        .expect_said(&["--yes"]);
    assert_eq!(origin.read("/opt/streamhub/.env"), env);
    edges[0]
        .program(["rotate", "livekit-keys", "--yes"])
        .run()
        .expect_code(2)
        .expect_said(&["origin"]);

    // Nor where somebody sits there and is not to be asked.
    origin
        .command(["script", "--quiet", "--return", "--command"])
        .args(["/root/streamhub-install --non-interactive rotate livekit-keys"])
        .args(["/dev/null"])
        .stdin("y\n")
        .run()
        .expect_code(2)
        .expect_said(&["--yes"]);
    assert_eq!(origin.read("/opt/streamhub/.env"), env);

    // LiveKit's keys, and nothing else that happens to be given.
    let bind = origin.setting(DIR, "REDIS_BIND");
    let (old_key, old_secret) = keys(&origin);
    let since = origin.moment();
    let began = Instant::now();
    let output = origin
        .program(["--no-cluster-redis", "rotate", "livekit-keys", "--yes"])
        .env("ADMIN_PASS", "ExampleOther")
        .run()
        .expect_code(0);
    assert_eq!(origin.setting(DIR, "REDIS_BIND"), bind);
    assert_ne!(origin.setting(DIR, "ADMIN_PASS"), "ExampleOther");
    output.expect_said(&["edge-1, edge-2", "sudo streamhub-install"]);
    made_once(&origin, &since, &["core", "egress", "ingress", "livekit"]);
    let (key, secret) = keys(&origin);
    assert!(key != old_key && secret != old_secret);
    assert!(!output.said().contains(&secret));
    for edge in &edges {
        let since = edge.moment();
        edge.program::<&str>([]).run().expect_code(0);
        made_once(edge, &since, &["egress", "ingress", "livekit"]);
    }
    eprintln!(
        "livekit-keys: both edges serve again after {:.1?}",
        began.elapsed()
    );
    for host in edges.iter().chain([&origin]) {
        assert!(host.takes_tokens_of(&key, &secret));
        assert!(!host.takes_tokens_of(&old_key, &old_secret));
    }

    // redis's password.
    let old = origin.setting(DIR, "REDIS_PASSWORD");
    let began = Instant::now();
    origin
        .program(["rotate", "redis-password", "--yes"])
        .run()
        .expect_code(0);
    let new = origin.setting(DIR, "REDIS_PASSWORD");
    assert!(ping(&edges[0], &ip, &new).contains("PONG"));
    assert!(!ping(&edges[0], &ip, &old).contains("PONG"));
    for edge in &edges {
        edge.program::<&str>([]).run().expect_code(0);
        assert_eq!(edge.setting(DIR, "LIVEKIT_REDIS_PASSWORD"), new);
    }
    eprintln!(
        "redis-password: both edges serve again after {:.1?}",
        began.elapsed()
    );

    // The join token: until an edge has the new one its beats are refused.
    let old = origin.setting(DIR, "STREAMHUB_CLUSTER_TOKEN");
    let began = Instant::now();
    let output = origin
        .program(["rotate", "cluster-token", "--yes"])
        .run()
        .expect_code(0);
    output.expect_said(&[
        "refused",
        "--master-token-file",
        "(see /opt/streamhub/.env)",
    ]);
    let new = origin.setting(DIR, "STREAMHUB_CLUSTER_TOKEN");
    assert!(new != old && !output.said().contains(&new));
    for edge in &edges {
        edge.program(["heartbeat"]).run().expect_code(5);
        let lives = edge.lives();
        edge.write("/root/token", new.as_str(), 0o600);
        edge.program(["--join", "--master-token-file", "/root/token"])
            .run()
            .expect_code(0);
        edge.program(["heartbeat"]).run().expect_code(0);
        assert_eq!(
            edge.lives(),
            lives,
            "a token is nothing that a service uses"
        );
    }
    eprintln!(
        "cluster-token: both edges serve again after {:.1?}",
        began.elapsed()
    );
    origin.program(["heartbeat"]).run().expect_code(0);
    for host in edges.iter().chain([&origin]) {
        host.program::<&str>([])
            .run()
            .expect_code(0)
            .expect_said(&["nothing to change"]);
    }
}
