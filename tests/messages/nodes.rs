//! `nodes` against an origin: what it shows, what it changes, and what it says when it can't.

use serde_json::{Value, json};
use standins::{Act, Rule};

use crate::scene::{Said, Scene, TOKEN, snapshot};

/// The stand-in's own, as recorded.
pub const API_TOKEN: &str = "sk_admin_example";
const NODES: &str = "/api/v1/cluster/nodes";
const AS_OPERATOR: &[(&str, &str)] = &[("STREAMHUB_API_TOKEN", API_TOKEN)];

/// Joins, and beats once.
pub fn add(scene: &Scene, name: &str, stats: Value) -> String {
    let joined = post(
        scene,
        "join",
        &json!({"name": name, "ip": "203.0.113.10", "region": "ams"}),
    );
    let id = joined["data"]["nodeId"]
        .as_str()
        .expect("it has one")
        .to_owned();
    post(scene, "heartbeat", &json!({"nodeId": id, "stats": stats}));
    id
}

/// As a node, with the join token.
pub fn post(scene: &Scene, path: &str, body: &Value) -> Value {
    let url = format!("{}/api/v1/cluster/{path}", scene.origin.url());
    let client = streamhub_install::http::client(false, Vec::new()).expect("no TLS");
    let call = client.post(url).header("X-Cluster-Token", TOKEN).json(body);
    let answer = call.send().expect("it answers");
    serde_json::from_slice(&answer.bytes().expect("it is whole")).expect("it is JSON")
}

pub fn stats() -> Value {
    json!({
        "cores": 4, "loadavg1": 0.42, "cpu": 0.105, "memUsedRatio": 0.268,
        "services": {"livekit": "running", "ingress": "running", "egress": "exited"},
    })
}

pub fn nodes(scene: &Scene, args: &[&str]) -> Said {
    let url = scene.origin.url();
    let all: Vec<&str> = ["nodes"]
        .iter()
        .chain(args)
        .chain(&["--master-url", &url])
        .copied()
        .collect();
    scene.run(&all, AS_OPERATOR)
}

pub fn status(scene: &Scene, name: &str) -> Option<String> {
    let rows = scene.origin.control().nodes();
    rows.into_iter()
        .find(|row| row.name == name)
        .map(|row| row.status)
}

#[test]
fn the_list_is_the_registry_for_people_and_for_machines() {
    let scene = Scene::fresh();
    add(&scene, "edge-1", stats());
    let said = nodes(&scene, &["list"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(
        without_seconds(&said.stdout),
        "NAME    REGION  ADDRESS                STATUS  LAST SEEN  LOAD  MEM  UP\n\
         origin  origin  http://10.0.0.10:3020  active  N s ago    12%   3%   -\n\
         edge-1  ams     203.0.113.10           active  N s ago    10%   27%  2/3\n\
        \x20   egress exited\n"
    );
    let said = nodes(&scene, &["list", "--json"]);
    let document: Value = serde_json::from_str(&said.stdout).expect("one document");
    let schema: Value = serde_json::from_str(include_str!("../../docs/nodes-list.schema.json"))
        .expect("it is JSON");
    jsonschema::validate(&schema, &document).expect("it is as documented");
    assert_eq!(document["nodes"][1]["services"]["egress"], "exited");
}

/// Without the seconds, in which runs differ.
fn without_seconds(text: &str) -> String {
    let lines = text.lines().map(|line| match line.split_once(" s ago") {
        Some((before, after)) => {
            let before = before.trim_end_matches(|c: char| c.is_ascii_digit());
            format!("{before}N s ago{after}\n")
        }
        None => format!("{line}\n"),
    });
    lines.collect()
}

#[test]
fn a_hundred_nodes_with_the_largest_stats_are_listed_and_no_more_than_4_mib_are_read() {
    let scene = Scene::fresh();
    let mut large = stats();
    large["note"] = json!("x".repeat(3800));
    for n in 0..100 {
        add(&scene, &format!("edge-{n}"), large.clone());
    }
    let said = nodes(&scene, &["list", "--json"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let document: Value = serde_json::from_str(&said.stdout).expect("one document");
    let rows = document["nodes"].as_array().expect("it is a list");
    let registry = scene.origin.control().nodes();
    assert_eq!(rows.len(), 101);
    for (row, there) in rows.iter().zip(&registry) {
        assert_eq!(row["id"], there.id);
        assert_eq!(
            (&row["name"], &row["status"]),
            (&json!(there.name), &json!(there.status))
        );
    }
    scene.origin.control().behave(Act::Huge { chunked: true });
    let said = nodes(&scene, &["list"]);
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(said.stderr.contains("over 4096 KiB"), "{}", said.stderr);
}

#[test]
fn an_origin_asks_itself_and_sends_its_token_nowhere_else() {
    let scene = Scene::fresh();
    let port = scene.origin.addr().port();
    scene.write("etc/streamhub/receipt.json", r#"{"version":1,"written_by":"0.1.0","role":"origin","dir":"/opt/streamhub","settings":{},"owned":[]}"#);
    scene.write(
        "opt/streamhub/.env",
        format!("PORT={port}\nSTREAMHUB_API_TOKEN={API_TOKEN}\n"),
    );
    let said = scene.run(&["nodes", "list"], &[]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let elsewhere = standins::Sink::start().expect("a free port");
    let by_variable = scene.run(
        &["nodes", "list"],
        &[("STREAMHUB_MASTER_URL", &elsewhere.url())],
    );
    let by_flag = scene.run(&["nodes", "list", "--master-url", &elsewhere.url()], &[]);
    for said in [by_variable, by_flag] {
        assert_eq!(said.code, 2, "another origin's nodes: {}", said.stderr);
        let why = "--api-token-file is missing";
        assert!(said.stderr.contains(why), "{}", said.stderr);
    }
    let itself = format!("http://127.0.0.1:{port}/");
    let said = scene.run(&["nodes", "list", "--master-url", &itself], &[]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(elsewhere.seen().is_empty(), "{:?}", elsewhere.seen());
}

#[test]
fn what_can_not_be_done_says_why_and_what_to_do() {
    let scene = Scene::fresh();
    add(&scene, "edge-1", stats());
    let url = scene.origin.url();
    let control = scene.origin.control();
    let mut all = String::new();
    let mut add = |scene: &Scene, title: &str, code: i32, said: Said| {
        assert_eq!(said.code, code, "{title}: {}", said.stderr);
        assert!(!said.stderr.contains(API_TOKEN), "{}", said.stderr);
        all += &scene.section(title, &said);
    };
    add(
        &scene,
        "no origin",
        2,
        scene.run(&["nodes", "list"], AS_OPERATOR),
    );
    add(
        &scene,
        "no token",
        2,
        scene.run(&["nodes", "list", "--master-url", &url], &[]),
    );
    let revoked = [("STREAMHUB_API_TOKEN", "sk_ExampleRevoked")];
    add(
        &scene,
        "a revoked token",
        5,
        scene.run(&["nodes", "list", "--master-url", &url], &revoked),
    );
    add(
        &scene,
        "an unknown node",
        1,
        nodes(&scene, &["drain", "edge-\u{1b}[2J9"]),
    );
    add(&scene, "no node", 2, nodes(&scene, &["drain"]));
    add(&scene, "no yes", 2, nodes(&scene, &["remove", "edge-1"]));
    add(
        &scene,
        "a time without waiting",
        2,
        nodes(&scene, &["drain", "edge-1", "--timeout", "1m"]),
    );
    add(
        &scene,
        "no time",
        2,
        nodes(&scene, &["drain", "edge-1", "--wait", "--timeout", "soon"]),
    );
    add(
        &scene,
        "the time is up",
        6,
        nodes(&scene, &["drain", "edge-1", "--wait", "--timeout", "1s"]),
    );
    let joined = Scene::joined();
    add(
        &joined,
        "an edge without a token",
        2,
        joined.run(&["nodes", "list"], &[]),
    );
    let rows = json!({"data": [{"id": "../../x", "name": "n", "status": "active"}], "error": null});
    control.behave(Rule::on(
        NODES,
        Act::Status {
            status: 200,
            body: rows.to_string(),
            content_type: "application/json".to_owned(),
        },
    ));
    add(
        &scene,
        "an id that is a path",
        1,
        nodes(&scene, &["drain", "n"]),
    );
    control.behave(Act::Redirect {
        status: 307,
        location: "http://10.0.0.30:3020/".to_owned(),
    });
    add(&scene, "a redirect", 4, nodes(&scene, &["list"]));
    control.behave(Act::CaptivePortal);
    add(&scene, "a captive portal", 1, nodes(&scene, &["list"]));
    control.down();
    add(&scene, "nobody", 4, nodes(&scene, &["list"]));
    snapshot("nodes", &all);
}
