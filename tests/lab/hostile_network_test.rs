//! Real services under an origin that means ill, a link that loses, and a shell that exports.

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::cluster::{API_KEY, API_SECRET, Origin, REDIS_PASSWORD, SECRETS, TOKEN, edge};

const ENV: &str = "/opt/streamhub/.env";

#[test]
fn a_joined_edge_serves_on_whatever_the_origin_answers() {
    let origin = Origin::boot("origin");
    let edge = edge("edge-1");
    edge.joined(&origin);
    let join = "/api/v1/cluster/join";
    let files = || {
        let mut tree = edge.tree();
        tree.remove(Path::new("/var/log/streamhub-install.log"));
        (tree, edge.lives())
    };
    let before = files();
    let fields = |set: serde_json::Value| json!({ "act": "join_fields", "path": join, "set": set });
    for (act, code, word) in [
        (
            fields(json!({ "livekit.apiSecret": "a\nkeys:\n  'evil': 'ExampleEvil'" })),
            1,
            "apiSecret holds '\\n'",
        ),
        (
            fields(json!({ "livekit.apiKey": 42 })),
            1,
            "apiKey is not text",
        ),
        (
            fields(json!({ "redisUrl": "redis://:ExampleEvil'@10.0.0.1" })),
            1,
            "redisUrl holds",
        ),
        (
            fields(json!({ "redisUrl": "redis://:ExampleEvil@127.0.0.1:1" })),
            3,
            "connection refused",
        ),
        (
            fields(json!({ "nodeId": "../ExampleEvil" })),
            1,
            "nodeId is not",
        ),
        (json!({ "act": "huge", "path": join }), 1, "over 64 KiB"),
        (json!({ "act": "deep_json", "path": join }), 1, "not JSON"),
        (json!({ "act": "gzip", "path": join }), 1, "not JSON"),
        (
            json!({ "act": "captive_portal", "path": join }),
            1,
            "not JSON",
        ),
        (
            json!({ "act": "redirect", "status": 307, "location": "http://127.0.0.1:7880/", "path": join }),
            4,
            "redirects to",
        ),
    ] {
        origin.behave(&act);
        let run = edge.program(["--join"]).run().expect_code(code);
        run.expect_said(&[word])
            .expect_none_of(SECRETS)
            .expect_none_of(&["ExampleEvil"]);
        assert!(files() == before, "{act} changed something");
    }

    // Values that look dangerous and are allowed arrive at the service as they are, and nothing of them is executed.
    let (key, secret) = (
        "API$HOME#Example",
        "Example${PATH}$(id):#{{x}}&*!|>%@-40-chars",
    );
    origin.behave(&fields(
        json!({ "livekit.apiKey": key, "livekit.apiSecret": secret }),
    ));
    edge.program(["--join"]).run().expect_code(0);
    assert!(edge.takes_tokens_of(key, secret));
    let lives = edge.lives();
    edge.program(["--join"]).run().expect_code(0);
    assert_eq!(
        edge.lives(),
        lives,
        "they are read back as they were written"
    );
}

#[test]
fn a_first_join_without_an_origin_leaves_nothing() {
    let origin = Origin::boot("origin");
    let edge = edge("edge-1");
    let before = edge.tree();
    origin.down();
    let run = edge.join(&origin).run().expect_code(4);
    run.expect_said(&["Connection refused", "--cluster-redis-bind", "--master-url"]);
    let run = edge.join(&origin).args(["--json"]).run().expect_code(4);
    assert_eq!(
        (&run.done()["exit"], &run.done()["changed"]),
        (&json!(4), &json!(false))
    );
    // Off the network altogether: the origin's silence explains redis's.
    origin.up();
    origin.host.cut_off();
    let run = edge.join(&origin).run().expect_code(4);
    run.expect_said(&[
        "[origin]",
        "[redis]",
        "2 problems found before anything was changed",
    ]);
    assert_eq!(edge.tree(), before);
    assert!(edge.containers().is_empty());

    // Gone between preflight and join: what was prepared stays, and nothing else is there.
    origin.host.reconnect();
    origin.behave(&json!({ "act": "close", "path": "/api/v1/cluster/join" }));
    edge.join(&origin).run().expect_code(4);
    assert!(edge.containers().is_empty() && !edge.has(ENV));
    assert_eq!(
        edge.run(["systemctl", "cat", "streamhub-heartbeat.timer"])
            .code,
        1
    );
    origin.behave(&json!({ "act": "normal" }));
    edge.joined(&origin);
}

#[test]
fn a_link_that_loses_and_delays_ends_every_run_and_none_badly() {
    let origin = Origin::boot("origin");
    let edge = edge("edge-1");
    edge.worsen_link(30, Duration::from_secs(2));
    // It may come through or not; what it may not is hang, or fail in another way than by the network.
    let run = edge.join(&origin).run();
    assert!([0, 3, 4, 6].contains(&run.code), "{}", run.said());
    run.expect_none_of(SECRETS);
    let joined = edge.has(ENV);
    edge.mend_link();
    edge.joined(&origin);
    assert_eq!(origin.nodes().len(), 2, "the origin's own row and this one");

    let lives = edge.lives();
    edge.worsen_link(30, Duration::from_secs(2));
    let run = edge.program(["--join"]).run();
    assert!([0, 6].contains(&run.code), "first {joined}: {}", run.said());
    assert_eq!(edge.lives(), lives);
    let beat = edge
        .program(["heartbeat"])
        .within(Duration::from_secs(40))
        .run();
    assert!([0, 4].contains(&beat.code), "{}", beat.said());
}

#[test]
fn what_the_operators_shell_exports_has_no_effect() {
    let origin = Origin::boot("origin");
    let edge = edge("edge-1");
    let url = format!("http://{}:9", origin.host.ip());
    edge.write(
        "/root/other.yml",
        "services: {other: {image: nobody/else}}\n",
        0o644,
    );
    let exported = |args: &[&str]| {
        let config = "{\"currentContext\": \"elsewhere\"}\n";
        edge.write("/root/.docker/config.json", config, 0o600);
        edge.join(&origin)
            .args(args)
            .env("LIVEKIT_API_KEY", "APIExampleExported")
            .env(
                "LIVEKIT_API_SECRET",
                "ExampleExportedSecretOf40Characters00000",
            )
            .env("LIVEKIT_REDIS_PASSWORD", "ExampleExported")
            .env("EGRESS_CPUS", "0.1")
            .env("DATA_DIR", "/exported")
            .env("COMPOSE_FILE", "/root/other.yml")
            .env("COMPOSE_PROJECT_NAME", "exported")
            .env("COMPOSE_PROFILES", "exported")
            .env("COMPOSE_ENV_FILES", "/root/exported.env")
            .env("DOCKER_HOST", "tcp://127.0.0.1:1")
            .env("DOCKER_CONTEXT", "elsewhere")
            .env("DOCKER_TLS_VERIFY", "1")
            .env("HTTP_PROXY", &url)
            .env("http_proxy", &url)
            .env("ALL_PROXY", &url)
            .run()
            .expect_code(0);
        // It would lead this test's own commands astray.
        edge.sh_ok("rm /root/.docker/config.json");
    };
    exported(&[]);
    assert!(edge.takes_tokens_of(API_KEY, API_SECRET));
    let env = edge.read(ENV);
    assert!(
        env.contains(REDIS_PASSWORD) && !env.to_lowercase().contains("exported"),
        "{env}"
    );
    let projects =
        edge.sh_ok("docker ps --format '{{.Label \"com.docker.compose.project\"}}' | sort -u");
    assert_eq!(projects, "streamhub\n");
    let lives = edge.lives();
    exported(&["--json"]);
    edge.program(["--join"]).run().expect_code(0);
    assert_eq!(edge.lives(), lives);
    assert!(
        origin
            .requests()
            .iter()
            .any(|r| r.to_string().contains(TOKEN))
    );
}
