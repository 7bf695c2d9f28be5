//! Hosts that lose their power in the middle of a run and boot again.

use std::time::Duration;

use crate::campaign::play;
use crate::cluster::{API_KEY, API_SECRET, Origin, edge};
use crate::crash_test::{FILES, RESET};
use crate::kill_campaign_test::{NO_CONTAINERS, join, rerun};
use crate::scene::{Blow, Elsewhere, Scene, Stage};
use crate::wait;

fn stages() -> Vec<Stage<'static>> {
    let stage = |name| Stage {
        elsewhere: Elsewhere::Origin(Box::new(Origin::boot("origin"))),
        host: edge(name),
    };
    vec![stage("edge-1"), stage("edge-2")]
}

/// The power goes once more, on a node that is complete: it serves again by itself, and the origin hears of it.
fn comes_back_by_itself(stage: Stage) {
    let Stage {
        elsewhere,
        mut host,
    } = stage;
    let Elsewhere::Origin(origin) = elsewhere else {
        panic!("{} is no edge", host.name());
    };
    let containers = host.containers();
    let seen = || origin.node(host.name())["last_seen_at"].clone();
    let before = seen();
    host.kill();
    host.start();
    let runs = || host.containers() == containers;
    assert!(
        wait::until(Duration::from_secs(60), runs),
        "{:?}",
        host.containers()
    );
    let beat = || origin.node(host.name())["last_seen_at"] != before;
    assert!(wait::until(Duration::from_secs(90), beat));
    assert_eq!(origin.node(host.name())["stale"], false);
    host.sh_ok("systemctl is-enabled --quiet streamhub-heartbeat.timer && systemctl is-active --quiet streamhub-heartbeat.timer");
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
    let stages = play(scene, Blow::PowerCut, 3, stages());
    stages.into_iter().for_each(comes_back_by_itself);
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
    let stages = play(scene, Blow::PowerCut, 2, stages());
    stages.into_iter().for_each(comes_back_by_itself);
}
