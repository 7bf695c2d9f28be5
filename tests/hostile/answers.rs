//! Answers that are no answer of an origin's: pages, redirects, other people's words.

use standins::{Act, Origin, Rule, Sink};

use crate::place::{Place, TOKEN};

const HEALTH: &str = "/api/v1/health";
const JOIN: &str = "/api/v1/cluster/join";

fn status(status: u16, body: &str) -> Act {
    Act::Status {
        status,
        body: body.to_owned(),
        content_type: "application/json".to_owned(),
    }
}

#[test]
fn what_is_no_origin_is_found_before_the_host_is_touched() {
    let place = Place::fresh();
    let before = place.files();
    for (act, word) in [
        (Act::CaptivePortal, "not JSON"),
        (Act::DeepJson { depth: 10_000 }, "not JSON"),
        (Act::Gzip, "not JSON"),
        (Act::Huge { chunked: true }, "over 64 KiB"),
        (Act::Huge { chunked: false }, "over 64 KiB"),
        (Act::Truncated, "broke off"),
        (Act::Close, "no answer"),
        (status(200, "[]"), "no JSON object"),
        (status(200, "{}"), "no StreamHub answers there"),
        (status(200, "{\"up\": false}"), "not up"),
        (status(503, "{\"error\": \"starting\"}"), "503: starting"),
        (status(502, "<html>"), "502"),
        (status(404, "{}"), "404"),
    ] {
        place.origin.control().behave(act.clone());
        place.origin.control().clear_log();
        place
            .join(&[])
            .expect(4, &["[origin]", word, "before anything was changed"]);
        assert_eq!(place.requests().len(), 1, "{act:?}");
        assert!(place.files() == before, "{act:?} changed a file");
    }
}

#[test]
fn a_join_that_is_answered_with_something_else_is_refused() {
    for place in [Place::fresh(), Place::joined()] {
        let first = Rule::on(JOIN, Act::CaptivePortal);
        place.origin.control().behave(first);
        place.join(&[]).expect(1, &["not JSON"]);
        let before = place.files();
        for (act, code, word) in [
            (Act::DeepJson { depth: 10_000 }, 1, "not JSON"),
            (Act::Gzip, 1, "not JSON"),
            (Act::Huge { chunked: true }, 1, "over 64 KiB"),
            (Act::Huge { chunked: false }, 1, "over 64 KiB"),
            (status(200, "null"), 1, "no JSON object"),
            (
                status(201, "{\"data\": null, \"error\": null}"),
                1,
                "redisUrl is missing",
            ),
            (
                status(
                    400,
                    "{\"message\": [\"name must be shorter\", \"ip must be an ip\"]}",
                ),
                1,
                "name must be shorter; ip must be an ip",
            ),
            (
                status(401, "{\"error\": \"invalid cluster token\"}"),
                5,
                "401",
            ),
            (
                status(
                    503,
                    "{\"error\": \"cluster joining disabled (STREAMHUB_CLUSTER_TOKEN unset)\"}",
                ),
                5,
                "disabled",
            ),
            (
                status(413, "{\"message\": \"\\u001b[2Jtoo large\"}"),
                1,
                "413",
            ),
        ] {
            place.origin.control().clear_log();
            place.origin.control().behave(Rule::on(JOIN, act.clone()));
            let run = place.join(&[]);
            run.expect(code, &[word]);
            assert!(!run.said.contains('\u{1b}'), "{act:?}");
            assert_eq!(place.joins(), 1, "{act:?} is no reason to ask again");
            assert!(place.files() == before, "{act:?} changed a file");
        }
    }
}

#[test]
fn an_origin_that_fails_is_asked_four_times_and_no_more() {
    for (act, word) in [
        (
            status(500, "{\"message\": \"Internal server error\"}"),
            "500: Internal server error",
        ),
        (status(503, "{\"error\": \"starting\"}"), "503: starting"),
        (Act::Truncated, "broke off"),
        (Act::Close, "no answer"),
    ] {
        let place = Place::fresh();
        place.origin.control().behave(Rule::on(JOIN, act.clone()));
        place.join(&[]).expect(4, &[word]);
        assert_eq!(place.joins(), 4, "{act:?}");
        assert!(!place.has_joined());
    }
}

#[test]
fn an_answer_that_was_lost_is_asked_for_again_and_makes_no_second_row() {
    let place = Place::fresh();
    place
        .origin
        .control()
        .behave(Rule::on(JOIN, Act::LoseAnswer));
    place.join(&[]).expect(4, &["no answer"]);
    let row = |place: &Place| -> Vec<String> {
        let rows = place.origin.control().nodes();
        rows.into_iter()
            .filter(|row| row.name == "edge-1")
            .map(|row| row.id)
            .collect()
    };
    let committed = row(&place);
    assert_eq!(committed.len(), 1);
    place.origin.control().behave(Act::Normal);
    // The proof fails, since nothing runs here; the registration is what counts.
    place.join(&[]).expect(6, &[]);
    assert_eq!(row(&place), committed);
    let saved = std::fs::read_to_string(place.path("etc/streamhub/heartbeat.env")).unwrap();
    assert!(saved.contains(&committed[0]), "{saved}");
}

#[test]
fn a_row_made_by_an_answer_that_was_lost_is_no_other_machines() {
    let losing = |times| {
        let place = Place::fresh();
        let rule = Rule::on(JOIN, Act::LoseAnswer).times(times);
        place.origin.control().behave(rule);
        place
    };
    let run = losing(1).join(&[]);
    assert!(!run.said.contains("was registered before"), "{}", run.said);
    // After four the run gives up, and the next one can't know whose row it is.
    let place = losing(4);
    place.join(&[]).expect(4, &[]);
    place.join(&[]).expect(6, &["was registered before"]);
}

#[test]
fn a_redirect_never_takes_the_token_along() {
    let elsewhere = Sink::start().unwrap();
    let second = Origin::start(standins::Config::default()).unwrap();
    for path in [HEALTH, "/api/v1/cluster/heartbeat", JOIN] {
        for code in [301, 302, 307, 308] {
            for location in [elsewhere.url(), second.url()] {
                let place = Place::fresh();
                let location = format!("{location}{path}");
                let act = Act::Redirect {
                    status: code,
                    location: location.clone(),
                };
                place.origin.control().behave(Rule::on(path, act));
                place
                    .join(&[])
                    .expect(4, &["redirects to", &location, "--master-url"]);
                assert!(place.requests().iter().filter(|r| r.path == path).count() == 1);
                assert!(!place.has_joined());
            }
        }
    }
    assert!(elsewhere.seen().is_empty(), "{:?}", elsewhere.seen());
    assert!(
        second.control().log().is_empty(),
        "{:?}",
        second.control().log()
    );
}

#[test]
fn a_proxy_of_the_operators_environment_sees_nothing() {
    let proxy = Sink::start().unwrap();
    let url = proxy.url();
    let names = [
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
    ];
    let environment: Vec<(&str, &str)> = names.iter().map(|name| (*name, url.as_str())).collect();
    let place = Place::fresh();
    place.run(&[], &environment).expect(6, &[]);
    assert!(place.requests().iter().any(|r| r.mentions(TOKEN)));
    assert!(proxy.seen().is_empty(), "{:?}", proxy.seen());
}
