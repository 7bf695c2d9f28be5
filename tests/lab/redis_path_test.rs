//! The way to the origin's redis: looked at before the origin hears of this host, and again once it has named one.

use serde_json::json;

use crate::cluster::{Origin, REDIS_PASSWORD, TOKEN, edge};

/// Nothing that a join writes is there, and no container.
#[track_caller]
fn assert_untouched(edge: &crate::host::Host) {
    for path in [
        "/opt/streamhub/.env",
        "/etc/streamhub/heartbeat.env",
        "/opt/streamhub/docker-compose.yml",
    ] {
        assert!(!edge.has(path), "{path}");
    }
    assert!(edge.containers().is_empty());
}

#[test]
fn a_redis_closed_to_this_host_is_found_before_the_origin_sees_a_join() {
    let origin = Origin::boot("origin");
    let edge = edge("edge-1");
    let before = edge.tree();
    let (master, own) = (origin.host.ip(), edge.ip());
    let fix = [
        "[redis]".to_owned(),
        format!("/install.sh | sudo bash -s -- --cluster-redis-bind {master}"),
        format!("/install.sh | sudo bash -s -- allow-edge {own}"),
    ];
    let fix: Vec<&str> = fix.iter().map(String::as_str).collect();

    // Dropped on the way: nothing answers.
    origin
        .host
        .sh_ok("ufw allow 3020/tcp && ufw deny 6379/tcp && ufw --force enable");
    let run = edge.join(&origin).run().expect_code(3);
    run.expect_said(&fix).expect_said(&["no answer within"]);
    // Let through again, to a redis that listens on loopback alone.
    origin.host.sh_ok("ufw --force disable");
    origin.stop_redis();
    origin.host.sh_ok(
        "systemd-run --quiet --collect --unit=lab-redis redis-server --bind 127.0.0.1 --save ''",
    );
    let run = edge.join(&origin).run().expect_code(3);
    run.expect_said(&fix).expect_said(&["connection refused"]);
    // In its place something that is no redis.
    origin.stop_redis();
    let ip = origin.host.ip();
    origin.host.sh_ok(&format!(
        "systemd-run --quiet --collect --unit=lab-redis python3 -m http.server --bind {ip} 6379
         until curl --silent --output /dev/null http://{ip}:6379; do sleep 0.05; done"
    ));
    let run = edge.join(&origin).run().expect_code(3);
    run.expect_said(&fix).expect_said(&["no redis"]);

    assert_eq!(origin.joins(), 0);
    assert_eq!(edge.tree(), before, "not even a log");
    assert_untouched(&edge);
}

#[test]
fn a_redis_that_the_origin_names_in_vain_is_refused_before_anything_is_written() {
    let origin = Origin::boot("origin");
    let edge = edge("edge-1");
    let nobody = origin.host.ip();
    for (url, word) in [
        (
            format!("redis://:{REDIS_PASSWORD}@{nobody}:6390"),
            "connection refused",
        ),
        (
            format!("redis://:{REDIS_PASSWORD}@127.0.0.1:6379"),
            "connection refused",
        ),
        (origin.redis_url("ExampleWrongPassword"), "WRONGPASS"),
        (format!("redis://{nobody}:6379"), "wants a password"),
        (
            format!("redis://:{REDIS_PASSWORD}@{nobody}:3020"),
            "it closed the connection",
        ),
    ] {
        origin.rotate(&json!({ "redis_url": url }));
        let run = edge.join(&origin).run().expect_code(3);
        run.expect_said(&[word, "allow-edge"]);
        run.expect_none_of(&[REDIS_PASSWORD, "ExampleWrongPassword", TOKEN]);
        assert_untouched(&edge);
    }
    // On a node that serves, the same is refused and changes nothing.
    origin.rotate(&json!({ "redis_url": origin.redis_url(REDIS_PASSWORD) }));
    edge.joined(&origin);
    let (lives, env) = (edge.lives(), edge.read("/opt/streamhub/.env"));
    origin.rotate(&json!({ "redis_url": origin.redis_url("ExampleWrongPassword") }));
    let run = edge.program(["--join"]).run().expect_code(3);
    run.expect_said(&["WRONGPASS"]);
    assert_eq!(edge.lives(), lives);
    assert_eq!(edge.read("/opt/streamhub/.env"), env);
}
