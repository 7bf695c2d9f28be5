//! An origin that says no.

use standins::{Act, Rotation, Rule};

use crate::place::{Place, TOKEN};

const BEAT: &str = "/api/v1/cluster/heartbeat";

#[test]
fn a_wrong_token_is_found_before_the_host_is_touched() {
    let place = Place::fresh();
    let before = place.files();
    let wrong = [("STREAMHUB_MASTER_TOKEN", "clt_ExampleWrong0123456789")];
    let run = place.run(&[], &wrong);
    run.expect(5, &["[token]", "401", "--master-token-file"]);
    assert!(!run.said.contains("clt_Example"), "{}", run.said);
    assert_eq!((place.joins(), place.requests().len()), (0, 2));
    assert!(place.files() == before);
}

#[test]
fn joining_switched_off_is_told_from_a_server_in_trouble() {
    let place = Place::fresh();
    place.origin.control().disable_joining();
    place
        .join(&[])
        .expect(5, &["joining is disabled there", "STREAMHUB_CLUSTER_TOKEN"]);
    assert_eq!(place.joins(), 0);
    place.origin.control().rotate(Rotation {
        token: Some(Some(TOKEN.to_owned())),
        ..Rotation::default()
    });
    for body in [
        "{\"error\": \"cluster joining disabled\"}",
        "{\"error\": \"starting\"}",
        "<html>",
    ] {
        let act = Act::Status {
            status: 503,
            body: body.to_owned(),
            content_type: "application/json".to_owned(),
        };
        place.origin.control().behave(Rule::on(BEAT, act));
        place.join(&[]).expect(4, &["503"]);
        assert_eq!(place.joins(), 0, "{body}");
    }
}

/// Whatever an origin echoes, a secret among it is not shown.
#[test]
fn an_origin_that_echoes_the_token_is_quoted_without_it() {
    let place = Place::fresh();
    let act = Act::Status {
        status: 400,
        body: format!("{{\"message\": \"bad header X-Cluster-Token: {TOKEN}\"}}"),
        content_type: "application/json".to_owned(),
    };
    place
        .origin
        .control()
        .behave(Rule::on("/api/v1/cluster/join", act));
    let run = place.join(&["-v"]);
    run.expect(1, &["bad header X-Cluster-Token: (secret)"]);
    assert!(!run.said.contains(TOKEN), "{}", run.said);
}
