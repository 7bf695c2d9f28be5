//! Join answers of which a single field is not what it should be.

use serde_json::{Map, Value, json};
use standins::Act;

use crate::place::Place;

/// In every hostile value that is text: nothing of it may be shown.
const MARK: &str = "ExampleHostile";

/// A field, what is put there (null here: taken away), and what the refusal names.
fn cases() -> Vec<(&'static str, Option<Value>, &'static str)> {
    let mut cases = Vec::new();
    for (field, name) in [
        ("livekit.apiSecret", "apiSecret"),
        ("livekit.apiKey", "apiKey"),
    ] {
        for text in [
            "\nkeys:\n  evil: yes",
            "\r",
            "'",
            "\"",
            "\\",
            "`",
            " ",
            ": ",
            " #",
            "\t",
            "\0",
            "\u{1b}[2J",
            "é",
            "\u{2028}",
        ] {
            cases.push((field, Some(json!(format!("{MARK}{text}{MARK}"))), name));
        }
        let others = [
            json!(1234567890),
            json!(1e300),
            json!(true),
            json!(null),
            json!([MARK]),
            json!({ "a": MARK }),
        ];
        cases.extend(others.map(|value| (field, Some(value), name)));
        cases.push((field, Some(json!("")), name));
        cases.push((field, Some(json!(MARK.repeat(100))), name));
        cases.push((field, None, name));
    }
    for url in [
        "http://127.0.0.1:6379/ExampleHostile",
        "file:///etc/ExampleHostile",
        "unix:///run/ExampleHostile",
        "javascript:ExampleHostile",
        "ExampleHostile",
        "redis://",
        "redis://:ExampleHostile@",
        "redis:ExampleHostile",
        "redis://Example Hostile@127.0.0.1",
        "redis://:ExampleHostile\n@127.0.0.1",
        "redis://:ExampleHostile%0a@127.0.0.1",
        "redis://:ExampleHostile%27@127.0.0.1",
        "redis://:ExampleHostile%ff@127.0.0.1",
        "redis://:ExampleHostile@127.0.0.1\\@127.0.0.2",
        "redis://:ExampleHostile@127.0.0.1:99999",
        "redis://127.0.0.1/ExampleHostile",
        "redis://127.0.0.1/-1",
        "redis://127.0.0.1/0?x=ExampleHostile",
        "redis://127.0.0.1#ExampleHostile",
        "redis://-oExampleHostile",
        "redis://$(ExampleHostile)",
        "redis://a;ExampleHostile",
        "",
    ] {
        cases.push(("redisUrl", Some(json!(url)), "redisUrl"));
    }
    let others = [
        json!(6379),
        json!([MARK]),
        json!({ "host": MARK }),
        json!(false),
    ];
    cases.extend(others.map(|value| ("redisUrl", Some(value), "redisUrl")));
    cases.push(("redisUrl", None, "redisUrl"));
    for id in [
        "../../ExampleHostile",
        "ExampleHostile\nX=1",
        "$(ExampleHostile)",
        "Example Hostile",
        "",
    ] {
        cases.push(("nodeId", Some(json!(id)), "nodeId"));
    }
    cases.push(("nodeId", Some(json!(MARK.repeat(5))), "nodeId"));
    cases.push(("nodeId", Some(json!(42)), "nodeId"));
    cases.push(("nodeId", None, "nodeId"));
    cases.push(("livekit", Some(json!(MARK)), "apiKey"));
    cases.push(("livekit", None, "apiKey"));
    cases
}

fn order(place: &Place, field: &str, value: Option<Value>) {
    let (mut set, mut remove) = (Map::new(), Vec::new());
    match value {
        Some(value) => drop(set.insert(field.to_owned(), value)),
        None => remove.push(field.to_owned()),
    }
    place
        .origin
        .control()
        .behave(Act::JoinFields { set, remove });
}

#[track_caller]
fn all_are_refused(place: &Place) {
    let before = place.files();
    for (field, value, name) in cases() {
        order(place, field, value.clone());
        place.origin.control().clear_log();
        let run = place.join(&[]);
        assert_eq!(run.code, 1, "{field} {value:?}\n{}", run.said);
        assert!(run.said.contains(name), "{field} {value:?}\n{}", run.said);
        assert!(!run.said.contains(MARK), "{field} {value:?}\n{}", run.said);
        assert!(!run.said.contains('\u{1b}'), "{field} {value:?}");
        assert_eq!(place.joins(), 1, "asked again after {field} {value:?}");
        assert!(place.files() == before, "{field} {value:?} changed a file");
    }
    let log = std::fs::read_to_string(place.path("var/log/streamhub-install.log")).unwrap();
    assert!(!log.contains(MARK));
}

#[test]
fn a_field_that_is_not_what_it_should_be_is_refused_by_name_on_a_fresh_host() {
    let place = Place::fresh();
    // The first refused run prepares the host; the others find nothing to do.
    order(&place, "nodeId", None);
    place.join(&[]).expect(1, &["nodeId is missing"]);
    all_are_refused(&place);
    assert!(!place.has_joined());
}

#[test]
fn a_field_that_is_not_what_it_should_be_is_refused_by_name_on_a_joined_host() {
    let place = Place::joined();
    all_are_refused(&place);
    assert!(place.has_joined());
}

/// An address that reads like one host's and is another's: whichever is meant, it must prove itself before it is used.
#[test]
fn an_address_that_pretends_to_be_another_host_does_not_get_far() {
    let place = Place::joined();
    let before = place.files();
    let port = place.redis.addr().port();
    for url in [
        format!("redis://127.0.0.1:{port}@127.0.0.1:1"),
        format!("redis://:ExampleHostile@127.0.0.1:{port}@127.0.0.1:1"),
        format!("redis://127.0.0.1:{port}%2f@127.0.0.1:1"),
        format!("redis://$HOME:${{PATH}}@127.0.0.1:1/{port}"),
    ] {
        order(&place, "redisUrl", Some(json!(url)));
        let run = place.join(&[]);
        // What poses as a user is a secret like any, and the address of that name is not shown.
        run.expect(3, &[":1: connection refused"]);
        assert!(!run.said.contains("ExampleHostile"), "{}", run.said);
        assert!(place.files() == before, "{url}");
    }
    let asked = place.redis.commands();
    assert!(
        !asked
            .iter()
            .flatten()
            .any(|word| word.contains("127.0.0.1")),
        "{asked:?}"
    );
}
