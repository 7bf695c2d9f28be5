use super::*;

/// What a real origin listed.
fn recorded() -> Value {
    let all: Value =
        serde_json::from_str(include_str!("../../../fixtures/origin-exchanges.json")).unwrap();
    let exchanges = all.as_array().or(all["exchanges"].as_array()).unwrap();
    let list = exchanges.iter().find(|e| e["case"] == "nodes: list");
    list.unwrap()["response"]["body"]["data"].clone()
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
