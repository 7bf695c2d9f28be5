//! The heartbeat as its unit runs it: what it tells, how long it takes, and what it says when the origin does not want it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cluster::{Origin, TOKEN, edge};
use crate::command::Output;
use crate::host::Host;
use crate::wait;

const BEAT: &str = "/api/v1/cluster/heartbeat";
/// Longer than the timer's interval, and than a run may take.
const A_BEAT: Duration = Duration::from_secs(40);

/// One run of the unit, as the timer starts it.
fn beat(host: &Host) -> Output {
    host.run(["systemctl", "start", "streamhub-heartbeat.service"])
}

/// The node's own beats that the origin has seen, without the checks of its token.
fn beats(origin: &Origin, node: &Value) -> Vec<String> {
    let id = node["id"].as_str().expect("it has one");
    let requests = origin.requests();
    let bodies = requests
        .iter()
        .filter(|r| r["path"] == BEAT)
        .map(|r| r["body"].as_str().expect("it is text").to_owned());
    bodies.filter(|body| body.contains(id)).collect()
}

fn journal(host: &Host, since: &str) -> String {
    host.sh_ok(&format!(
        "journalctl --sync; journalctl --unit=streamhub-heartbeat.service --since='@{since}' --output=short-iso"
    ))
}

/// Lines of the journal that the program itself has written.
fn said(host: &Host, since: &str) -> Vec<String> {
    let journal = journal(host, since);
    let own = journal.lines().filter(|l| l.contains("streamhub-install["));
    own.map(str::to_owned).collect()
}

fn now(host: &Host) -> String {
    host.sh_ok("sleep 1; date +%s").trim().to_owned()
}

/// Keeps the timer from beating in between.
fn hold_timer(host: &Host) {
    host.sh_ok("systemctl stop streamhub-heartbeat.timer");
}

#[test]
fn a_beat_tells_how_the_node_is_from_inside_its_sandbox() {
    let origin = Origin::boot("origin");
    let edge = edge("edge-1");
    edge.joined(&origin);
    hold_timer(&edge);
    let node = origin.node("edge-1");
    let before = beats(&origin, &node).len();
    beat(&edge).expect_code(0);
    let beats = beats(&origin, &node);
    assert_eq!(beats.len(), before + 1);
    let body = beats.last().expect("there is one");
    assert!(body.len() <= 4096, "{body}");
    let body: Value = serde_json::from_str(body).expect("it is JSON");
    assert_eq!(body["nodeId"], node["id"]);
    let stats = &body["stats"];
    let number = |name: &str| stats[name].as_f64().unwrap_or_else(|| panic!("{stats}"));
    let cores: f64 = edge.sh_ok("nproc").trim().parse().expect("it is a number");
    assert_eq!(number("cores"), cores);
    assert!((number("cpu") - number("loadavg1") / cores).abs() < 0.001);
    let total: f64 = edge
        .sh_ok("awk '/^MemTotal/ {print $2}' /proc/meminfo")
        .trim()
        .parse()
        .expect("it is a number");
    assert_eq!(number("memTotalKb"), total);
    assert_eq!(number("participants"), 0.0);
    assert!(number("memAvailKb") > 0.0 && number("memAvailKb") < total);
    let used = 1.0 - number("memAvailKb") / total;
    assert!((number("memUsedRatio") - used).abs() < 0.01, "{stats}");
    let all_run = json!({"livekit": "running", "ingress": "running", "egress": "running"});
    assert_eq!(stats["services"], all_run);

    edge.sh_ok("docker stop streamhub-egress");
    beat(&edge).expect_code(0);
    let stats = origin.node("edge-1")["stats"].clone();
    assert_eq!(stats["services"]["egress"], "exited");

    // An engine that hangs is no reason to be taken for dead.
    edge.sh_ok("systemctl kill --signal=STOP docker.service");
    let start = Instant::now();
    beat(&edge).expect_code(0);
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
    let stats = origin.node("edge-1")["stats"].clone();
    assert_eq!(stats["services"], json!({}));
    assert_eq!(stats["memTotalKb"], total);
    edge.sh_ok("systemctl kill --signal=CONT docker.service");
}

#[test]
fn a_beat_ends_in_time_whatever_the_origin_does() {
    let origin = Origin::boot("origin");
    let edge = edge("edge-1");
    edge.joined(&origin);
    hold_timer(&edge);
    for act in [
        json!({"act": "silent"}),
        json!({"act": "silent_after_headers", "path": BEAT}),
        json!({"act": "drip", "seconds": 1, "path": BEAT}),
    ] {
        origin.behave(&act);
        let since = now(&edge);
        let start = Instant::now();
        let unit = beat(&edge);
        let took = start.elapsed();
        assert!(took < Duration::from_secs(20), "{act}: {took:?}");
        assert_ne!(unit.code, 0, "{act}");
        // It ended by itself and said why; it was not killed.
        let said = said(&edge, &since).join("\n");
        assert!(said.contains("took no heartbeat"), "{act}: {said}");
    }
    origin.behave(&json!({"act": "normal"}));
    beat(&edge).expect_code(0);

    // And if the program itself hung and heard no signal, its unit would end it.
    let deaf = "trap '' TERM; while :; do sleep 1; done";
    let instead = format!("[Service]\nExecStart=\nExecStart=/bin/sh -c \"{deaf}\"\n");
    let drop_in = "/etc/systemd/system/streamhub-heartbeat.service.d/deaf.conf";
    edge.write(drop_in, instead, 0o644);
    edge.sh_ok("systemctl daemon-reload");
    let start = Instant::now();
    assert_ne!(beat(&edge).code, 0);
    let took = start.elapsed();
    assert!(took < Duration::from_secs(20), "{took:?}");
    assert!(took > Duration::from_secs(10), "it ended before: {took:?}");
}

#[test]
fn a_node_that_was_removed_or_whose_token_was_changed_says_so_once_and_comes_back() {
    let origin = Origin::boot("origin");
    let edge = edge("edge-1");
    edge.joined(&origin);
    hold_timer(&edge);
    let state = || edge.sh_ok("systemctl is-failed streamhub-heartbeat.service || :");
    let refused = |cause: &str, fix: &str| {
        let since = now(&edge);
        assert_ne!(beat(&edge).code, 0);
        assert_eq!(state().trim(), "failed");
        let said = said(&edge, &since);
        let telling = said.iter().filter(|line| line.contains(cause)).count();
        assert_eq!(telling, 1, "{said:#?}");
        assert!(said.join("\n").contains(fix), "{said:#?}");
        // In plain words: without the wire's and without the token.
        assert!(said.len() <= 3, "{said:#?}");
        let all = journal(&edge, "0");
        assert!(!all.contains(TOKEN) && !all.contains("clt_"), "{all}");
    };
    let id = origin.node("edge-1")["id"].clone();
    let id = id.as_str().expect("it has one");
    origin.host.sh_ok(&format!(
        "curl --silent --fail -X DELETE -H 'Authorization: Bearer {}' http://127.0.0.1:3020/api/v1/cluster/nodes/{id}",
        crate::cluster::API_TOKEN
    ));
    refused("an operator removed it there", "streamhub-install --join");
    edge.joined(&origin);
    beat(&edge).expect_code(0);
    assert_eq!(state().trim(), "inactive");
    assert_ne!(origin.node("edge-1")["id"], id);

    let token = "clt_ExampleNewToken0123456789";
    origin.rotate(&json!({"token": token}));
    refused("it was changed there", "--master-token-file");
    edge.program(["--join"])
        .env("STREAMHUB_MASTER_TOKEN", token)
        .run()
        .expect_code(0);
    beat(&edge).expect_code(0);

    // The origin takes the old token back: nothing has to be done here.
    origin.rotate(&json!({"token": TOKEN}));
    refused("it was changed there", "--master-token-file");
    origin.rotate(&json!({"token": token}));
    beat(&edge).expect_code(0);
    assert_eq!(state().trim(), "inactive");

    // However often somebody tries by hand: systemd must not give up the unit, or the timer with it.
    edge.sh_ok("systemctl start streamhub-heartbeat.timer");
    for _ in 0..8 {
        beat(&edge).expect_code(0);
    }
    let timer = edge.sh_ok("systemctl is-active streamhub-heartbeat.timer");
    assert_eq!(timer.trim(), "active");
}

#[test]
fn a_node_stays_fresh_through_a_cut_link_a_reload_and_a_reboot() {
    let origin = Origin::boot("origin");
    let mut edge = edge("edge-1");
    edge.joined(&origin);
    let joined = Instant::now();
    let node = || {
        assert_eq!(origin.nodes().len(), 2, "the origin's own row and one more");
        origin.node("edge-1")
    };
    let id = node()["id"].clone();
    let beats_on = |edge: &Host, why: &str| {
        let seen = beats(&origin, &node()).len();
        let more = || beats(&origin, &node()).len() > seen;
        assert!(
            wait::until(A_BEAT, more),
            "no beat after {why}: {}",
            edge.sh_ok("systemctl list-timers --all")
        );
        let next = edge.sh_ok(
            "systemctl show --property=NextElapseUSecRealtime --value streamhub-heartbeat.timer",
        );
        assert!(next.contains("20"), "no next run after {why}: {next:?}");
    };
    beats_on(&edge, "the join");

    // Just before a beat: that one is lost, and two more.
    std::thread::sleep(Duration::from_secs(17));
    edge.cut_off();
    let cut = Instant::now();
    while cut.elapsed() < Duration::from_secs(45) {
        assert_eq!(node()["stale"], false);
        std::thread::sleep(Duration::from_secs(1));
    }
    edge.reconnect();
    let reconnected = Instant::now();
    while reconnected.elapsed() < A_BEAT {
        assert_eq!(node()["stale"], false, "{:?}", node());
        std::thread::sleep(Duration::from_secs(1));
    }
    edge.sh_ok("systemctl daemon-reload");
    beats_on(&edge, "a reload");

    std::thread::sleep(Duration::from_secs(180).saturating_sub(joined.elapsed()));
    assert_eq!(node()["stale"], false);
    let before = edge.containers();
    edge.reboot();
    beats_on(&edge, "a reboot");
    assert_eq!(edge.containers(), before, "the same containers, running");
    assert_eq!(node()["stale"], false);
    assert_eq!(
        (node()["id"].clone(), node()["status"].clone()),
        (id, json!("active"))
    );
}
