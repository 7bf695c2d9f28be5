use standins::{Act, Config, Origin};

use super::*;

/// What a real origin was asked about its nodes, and answered.
fn exchanges() -> Vec<Value> {
    let all: Value =
        serde_json::from_str(include_str!("../../../fixtures/origin-exchanges.json")).unwrap();
    let all = all.as_array().or(all["exchanges"].as_array()).unwrap();
    let of_nodes = |e: &&Value| e["request"]["path"].as_str().unwrap().starts_with(NODES);
    all.iter().filter(of_nodes).cloned().collect()
}

/// What a real origin listed.
fn recorded() -> Value {
    let list = exchanges().into_iter().find(|e| e["case"] == "nodes: list");
    list.unwrap()["response"]["body"]["data"].clone()
}

#[test]
fn every_recorded_exchange_is_asked_and_understood_as_it_was() {
    let origin = Origin::start(Config::default()).unwrap();
    let api = OriginApi::new(&origin.url().parse().unwrap(), Vec::new()).unwrap();
    let exchanges = exchanges();
    for exchange in &exchanges {
        let (request, response) = (&exchange["request"], &exchange["response"]);
        origin.control().clear_log();
        origin.control().behave(Act::Status {
            status: response["status"].as_u64().unwrap().try_into().unwrap(),
            body: response["body"].to_string(),
            content_type: "application/json".to_owned(),
        });
        let bearer = request["headers"]["Authorization"].as_str();
        let token = Secret::new(
            bearer
                .unwrap_or("Bearer sk_any")
                .trim_start_matches("Bearer "),
        );
        let path = request["path"].as_str().unwrap();
        let id = path.trim_start_matches(NODES).trim_start_matches('/');
        let answer = match request["method"].as_str().unwrap() {
            "GET" => api
                .nodes(&token)
                .map(|listed| assert!(listed.nodes.len() >= 3)),
            "PATCH" => {
                let status = Status::of(request["body"]["status"].as_str().unwrap());
                api.set_status(&token, id, &status)
            }
            _ => api.remove_node(&token, id),
        };
        let case = &exchange["case"];
        match response["status"].as_u64().unwrap() {
            200 => answer.unwrap_or_else(|e| panic!("{case}: {e}")),
            401 => assert!(matches!(answer, Err(Refusal::BadToken(_))), "{case}"),
            code => assert!(
                matches!(answer, Err(Refusal::Rejected { status, .. }) if u64::from(status) == code),
                "{case}"
            ),
        }
        let log = origin.control().log();
        let [seen] = log.as_slice() else {
            panic!("{case}: {log:?}")
        };
        assert_eq!(
            (&json!(seen.method), seen.path.as_str()),
            (&request["method"], path)
        );
        assert_eq!(
            seen.header("Authorization"),
            bearer.or(Some("Bearer sk_any"))
        );
        let sent: Value = serde_json::from_str(&seen.body).unwrap_or(Value::Null);
        assert_eq!(sent, request["body"], "{case}");
    }
    assert_eq!(exchanges.len(), 10);
}

#[test]
fn a_real_registry_is_read_whole() {
    let rows = recorded();
    let nodes: Vec<Node> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| Node::read(row).unwrap())
        .collect();
    let names: Vec<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["origin", "edge-ams-1", "edge-ams-2", "edge-ams-3"]);
    assert_eq!(nodes[1].stats.memory_used, Some(0.268));
    assert_eq!(nodes[1].stats.cpu, Some(0.105));
    // An empty region is none, and stats that were never sent are none.
    assert_eq!(nodes[2].region, None);
    assert_eq!(nodes[2].stats, Stats::default());
    let seen = humantime::format_rfc3339_seconds(nodes[3].last_seen.unwrap()).to_string();
    assert_eq!(seen, "2026-11-22T10:00:57Z");
}

#[test]
fn a_row_that_is_none_is_refused_and_odd_stats_are_not() {
    let row = || recorded()[1].clone();
    for field in ["id", "name", "status"] {
        let mut without = row();
        without.as_object_mut().unwrap().remove(field);
        assert!(Node::read(&without).is_err(), "{field}");
        without[field] = json!(7);
        assert!(Node::read(&without).is_err(), "{field}");
    }
    for id in ["", "../nodes", "a/b", "a?b", "a b", &"x".repeat(65)] {
        let mut with = row();
        with["id"] = json!(id);
        assert!(Node::read(&with).is_err(), "{id}");
    }
    for stats in [
        json!([]),
        json!("x"),
        json!({"services": 3, "cpu": "x"}),
        json!({"participants": -1}),
    ] {
        let mut with = row();
        with["stats"] = stats.clone();
        with["last_seen_at"] = json!("yesterday");
        let node = Node::read(&with).unwrap();
        assert_eq!(
            (node.stats, node.last_seen),
            (Stats::default(), None),
            "{stats}"
        );
    }
}
