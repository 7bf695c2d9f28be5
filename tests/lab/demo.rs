//! What `make demo` shows, and what every run of the tests proves with it.

use std::time::{Duration, Instant};

use crate::cluster::{JOIN_LIMIT, edge};
use crate::host::Host;
use crate::images::CORE;
use crate::origin_host::{as_origin, origin_host};
use crate::wait::until;

const DIR: &str = "/opt/streamhub";
/// Two beats, and some more on a busy machine.
const BEATS: Duration = Duration::from_secs(60);

/// A command line of an operator's, shown with all that it says.
fn shown(host: &Host, line: &str) -> String {
    println!("root@{}# {line}", host.name());
    let run = host.script(&format!("exec /root/{line} 2>&1"));
    let run = run.env("STREAMHUB_IP_LOOKUP_URL", "").within(JOIN_LIMIT);
    let said = run.ok();
    println!("{}\n", said.trim_end());
    said
}

fn reaches(from: &Host, to: &Host, port: u16) -> bool {
    let connect = format!("timeout 2 bash -c '</dev/tcp/{}/{port}'", to.ip());
    from.sh(&connect).code == 0
}

/// Says who reaches which of these ports; panics where that is not as it should be.
fn show_reach(from: &Host, to: &Host, ports: &[(u16, &str)], is_let_in: bool) {
    for (port, what) in ports {
        let answer = if is_let_in {
            "is let in"
        } else {
            "is shut out"
        };
        println!("{} {answer}: {}:{port}, {what}", from.name(), to.ip());
        assert_eq!(reaches(from, to, *port), is_let_in, "port {port}");
    }
}

#[test]
fn the_documented_sequence_from_boot_to_registry() {
    let start = Instant::now();
    let say = |text: &str| println!("\n== {:.0} s: {text}\n", start.elapsed().as_secs_f64());

    say(
        "Three servers boot: one is to be the origin, one its edge, and one is a stranger to both.",
    );
    let origin = origin_host("origin");
    let edge = edge("edge-ams-1");
    let stranger = Host::named("stranger").boot();
    let (ip, edge_ip) = (origin.ip(), edge.ip());
    for host in [&origin, &edge, &stranger] {
        println!("{:<12} {}", host.name(), host.ip());
    }
    println!("\nroot@origin# ufw allow 22/tcp && ufw enable");
    origin.sh_ok("ufw allow 22/tcp && ufw --force enable");

    say(
        "One command makes the first an origin. This core is a prebuilt image: without it, it is built from source.",
    );
    let install = format!("streamhub-install --domain {ip} --core-image {CORE} --non-interactive");
    shown(&origin, &install);
    let installed = start.elapsed();

    say(
        "The dashboard is there for everybody. Redis, the core's own port and its metrics are not.",
    );
    let dashboard = format!("http://{ip}/api/v1/health");
    let metrics = format!("http://{ip}/metrics");
    for (url, code) in [(&dashboard, "200"), (&metrics, "403")] {
        println!("stranger asks for {url}: {code}");
        assert_eq!(stranger.status_of(url, &[]), code);
    }
    let private = [(6379, "redis"), (3020, "the cluster's API")];
    show_reach(&stranger, &origin, &private, false);
    show_reach(&edge, &origin, &private, false);

    say("It is prepared for edges, and lets the first one in.");
    let prepare = format!("streamhub-install --cluster-redis-bind {ip} --allow-edge {edge_ip}");
    shown(&origin, &prepare);
    show_reach(&edge, &origin, &private, true);
    show_reach(&stranger, &origin, &private, false);

    say("The edge joins, by the join token from the origin's .env and its address alone.");
    let token = origin.setting(DIR, "STREAMHUB_CLUSTER_TOKEN");
    edge.write("/root/join-token", token, 0o600);
    let join = format!(
        "streamhub-install --join --master-ip {ip} --master-token-file /root/join-token --region eu-west"
    );
    shown(&edge, &join);
    let joined = start.elapsed();

    say("Both beat without us, and the registry shows them fresh.");
    let origin = as_origin(origin);
    let seen = |name: &str| origin.node(name)["last_seen_at"].clone();
    let first = ["origin", "edge-ams-1"].map(|name| (name, seen(name)));
    let is_later = |(name, first): &(&str, _)| seen(name) != *first;
    assert!(until(BEATS, || first.iter().all(is_later)));
    let nodes = shown(&origin.host, "streamhub-install nodes list");
    assert!(nodes.contains("edge-ams-1") && nodes.contains("3/3") && !nodes.contains("stale"));
    for name in ["origin", "edge-ams-1"] {
        let node = origin.node(name);
        assert_eq!(node["status"], "active", "{name}");
        assert_eq!(node["stale"], false, "{name}");
    }

    say("The edge serves everybody.");
    let signaling = stranger.sh_ok(&format!("curl --silent --fail http://{edge_ip}:7880/"));
    println!("http://{edge_ip}:7880/ says {}", signaling.trim());
    let public = [(1935, "RTMP"), (8080, "WHIP"), (7881, "media over TCP")];
    show_reach(&stranger, &edge, &public, true);
    let (key, secret) = ["LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"]
        .map(|key| origin.host.setting(DIR, key))
        .into();
    assert!(edge.takes_tokens_of(&key, &secret));
    println!("edge-ams-1 takes tokens that are signed with the origin's key");

    say("The same again, on both: nothing to do.");
    let again = Instant::now();
    for host in [&origin.host, &edge] {
        let said = shown(host, "streamhub-install");
        assert!(said.contains("nothing to change"), "{said}");
    }
    println!(
        "The origin stood {:.0} s after the servers were asked for, the edge after {:.0} s; both again took {:.1} s.",
        installed.as_secs_f64(),
        joined.as_secs_f64(),
        again.elapsed().as_secs_f64(),
    );
}
