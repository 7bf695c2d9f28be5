//! An origin installed by the program, from nothing to edges that serve.

use std::thread;
use std::time::{Duration, Instant};

use crate::acme::Acme;
use crate::cluster::{Origin, edge};
use crate::host::Host;
use crate::images::CORE;
use crate::origin_host::{as_origin, origin_host};
use crate::proxy_test::greets;
use crate::wait;

const DIR: &str = "/opt/streamhub";
const NAME: &str = "live.example.com";
/// How long it has to beat by itself before that counts: twice the time after which the core calls a node stale.
const THREE_MINUTES: Duration = Duration::from_secs(180);

/// What another host sees of the origin over TLS.
#[track_caller]
fn serves_the_world(host: &Host, world: &Host) {
    let to = format!("{NAME}:443:{}", host.ip());
    let options = ["--cacert", "/root/issuer.pem", "--resolve", &to];
    let status = |path: &str, more: &[&str]| {
        world.status_of(
            &format!("https://{NAME}{path}"),
            &[&options[..], more].concat(),
        )
    };
    assert_eq!(status("/", &[]), "200");
    assert_eq!(status("/api/v1/health", &[]), "200");
    assert_eq!(status("/metrics", &[]), "403");
    greets(host, world, &format!("https://{NAME}"), &options);
    let token = host.setting(DIR, "STREAMHUB_API_TOKEN");
    let bearer = format!("Authorization: Bearer {token}");
    let nodes = "/api/v1/cluster/nodes";
    assert_eq!(status(nodes, &["--header", &bearer]), "200");
    assert_eq!(status(nodes, &[]), "401");
}

/// Whether a host reaches redis, and the cluster's API.
fn reach(from: &Host, ip: &str) -> [bool; 2] {
    ["6379", "3020"].map(|port| {
        let connect = format!("timeout 2 bash -c '</dev/tcp/{ip}/{port}'");
        from.sh(&connect).code == 0
    })
}

/// A node beats without us, and the registry has it as fresh.
#[track_caller]
fn beats_by_itself(origin: &Origin, name: &str) {
    let seen = || origin.node(name)["last_seen_at"].clone();
    let before = seen();
    let is_later = || seen() != before;
    assert!(wait::until(Duration::from_secs(60), is_later), "{name}");
    assert_eq!(origin.node(name)["stale"], false, "{name}");
}

/// The documented sequence: an origin with a certificate, prepared for an edge, that edge's join by address alone, and
/// another edge's by name; and all of it after a boot.
#[test]
fn an_origin_and_its_edges_come_up_as_documented() {
    // Whoever is neither of the two, the certificate authority too.
    let stranger = Host::named("stranger").boot();
    let acme = Acme::serve(&stranger);
    let host = origin_host("origin");
    acme.lead(NAME, &host);
    stranger.write("/root/issuer.pem", acme.issuer(), 0o644);
    let ip = host.ip().to_string();
    let install = host.program(["--domain", NAME, "--core-image", CORE, "--non-interactive"]);
    let output = acme.given_to(&host, install).run().expect_code(0);
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
    serves_the_world(&host, &stranger);
    assert_eq!(reach(&stranger, &ip), [false, false]);

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

    let (near, far) = (edge("edge-1"), edge("edge-2"));
    host.sh_ok("ufw allow 22/tcp; ufw --force enable");
    host.sh_ok("redis-cli set kept yes");
    let near_ip = near.ip().to_string();
    host.program(["--cluster-redis-bind", &ip, "--allow-edge", &near_ip])
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
    let join = |edge: &Host, more: &[&str]| {
        edge.program(["--join", "--master-ip", &ip])
            .args(more)
            .env("STREAMHUB_MASTER_TOKEN", &token)
            .run()
    };
    join(&near, &[]).expect_code(0);
    assert_eq!(reach(&near, &ip), [true, true]);
    for other in [&far, &stranger] {
        assert_eq!(reach(other, &ip), [false, false], "{}", other.name());
    }

    // The other edge reaches the API by the origin's name, and not redis before it is let in.
    far.write("/root/issuer.pem", acme.issuer(), 0o644);
    far.sh_ok(&format!("echo '{ip} {NAME}' >>/etc/hosts"));
    let url = format!("https://{NAME}");
    let by_name = ["--master-url", &url, "--master-ca-file", "/root/issuer.pem"];
    let far_ip = far.ip().to_string();
    let allow = format!("allow-edge {far_ip}");
    let refused = join(&far, &by_name).expect_code(3);
    refused.expect_said(&["error [redis]", &allow]);
    assert_eq!(far.containers(), [""; 0]);
    host.program(["allow-edge", &far_ip]).run().expect_code(0);
    join(&far, &by_name).expect_code(0);
    let mut origin = as_origin(host);
    for name in ["edge-1", "edge-2"] {
        assert_eq!(origin.node(name)["status"], "active");
        beats_by_itself(&origin, name);
    }

    // What an edge's doctor says of its way there, run on the origin, mends it.
    let rule = format!("allow from {near_ip} to any port 6379 proto tcp");
    origin.host.sh_ok(&format!("ufw delete {rule}"));
    let fix = near.suffers("redis", &["no way"]);
    let (_, commands) = fix.split_once("on the origin run:").expect("it says where");
    // install.sh brings the program that is there already.
    let commands = commands.lines().filter_map(|l| l.split_once("bash -s -- "));
    for (_, args) in commands {
        origin.host.paste(&format!("streamhub-install {args}"));
    }
    near.is_well();

    // Let in no more, it is cut off in the middle of what it does; the other one is not.
    let established = |of: &str| {
        let ask = format!("ss -Htn state established '( sport = :6379 )' dst {of}");
        origin.host.sh_ok(&ask)
    };
    assert_ne!(established(&far_ip), "", "its services use redis");
    let revoke = ["allow-edge", "--revoke", &far_ip];
    origin.host.program(revoke).run().expect_code(0);
    assert_eq!(reach(&far, &ip), [false, false]);
    assert_eq!(established(&far_ip), "");
    assert_ne!(established(&near_ip), "");
    assert_eq!(reach(&near, &ip), [true, true]);
    assert_eq!(reach(&stranger, &ip), [false, false]);

    // No run helps from here on.
    let nodes = ["origin", "edge-1"];
    thread::sleep(THREE_MINUTES);
    for name in nodes {
        assert_eq!(origin.node(name)["stale"], false, "{name}");
    }
    let booted = Instant::now();
    origin.host.reboot();
    let is_up = || {
        origin
            .host
            .status_of("http://127.0.0.1:3020/api/v1/health", &[])
            == "200"
    };
    assert!(wait::until(Duration::from_secs(120), is_up));
    println!("back after {:.0} s", booted.elapsed().as_secs_f64());
    serves_the_world(&origin.host, &stranger);
    for name in nodes {
        beats_by_itself(&origin, name);
    }
    assert_eq!(reach(&stranger, &ip), [false, false]);
}
