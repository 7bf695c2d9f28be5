//! What becomes of a node's row at a join: what an operator had set there is kept, or the run says that it can't.

use streamhub_install::cli::Given;
use streamhub_install::fault::{Exit, Fault, Result};
use streamhub_install::host::Host;
use streamhub_install::origin_api::{OriginApi, Status};
use streamhub_install::register::{Registered, register};
use streamhub_install::secret::Secret;
use streamhub_install::settings::Settings;

use standins::{Act, Rotation, Rule};

use crate::nodes::{add, stats, status};
use crate::scene::Scene;

/// A node that has joined, and its row at the origin.
fn joined() -> Scene {
    let scene = Scene::joined();
    add(&scene, "edge-1", stats());
    // Nobody listens there, and no earlier answer has named it.
    scene.origin.control().rotate(Rotation {
        redis_url: Some(Some("redis://:ExampleOther@127.0.0.1:1".to_owned())),
        ..Rotation::default()
    });
    scene
}

/// The join itself, with this API token.
fn register_with(scene: &Scene, api_token: &str) -> Result<Registered> {
    scene.write("api-token", api_token);
    let token = scene.path("api-token").display().to_string();
    let args = [
        "streamhub-install",
        "--node-ip",
        "203.0.113.10",
        "--api-token-file",
        &token,
    ];
    let given = Given::parse(args).expect("they are flags");
    let settings = Settings::resolve(&given, &Host::new(scene.root.path()))?;
    let edge = settings.edge().expect("it is one").clone();
    register(&settings, &edge)
}

fn fault(registered: Result<Registered>) -> Fault {
    Fault::of(&registered.expect_err("it can't be"))
}

#[test]
fn a_drained_node_stays_so_where_the_redis_that_it_is_told_does_not_answer() {
    let scene = joined();
    let rows = scene.origin.control().nodes();
    let row = rows.iter().find(|row| row.name == "edge-1");
    let url = scene.origin.url().parse().expect("it is an address");
    let api = OriginApi::new(&url, Vec::new()).expect("no TLS");
    let token = Secret::new("sk_admin_example");
    api.set_status(&token, &row.expect("it is there").id, &Status::Draining)
        .expect("it may");
    let fault = fault(register_with(&scene, "sk_admin_example"));
    assert_eq!(fault.exit, Exit::NotReady, "{fault:?}");
    assert_eq!(status(&scene, "edge-1").as_deref(), Some("draining"));
}

#[test]
fn a_region_that_only_the_origin_knows_is_not_cleared_where_it_could_not_be_read() {
    let scene = joined();
    let path = "etc/streamhub/receipt.json";
    let receipt = std::fs::read_to_string(scene.path(path)).expect("it is there");
    scene.write(
        path,
        receipt.replace(r#""node_name""#, r#""region_is_unknown":true,"node_name""#),
    );
    let region = || {
        let rows = scene.origin.control().nodes();
        let row = rows.into_iter().find(|row| row.name == "edge-1");
        row.expect("it is there").region
    };
    let fault = fault(register_with(&scene, "sk_wrong"));
    assert_eq!(fault.exit, Exit::TokenRefused, "{fault:?}");
    let fix = fault.fix.expect("there is one");
    assert!(fix.contains("--region"), "{fix}");
    assert_eq!(region().as_deref(), Some("ams"));
    // An origin that is in trouble is away: the node goes on as it was.
    let trouble = Act::Status {
        status: 500,
        body: String::new(),
        content_type: "text/plain".to_owned(),
    };
    let rule = Rule::on("/api/v1/cluster/nodes", trouble);
    scene.origin.control().behave(rule);
    let kept = register_with(&scene, "sk_admin_example").expect("it goes on");
    assert!(matches!(kept, Registered::Kept(_)), "{kept:?}");
    assert_eq!(region().as_deref(), Some("ams"));
}
