//! An origin installed by the program, from nothing to edges that serve.

use std::time::Duration;

use crate::cluster::edge;
use crate::host::Host;
use crate::images::CORE;
use crate::origin_host::{as_origin, origin_host};
use crate::wait;

const DIR: &str = "/opt/streamhub";

/// The documented sequence: an origin, prepared for an edge, and that edge's join by address alone.
#[test]
fn an_origin_and_its_edges_come_up_as_documented() {
    let host = origin_host("origin");
    let ip = host.ip().to_string();
    let output = host
        .program(["--domain", &ip, "--core-image", CORE, "--non-interactive"])
        .run()
        .expect_code(0);
    output.expect_said(&["serves", "(see /opt/streamhub/.env)"]);
    for key in [
        "ADMIN_PASS",
        "STREAMHUB_API_TOKEN",
        "STREAMHUB_CLUSTER_TOKEN",
    ] {
        let secret = host.setting(DIR, key);
        assert!(!output.said().contains(&secret), "{key} was said");
    }

    // Another host sees the dashboard and no metrics, and nothing of redis and the API.
    let stranger = Host::named("stranger").boot();
    let at = |path: &str| format!("http://{ip}{path}");
    assert_eq!(stranger.status_of(&at("/api/v1/health"), &[]), "200");
    assert_eq!(stranger.status_of(&at("/metrics"), &[]), "403");
    assert_eq!(
        stranger.status_of(&format!("http://{ip}:3020/api/v1/health"), &[]),
        "000"
    );
    let token = standins::jwt::token(
        &host.setting(DIR, "LIVEKIT_API_KEY"),
        &host.setting(DIR, "LIVEKIT_API_SECRET"),
    );
    let socket = stranger.websocket(&at(&format!("/rtc?access_token={token}")), &[]);
    assert!(socket.starts_with("HTTP/1.1 101"), "{socket}");
    let bearer = format!(
        "Authorization: Bearer {}",
        host.setting(DIR, "STREAMHUB_API_TOKEN")
    );
    let nodes = at("/api/v1/cluster/nodes");
    assert_eq!(stranger.status_of(&nodes, &["--header", &bearer]), "200");

    // Again, with nothing said: nothing changes.
    let lives = host.lives();
    let tree = host.sh_ok("cat /opt/streamhub/.env /etc/streamhub/receipt.json | sha256sum");
    let again = host.program::<&str>([]).run().expect_code(0);
    again.expect_said(&["nothing to change"]);
    assert_eq!(host.lives(), lives);
    assert_eq!(
        host.sh_ok("cat /opt/streamhub/.env /etc/streamhub/receipt.json | sha256sum"),
        tree
    );

    // By hand in the directory compose does the same.
    host.sh_ok("cd /opt/streamhub && docker compose up -d 2>&1 && docker compose ps && docker compose logs core");
    assert_eq!(host.lives(), lives);

    let far = edge("edge-1");
    let edge_ip = far.ip().to_string();
    host.sh_ok("ufw allow 22/tcp; ufw --force enable");
    host.sh_ok("redis-cli set kept yes");
    host.program(["--cluster-redis-bind", &ip, "--allow-edge", &edge_ip])
        .run()
        .expect_code(0);
    let password = host.setting(DIR, "REDIS_PASSWORD");
    let kept = host.sh_ok(&format!("REDISCLI_AUTH={password} redis-cli get kept"));
    assert_eq!(kept.trim(), "yes");
    let argv = host.sh_ok("cat /proc/[0-9]*/cmdline | tr '\\0' ' '");
    assert!(!argv.contains(&password), "redis's password is in an argv");
    let inspect = host.sh_ok("docker inspect streamhub-redis");
    assert!(
        !inspect.contains(&password),
        "redis's password is in docker inspect"
    );
    let lives = host.lives();
    host.program::<&str>([])
        .run()
        .expect_code(0)
        .expect_said(&["nothing to change"]);
    assert_eq!(host.lives(), lives);

    let token = host.setting(DIR, "STREAMHUB_CLUSTER_TOKEN");
    far.program(["--join", "--master-ip", &ip])
        .env("STREAMHUB_MASTER_TOKEN", &token)
        .run()
        .expect_code(0);
    for port in ["6379", "3020"] {
        let reach = format!("timeout 3 bash -c '</dev/tcp/{ip}/{port}'");
        assert!(far.sh(&reach).code == 0, "the edge reaches {port}");
        assert!(stranger.sh(&reach).code != 0, "a stranger reaches {port}");
    }
    let origin = as_origin(host);
    assert_eq!(origin.node("edge-1")["status"], "active");
    assert!(wait::until(Duration::from_secs(60), || origin
        .node("origin")["stale"]
        == false));
}
