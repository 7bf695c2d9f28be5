//! What doctor says of an edge whose origin is not what it was, without a host.

use standins::{Act, Mode, Redis, Rotation};

use crate::diagnosis;
use crate::scene::{Scene, TOKEN};

/// The findings of these checks alone: the rest is about a host, which this is not.
fn of(scene: &Scene, checks: &[&str]) -> Vec<(String, String)> {
    let said = scene.run(&["doctor", "--json"], &[]);
    assert!(!said.stdout.contains(TOKEN) && !said.stdout.contains("ExamplePassword"));
    assert_eq!(said.code, 1, "{}", said.stderr);
    let found = diagnosis::findings(&said.stdout, said.code);
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    found
        .iter()
        .filter(|finding| checks.iter().any(|check| finding["check"] == *check))
        .map(|finding| {
            let said = format!("{}: {}", text(&finding["check"]), text(&finding["what"]));
            (scene.settle(&said), text(&finding["fix"]))
        })
        .collect()
}

const CLUSTER: &[&str] = &["origin", "skew", "token", "node"];

#[test]
fn each_trouble_with_the_origin_is_one_finding() {
    let scene = Scene::joined();
    let control = scene.origin.control();
    let one = |wanted: &str, fix: &str| {
        let found = of(&scene, CLUSTER);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].0.contains(wanted), "{found:?}");
        assert!(found[0].1.contains(fix), "{found:?}");
    };
    // Its row was never made there.
    one(
        "node: the origin does not know this node (edge-1, node-1)",
        "streamhub-install",
    );
    control.rotate(Rotation {
        token: Some(Some("clt_ExampleOther".to_owned())),
        ..Rotation::default()
    });
    one(
        "token: the origin refuses this node's join token",
        "--master-token-file",
    );
    control.behave(Act::CaptivePortal);
    one("origin: the origin at http://<origin>", "--master-url");
    control.down();
    one("origin: the origin at http://<origin>: no answer", "doctor");
    control.up().expect("its port is still free");
    control.rotate(Rotation {
        token: Some(Some(TOKEN.to_owned())),
        ..Rotation::default()
    });
    for (seconds, words) in [(31_536_000, "1 year behind"), (-7200, "2 hours ahead of")] {
        control.behave(Act::Skew { seconds });
        let found = of(&scene, CLUSTER);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found[0]
                .0
                .contains(&format!("skew: this host's clock is {words}")),
            "{found:?}"
        );
    }
    control.behave(Act::Skew { seconds: 20 });
    assert!(of(&scene, &["skew"]).is_empty());
}

#[test]
fn a_redis_that_refuses_is_told_from_one_that_is_not_there_and_one_that_takes_anybody() {
    let scene = Scene::joined();
    let found = of(&scene, &["redis"]);
    let at_all = "no way to the origin's redis at 127.0.0.1:1: connection refused";
    assert!(found[0].0.contains(at_all), "{found:?}");
    assert!(found[0].1.contains("allow-edge"), "{found:?}");

    let env = std::fs::read_to_string(scene.path("opt/streamhub/.env")).expect("it is there");
    for (mode, said) in [
        (Mode::password("ExamplePassword"), None),
        (
            Mode::password("ExampleOther"),
            Some("refuses the saved password"),
        ),
        (Mode::Open, Some("DANGER")),
        (Mode::Garbage, Some("no redis")),
    ] {
        let redis = Redis::start(mode.clone()).expect("a port is free");
        let address = redis.addr().to_string();
        scene.write("opt/streamhub/.env", env.replace("127.0.0.1:1", &address));
        let found = of(&scene, &["redis"]);
        assert_eq!(
            found.len(),
            usize::from(said.is_some()),
            "{mode:?}: {found:?}"
        );
        assert!(
            said.is_none_or(|said| found[0].0.contains(said)),
            "{mode:?}: {found:?}"
        );
    }
}

#[test]
fn what_others_may_read_is_told_with_its_fix() {
    let scene = Scene::joined();
    let found = of(&scene, &["secrets"]);
    // As the scene wrote them.
    assert!(
        found
            .iter()
            .any(|(what, _)| what.contains("/opt/streamhub/.env has mode 0644")),
        "{found:?}"
    );
    assert!(
        found
            .iter()
            .any(|(_, fix)| fix == "chmod 600 /opt/streamhub/.env"),
        "{found:?}"
    );
}

#[test]
fn a_host_without_a_node_is_no_patient() {
    let scene = Scene::fresh();
    for command in ["doctor", "status"] {
        let said = scene.run(&[command], &[]);
        assert_eq!(said.code, 1);
        assert!(
            said.stderr.contains("no node is installed on this host"),
            "{}",
            said.stderr
        );
    }
}
