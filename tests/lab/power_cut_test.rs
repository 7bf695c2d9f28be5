//! Hosts that lose their power in the middle of a run and boot again.

use std::time::Duration;

use crate::campaign::play;
use crate::cluster::{API_KEY, API_SECRET, Origin, edge, node_at};
use crate::crash_test::{FILES, RESET};
use crate::host::Host;
use crate::kill_campaign_test::{NO_CONTAINERS, join, rerun};
use crate::origin_kill_test::{INSTALL, stage};
use crate::scene::{Blow, Elsewhere, Scene, Stage};
use crate::wait;

/// What an origin is in its own registry.
const NODE_ID: &str = "origin";

fn stages() -> Vec<Stage<'static>> {
    let stage = |name| Stage {
        elsewhere: Elsewhere::Origin(Box::new(Origin::boot("origin"))),
        host: edge(name),
    };
    vec![stage("edge-1"), stage("edge-2")]
}

/// Where a node is registered, and under which name: an origin in its own registry.
fn registry<'a>(stage: &'a Stage) -> (&'a Host, &'a str) {
    match &stage.elsewhere {
        Elsewhere::Origin(origin) => (&origin.host, stage.host.name()),
        _ => (&stage.host, NODE_ID),
    }
}

/// The power goes once more, on a node that is complete: it serves again by itself, and the registry hears of it.
fn comes_back_by_itself(stage: &mut Stage) {
    let node = |stage: &Stage| {
        let (origin, name) = registry(stage);
        node_at(origin, name)
    };
    let containers = stage.host.containers();
    let before = node(stage)["last_seen_at"].clone();
    stage.host.kill();
    stage.host.start();
    let runs = || stage.host.containers() == containers;
    assert!(
        wait::until(Duration::from_secs(60), runs),
        "{:?}",
        stage.host.containers()
    );
    let answers = || {
        registry(stage)
            .0
            .sh("curl --silent --fail http://127.0.0.1:3999/nodes")
            .code
            == 0
    };
    assert!(wait::until(Duration::from_secs(60), answers));
    let beat = || node(stage)["last_seen_at"] != before;
    assert!(wait::until(Duration::from_secs(90), beat));
    assert_eq!(node(stage)["stale"], false);
    stage.host.sh_ok("systemctl is-enabled --quiet streamhub-heartbeat.timer && systemctl is-active --quiet streamhub-heartbeat.timer");
}

#[test]
fn a_first_join_that_a_power_cut_ends_is_gone_on_with_after_the_boot() {
    let scene = Scene {
        name: "first join, power cut",
        files: FILES,
        secrets: &[],
        reset: |stage, _| {
            stage.host.sh_ok(RESET);
            stage.host.sh_ok(NO_CONTAINERS);
        },
        command: join,
        proof: |stage, _| assert!(stage.host.takes_tokens_of(API_KEY, API_SECRET)),
    };
    let mut stages = play(scene, Blow::PowerCut, 3, stages());
    stages.iter_mut().for_each(comes_back_by_itself);
}

#[test]
fn a_rerun_that_a_power_cut_ends_is_gone_on_with_after_the_boot() {
    const SECRETS: [&str; 2] = ["ExampleRotatedSecretOf40Characters00000", API_SECRET];
    let scene = Scene {
        name: "re-run, power cut",
        files: FILES,
        secrets: &[],
        reset: |stage, side| {
            if !stage.host.has("/opt/streamhub/.env") {
                stage.host.joined(stage.origin());
            }
            stage
                .origin()
                .rotate(&serde_json::json!({ "api_secret": SECRETS[side] }));
        },
        command: rerun,
        proof: |stage, side| assert!(stage.host.takes_tokens_of(API_KEY, SECRETS[side])),
    };
    let mut stages = play(scene, Blow::PowerCut, 2, stages());
    stages.iter_mut().for_each(comes_back_by_itself);
}

#[test]
fn an_origins_first_install_that_a_power_cut_ends_is_gone_on_with_after_the_boot() {
    for mut stage in play(INSTALL, Blow::PowerCut, 3, vec![stage()]) {
        comes_back_by_itself(&mut stage);
        let site = format!("http://{}/api/v1/health", stage.host.ip());
        assert_eq!(stage.host.status_of(&site, &[]), "200");
    }
}
