use std::collections::BTreeMap;
use std::time::SystemTime;

use super::wait::{Progress, of_row};
use super::*;
use crate::origin_api::Stats;

fn node(id: &str, name: &str) -> Node {
    Node {
        id: id.to_owned(),
        name: name.to_owned(),
        address: "203.0.113.10".to_owned(),
        region: None,
        status: Status::Active,
        created: None,
        last_seen: Some(now() - Duration::from_secs(12)),
        stale: false,
        stats: Stats::default(),
    }
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000)
}

fn services(states: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = |(service, state): &(&str, &str)| (service.to_string(), state.to_string());
    states.iter().map(owned).collect()
}

#[test]
fn a_node_is_known_by_its_id_before_any_name() {
    let all = || {
        vec![
            node("aa-1", "edge-1"),
            node("aa-2", "edge-2"),
            node("aa-3", "edge-2"),
            node("aa-4", "aa-1"),
        ]
    };
    let found = |wanted: &str| pick(all(), wanted).unwrap().map(|node| node.name);
    assert_eq!(found("edge-1").as_deref(), Some("edge-1"));
    assert_eq!(found("aa-1").as_deref(), Some("edge-1"));
    assert_eq!(found("edge-9"), None);
    let fault = Fault::of(&pick(all(), "edge-2").unwrap_err());
    assert_eq!(fault.exit, Exit::Usage);
    assert!(fault.fix.unwrap().contains("aa-2, aa-3"));
}

#[test]
fn times_are_told_in_words() {
    let at = |seconds| table::ago(Some(now() - Duration::from_secs(seconds)), now());
    assert_eq!(at(0), "0 s ago");
    assert_eq!(at(119), "119 s ago");
    assert_eq!(at(120), "2 min ago");
    assert_eq!(at(7200), "2 h ago");
    assert_eq!(at(3 * 86_400), "3 d ago");
    assert_eq!(table::ago(None, now()), "never");
    let later = Some(now() + Duration::from_secs(60));
    assert_eq!(table::ago(later, now()), "0 s ago");
}

#[test]
fn the_table_fits_a_terminal_and_shows_no_control_character() {
    let mut hostile = node("aa-2", "\u{1b}[2Jedge\n\u{202e}evil\u{7}");
    hostile.region = Some("r".repeat(300));
    hostile.address = "https://a-long-name.of-a-node.example.com:8443/below".to_owned();
    hostile.status = Status::Other("\tnew".to_owned());
    hostile.stale = true;
    hostile.stats = Stats {
        cpu: Some(1e300),
        memory_used: Some(-5.0),
        services: services(&[("livekit", "exited"), ("egress\r", "running")]),
        ..Stats::default()
    };
    let mut long = node("aa-3", &"n".repeat(64));
    long.stats.services = services(&[("livekit", "running"), ("ingress", "running")]);
    let nodes = [node("aa-1", "edge-1"), hostile, long];
    let text = table::text(&nodes, now(), 80);
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
        assert!(
            !line.chars().any(|c| c.is_control() || c == '\u{202e}'),
            "{line:?}"
        );
    }
    assert_eq!(text.lines().count(), 5, "{text}");
    assert!(
        text.contains("stale: no heartbeat for over 90 s, livekit exited"),
        "{text}"
    );
    assert!(
        text.contains(" 999%") && text.contains(" 0%") && text.contains("1/2"),
        "{text}"
    );
    let wide = table::text(&nodes, now(), usize::MAX);
    assert!(
        wide.contains("https://a-long-name.of-a-node.example.com:84")
            && wide.contains(&"n".repeat(64))
    );
}

#[test]
fn a_draining_node_has_finished_when_nobody_is_there() {
    let since = now() - Duration::from_secs(30);
    let with = |stats: Stats| Node {
        stats,
        ..node("aa-1", "edge-1")
    };
    let people = |n| Stats {
        participants: Some(n),
        services: services(&[("livekit", "running")]),
        ..Stats::default()
    };
    let progress = |node: &Node| of_row(node, since, now());
    assert!(matches!(progress(&with(people(0))), Progress::Finished(_)));
    assert_eq!(
        progress(&with(people(2))),
        Progress::Busy("2 participants".to_owned())
    );
    // What it said before it was drained tells nothing, nor does one that has fallen silent.
    let mut early = with(people(0));
    early.last_seen = Some(since);
    assert!(matches!(progress(&early), Progress::Busy(_)));
    let stale = Node {
        stale: true,
        ..with(people(0))
    };
    assert!(matches!(progress(&stale), Progress::Busy(_)));
    let ended = Stats {
        services: services(&[("livekit", "exited"), ("ingress", "running")]),
        ..Stats::default()
    };
    assert!(matches!(progress(&with(ended)), Progress::Finished(_)));
    assert_eq!(progress(&with(Stats::default())), Progress::Untold);
}
