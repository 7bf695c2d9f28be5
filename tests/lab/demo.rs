//! What `make demo` shows, and what every run of the tests proves with it.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cluster::{Origin, TOKEN, edge};
use crate::wait::until;

/// Two beats, and some more on a busy machine.
const BEATS: Duration = Duration::from_secs(60);

#[test]
fn the_documented_join_from_boot_to_registry() {
    let start = Instant::now();
    let say = |text: &str| println!("\n== {:.1} s: {text}", start.elapsed().as_secs_f64());

    say("two lab hosts boot: an origin, and a server with Docker that is to become its edge");
    let origin = Origin::boot("origin");
    let edge = edge("edge-ams-1");
    edge.write("/root/join-token", TOKEN, 0o600);

    let ip = origin.host.ip();
    let join = format!(
        "streamhub-install --join --master-ip {ip} --master-token-file /root/join-token --region eu-west"
    );
    say(&format!("on the edge, as root:\n\n$ {join}\n"));
    let words = join.split(' ').skip(1);
    let joined = edge.program(words).run().expect_code(0);
    print!("{}{}", joined.stderr, joined.stdout);
    let joined_at = start.elapsed();

    say("the timer beats without us");
    let seen = |node: &Value| node["last_seen_at"].as_str().map(str::to_owned);
    let first = seen(&origin.node("edge-ams-1"));
    assert!(until(BEATS, || seen(&origin.node("edge-ams-1")) != first));

    say("the origin's registry:\n");
    println!(
        "{:<12} {:<8} {:<8} {:<6} {:<20} services",
        "name", "region", "status", "stale", "last seen"
    );
    for node in origin.nodes() {
        let text = |field: &str| node[field].as_str().unwrap_or("-").to_owned();
        println!(
            "{:<12} {:<8} {:<8} {:<6} {:<20} {}",
            text("name"),
            text("region"),
            text("status"),
            node["stale"],
            text("last_seen_at"),
            node["stats"]["services"],
        );
    }
    let node = origin.node("edge-ams-1");
    assert_eq!(
        (&node["status"], &node["stale"]),
        (&"active".into(), &false.into())
    );

    say("what the edge serves, asked from the origin's host:\n");
    let edge_ip = edge.ip();
    let signaling = origin
        .host
        .sh_ok(&format!("curl --silent --fail http://{edge_ip}:7880/"));
    println!("http://{edge_ip}:7880/ says {}", signaling.trim());
    for (port, what) in [(1935, "RTMP"), (8080, "WHIP"), (7881, "media over TCP")] {
        origin.host.sh_ok(&format!(
            "python3 -c \"import socket; socket.create_connection(('{edge_ip}', {port}), 5)\""
        ));
        println!("{edge_ip}:{port} accepts ({what})");
    }

    say("the same command again: nothing to do\n");
    let again = Instant::now();
    print!("{}", edge.program(["--quiet"]).ok());
    println!(
        "\nJoined {:.1} s after the hosts were asked for; the second run took {:.1} s; all of it {:.1} s.",
        joined_at.as_secs_f64(),
        again.elapsed().as_secs_f64(),
        start.elapsed().as_secs_f64(),
    );
}
