//! Two hundred runs that are killed at random moments: first joins, re-runs and take-overs, each of several kinds.

use crate::campaign::play;
use crate::cluster::{API_KEY, API_SECRET, JOIN_LIMIT, Origin};
use crate::command::HostCommand;
use crate::crash_test::{FILES, RESET};
use crate::host::Host;
use crate::images::{self, Image};
use crate::predecessor::{self, OPERATORS_OWN, RECORDING};
use crate::scene::{Blow, Elsewhere, Scene, Stage};

pub const NO_CONTAINERS: &str =
    "docker ps --all --quiet --filter label=com.docker.compose.project=streamhub |
    xargs --no-run-if-empty docker rm --force >/dev/null";
/// What an operator keeps beside our own keys.
const OWN_KEY: &str = "MY_KEY='p #q'\n";
/// What a take-over writes and removes.
const TAKEN_OVER: &[&str] = &[
    "/etc/sysctl.d/99-streamhub-webrtc.conf",
    "/usr/local/bin/streamhub-install",
    predecessor::SCRIPT,
    "/opt/streamhub/.env",
    "/opt/streamhub/docker-compose.yml",
    "/opt/streamhub/docker-compose.yml.old",
    "/etc/streamhub/heartbeat.env",
    "/etc/systemd/system/streamhub-heartbeat.service",
    "/etc/systemd/system/streamhub-heartbeat.timer",
];
const OTHER_SECRET: &str = "ExampleRotatedSecretOf40Characters00000";

/// A stage whose host has Docker and a stranger's container.
fn stage(name: &str) -> Stage<'static> {
    let mut images = images::livekit();
    images.push(Image::busybox());
    let host = Host::named(name)
        .with_cores(2)
        .with_docker()
        .with_images(images)
        .boot();
    host.push_program();
    host.sh_ok(
        "docker run --detach --name foreign --label foreign --network host lab/busybox:1 sleep 100000",
    );
    Stage {
        elsewhere: Elsewhere::Origin(Box::new(Origin::boot("origin"))),
        host,
    }
}

fn stages() -> Vec<Stage<'static>> {
    vec![stage("edge-1"), stage("edge-2")]
}

/// The same, joined.
fn joined_stages() -> Vec<Stage<'static>> {
    let stages = stages();
    for stage in &stages {
        stage.host.joined(stage.origin());
    }
    stages
}

pub fn join(stage: &Stage, _side: usize) -> HostCommand {
    stage.host.join(stage.origin()).args(["--json"])
}

pub fn rerun(stage: &Stage, _side: usize) -> HostCommand {
    stage.host.program(["--join", "--json"])
}

/// livekit takes the origin's key, and no file of an operator is lost.
fn serves(stage: &Stage, _side: usize) {
    assert!(stage.host.takes_tokens_of(API_KEY, API_SECRET));
}

fn serves_and_kept_what_was_there(stage: &Stage, side: usize) {
    serves(stage, side);
    let env = stage.host.read("/opt/streamhub/.env");
    assert!(env.contains(OWN_KEY), "{env}");
    assert_eq!(stage.host.read("/opt/streamhub/data/mine"), "mine");
}

#[test]
fn forty_first_joins_on_hosts_that_run_nothing() {
    let scene = Scene {
        name: "first join, nothing there",
        files: FILES,
        secrets: &[],
        reset: |stage, _| {
            stage.host.sh_ok(RESET);
            stage.host.sh_ok(NO_CONTAINERS);
        },
        command: join,
        proof: serves,
    };
    play(scene, Blow::Kill, 20, stages());
}

#[test]
fn forty_first_joins_on_hosts_that_have_the_containers() {
    let scene = Scene {
        name: "first join, containers there",
        files: FILES,
        secrets: &[],
        reset: |stage, _| {
            stage.host.sh_ok(RESET);
            stage.host.write(
                "/opt/streamhub/.env",
                format!("STREAMHUB_DOMAIN=join-edge\n{OWN_KEY}"),
                0o600,
            );
            stage.host.write("/opt/streamhub/data/mine", "mine", 0o644);
        },
        command: join,
        proof: serves_and_kept_what_was_there,
    };
    play(scene, Blow::Kill, 20, joined_stages());
}

#[test]
fn forty_reruns_on_hosts_that_drifted() {
    let scene = Scene {
        name: "re-run after drift",
        files: FILES,
        secrets: &[],
        reset: |stage, side| {
            stage.host.write("/opt/streamhub/data/mine", "mine", 0o644);
            stage.host.sh_ok(
                "cd /opt/streamhub
                 sed -i '/^LIVEKIT_WEBHOOK_URL/d; /^MY_KEY/d; s/^LIVEKIT_API_SECRET=.*/LIVEKIT_API_SECRET=ExampleOld/' .env
                 chmod 640 .env
                 echo '# by hand' >>docker-compose.yml
                 echo '# by hand' >>/etc/systemd/system/streamhub-heartbeat.timer
                 rm -f /etc/sysctl.d/99-streamhub-webrtc.conf
                 systemctl disable --quiet --now streamhub-heartbeat.timer",
            );
            let env = stage.host.read("/opt/streamhub/.env");
            stage
                .host
                .write("/opt/streamhub/.env", format!("{env}{OWN_KEY}"), 0o640);
            if side == 1 {
                stage.host.sh_ok(
                    "ufw delete allow 7885/udp
                     docker rename streamhub-livekit 0123456789ab_streamhub-livekit
                     docker rm --force streamhub-egress
                     docker stop streamhub-ingress",
                );
            }
        },
        command: rerun,
        proof: serves_and_kept_what_was_there,
    };
    let stages = joined_stages();
    for stage in &stages {
        // The rules of an operator, and then ours.
        stage
            .host
            .sh_ok("ufw allow 22/tcp; ufw deny 6379/tcp; ufw --force enable");
        stage.host.joined(stage.origin());
    }
    play(scene, Blow::Kill, 20, stages);
}

#[test]
fn thirty_two_reruns_after_the_origin_rotated_its_keys() {
    const SECRETS: [&str; 2] = [OTHER_SECRET, API_SECRET];
    let scene = Scene {
        name: "re-run after a rotation",
        files: FILES,
        secrets: &[],
        reset: |stage, side| {
            let rotation = serde_json::json!({ "api_secret": SECRETS[side] });
            stage.origin().rotate(&rotation);
        },
        command: rerun,
        proof: |stage, side| {
            assert!(stage.host.takes_tokens_of(API_KEY, SECRETS[side]));
            assert!(!stage.host.takes_tokens_of(API_KEY, SECRETS[1 - side]));
        },
    };
    play(scene, Blow::Kill, 16, joined_stages());
}

#[test]
fn forty_take_overs_of_hosts_that_the_script_set_up() {
    const DIR: &str = "/opt/streamhub";
    let scene = Scene {
        name: "take-over",
        files: TAKEN_OVER,
        secrets: &[],
        reset: |stage, side| {
            stage.host.sh_ok(RESET);
            predecessor::lay_out(&stage.host, stage.origin(), DIR);
            // On the other side the containers are there already, and all else is to be taken over.
            if side == 0 {
                predecessor::start(&stage.host, DIR);
            }
        },
        command: |stage, _| stage.host.program(["--json"]),
        proof: |stage, side| {
            serves(stage, side);
            let env = stage.host.read("/opt/streamhub/.env");
            assert!(env.contains(OPERATORS_OWN), "{env}");
            let recording = stage.host.read(&format!("{DIR}/{RECORDING}"));
            assert_eq!(recording, "a recording");
            let id = stage.origin().node(predecessor::NAME)["id"].clone();
            let beat = stage.host.read("/etc/streamhub/heartbeat.env");
            assert!(beat.contains(id.as_str().expect("it has one")), "{beat}");
        },
    };
    let stages = || stage(predecessor::NAME);
    play(scene, Blow::Kill, 20, vec![stages(), stages()]);
}

#[test]
fn eight_first_joins_on_hosts_without_docker() {
    fn bare() -> Host {
        let host = Host::named("edge-1").with_images(images::livekit()).boot();
        host.push_program();
        host
    }
    let scene = Scene {
        name: "first join, no Docker",
        files: FILES,
        secrets: &[],
        // There is no way back from an installed Docker that is as sure as another host.
        reset: |stage, _| stage.host = bare(),
        command: |stage, side| join(stage, side).within(JOIN_LIMIT * 2),
        proof: |stage, side| {
            serves(stage, side);
            let audit = stage.host.sh_ok("dpkg --audit; ls /var/lib/dpkg/updates");
            assert_eq!(audit, "");
        },
    };
    let stage = || Stage {
        elsewhere: Elsewhere::Origin(Box::new(Origin::boot("origin"))),
        host: bare(),
    };
    play(scene, Blow::Kill, 4, vec![stage(), stage()]);
}
