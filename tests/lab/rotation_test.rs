//! What an origin or an operator changes: each service that it concerns is recreated once, and no other.

use std::collections::BTreeSet;

use serde_json::json;

use crate::cluster::{API_KEY, API_SECRET, Origin, edge};

const ENV: &str = "/opt/streamhub/.env";

#[test]
fn rotated_keys_recreate_each_service_once_and_leave_the_rest_of_env_alone() {
    let origin = Origin::boot("origin");
    let edge = edge("edge-1");
    edge.joined(&origin);
    assert!(edge.takes_tokens_of(API_KEY, API_SECRET));
    edge.sh_ok(&format!(
        "printf '# mine\\r\\nMY_OWN = kept as it is\\n' >>{ENV}; sed -i 's/^EGRESS_CPUS=.*/EGRESS_CPUS=0.5/' {ENV}"
    ));
    // That alone is a change; here it is out of the way.
    edge.program(["--join"]).run().expect_code(0);
    let before = edge.read(ENV);

    origin.stop_redis();
    origin.start_redis("ExampleNewRedisPassword");
    let (key, secret) = (
        "APIExampleNewKey",
        "ExampleNewLiveKitSecretOf40Characters00",
    );
    origin.rotate(&json!({
        "api_key": key, "api_secret": secret, "redis_url": origin.redis_url("ExampleNewRedisPassword"),
    }));
    let since = edge.moment();
    let run = edge.program(["--join"]).run().expect_code(0);
    run.expect_none_of(&[secret, "ExampleNewRedisPassword", key]);

    assert_eq!(
        edge.engine_did(&since, &["create"]),
        ["create egress", "create ingress", "create livekit"]
    );
    assert!(edge.takes_tokens_of(key, secret) && !edge.takes_tokens_of(API_KEY, API_SECRET));
    let after = edge.read(ENV);
    assert_eq!(before.lines().count(), after.lines().count());
    let changed: BTreeSet<&str> = (before.lines().zip(after.lines()))
        .filter(|(old, new)| old != new)
        .filter_map(|(_, new)| new.split('=').next())
        .collect();
    let expected = [
        "LIVEKIT_API_KEY",
        "LIVEKIT_API_SECRET",
        "LIVEKIT_REDIS_PASSWORD",
        "REDIS_URL",
    ];
    assert_eq!(changed, BTreeSet::from(expected));
    assert!(after.contains("\r\n") && after.contains(secret));
    let lives = edge.lives();
    edge.program(["--join"]).run().expect_code(0);
    assert_eq!(edge.lives(), lives, "once is enough");
}

#[test]
fn only_the_service_that_a_change_concerns_is_touched() {
    let origin = Origin::boot("origin");
    let edge = edge("edge-1");
    edge.joined(&origin);
    for change in [
        format!("sed -i 's/^EGRESS_CPUS=.*/EGRESS_CPUS=0.7/' {ENV}"),
        format!("echo EGRESS_MEM_LIMIT=1g >>{ENV}"),
    ] {
        let lives = edge.lives();
        edge.sh_ok(&change);
        let since = edge.moment();
        edge.program(["--join"]).run().expect_code(0);
        assert_eq!(
            edge.engine_did(&since, &["create"]),
            ["create egress"],
            "{change}"
        );
        assert_eq!(same(&lives, &edge.lives()), ["ingress", "livekit"]);
    }
    assert_eq!(
        edge.sh_ok("docker inspect --format '{{.HostConfig.NanoCpus}} {{.HostConfig.Memory}}' streamhub-egress"),
        "700000000 1073741824\n"
    );

    // Stopped: the same container runs again. Removed: a new one does. The others never notice.
    let lives = edge.lives();
    edge.sh_ok("docker stop streamhub-ingress");
    let since = edge.moment();
    edge.program(["--join"]).run().expect_code(0);
    let events = edge.engine_did(&since, &["create", "start", "stop"]);
    assert_eq!(events, ["start ingress"]);
    assert_eq!(same(&lives, &edge.lives()), ["egress", "livekit"]);

    edge.sh_ok("docker rm --force streamhub-livekit");
    let since = edge.moment();
    edge.program(["--join"]).run().expect_code(0);
    let events = edge.engine_did(&since, &["create", "start", "stop"]);
    assert_eq!(events, ["create livekit", "start livekit"]);
    assert_eq!(same(&lives, &edge.lives()), ["egress"]);
    assert!(edge.takes_tokens_of(API_KEY, API_SECRET));
}

/// The services whose containers lived on.
fn same(before: &[String], after: &[String]) -> Vec<String> {
    let lived_on = after.iter().filter(|life| before.contains(life));
    let name = |life: &String| {
        let name = life.split(' ').next().unwrap_or_default();
        name.trim_start_matches("/streamhub-").to_owned()
    };
    lived_on.map(name).collect()
}
