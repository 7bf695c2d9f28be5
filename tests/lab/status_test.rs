//! A node's row in the registry: whose it is, and that an operator's decision about it lasts.

use crate::cluster::{API_TOKEN, Origin, edge};
use crate::host::Host;

fn set_status(origin: &Origin, name: &str, status: &str) {
    let id = origin.node(name)["id"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    origin.host.sh_ok(&format!(
        "curl --silent --fail --request PATCH --header 'Authorization: Bearer {API_TOKEN}' \
         --header 'Content-Type: application/json' --data '{{\"status\": \"{status}\"}}' \
         http://127.0.0.1:3020/api/v1/cluster/nodes/{id}"
    ));
}

fn assert_status(origin: &Origin, name: &str, status: &str) {
    assert_eq!(origin.node(name)["status"], status);
}

#[test]
fn a_drained_node_stays_drained_where_an_api_token_is_at_hand() {
    let origin = Origin::boot("origin");
    let edge = edge("edge-1");
    edge.joined(&origin);
    set_status(&origin, "edge-1", "draining");
    edge.write("/root/api-token", API_TOKEN, 0o600);
    let run = edge
        .program(["--join", "--api-token-file", "/root/api-token"])
        .run()
        .expect_code(0);
    assert_status(&origin, "edge-1", "draining");
    assert!(!run.said().contains("note "), "{}", run.said());
    run.expect_none_of(&[API_TOKEN]);

    set_status(&origin, "edge-1", "disabled");
    let by_environment = |host: &Host| {
        host.program(["--join"])
            .env("STREAMHUB_API_TOKEN", API_TOKEN)
    };
    by_environment(&edge).run().expect_code(0);
    assert_status(&origin, "edge-1", "disabled");

    // Without one, it can't be known, and is said.
    let run = edge.program(["--join"]).run().expect_code(0);
    assert_status(&origin, "edge-1", "active");
    run.expect_said(&["sets a node active at every join", "--api-token-file"]);

    // A token that the origin does not take is a warning.
    set_status(&origin, "edge-1", "draining");
    let run = edge
        .program(["--join"])
        .env("STREAMHUB_API_TOKEN", "sk_ExampleRevoked0123456789")
        .run()
        .expect_code(0);
    run.expect_said(&["warning", "status can't be read", "401"]);
    run.expect_none_of(&["sk_ExampleRevoked0123456789"]);
}

#[test]
fn a_name_that_was_registered_before_is_a_warning_at_the_first_join_alone() {
    let origin = Origin::boot("origin");
    origin.host.sh_ok(&format!(
        "curl --silent --fail --header 'X-Cluster-Token: {}' --header 'Content-Type: application/json' \
         --data '{{\"name\": \"edge-1\", \"ip\": \"10.0.0.9\"}}' http://127.0.0.1:3020/api/v1/cluster/join",
        crate::cluster::TOKEN
    ));
    let edge = edge("edge-1");
    let run = edge.joined(&origin);
    run.expect_said(&["edge-1 was registered before", "--node-name picks another"]);
    let run = edge.program(["--join"]).run().expect_code(0);
    assert!(!run.said().contains("registered before"), "{}", run.said());
    let fresh = edge.program(["--join", "--node-name", "edge-2"]).run();
    assert!(!fresh.expect_code(0).said().contains("registered before"));
}
