//! Runs of an origin that are killed at random moments: a first install, redis for the cluster and back, a take-over of
//! the script's, an update of one that is built from source. And a first install that is cut off where its steps meet.

use crate::campaign::play;
use crate::command::HostCommand;
use crate::crash_test::RESET;
use crate::host::Host;
use crate::images::CORE;
use crate::kill_campaign_test::NO_CONTAINERS;
use crate::origin_host::{GENERATED, origin_host};
use crate::predecessor::{OPERATORS_OWN, RECORDING, SCRIPT};
use crate::predecessor_origin::{API_TOKEN, Shape, lay_out};
use crate::scene::{Blow, Elsewhere, Scene, Stage};
use crate::source::Source;

const DIR: &str = "/opt/streamhub";
const FILES: &[&str] = &[
    "/etc/sysctl.d/99-streamhub-webrtc.conf",
    "/usr/local/bin/streamhub-install",
    SCRIPT,
    "/opt/streamhub/.env",
    "/opt/streamhub/docker-compose.yml",
    "/opt/streamhub/docker-compose.streamhub.yml",
    "/etc/streamhub/heartbeat.env",
    "/etc/systemd/system/streamhub-heartbeat.service",
    "/etc/systemd/system/streamhub-heartbeat.timer",
    "/etc/nginx/sites-available/{ip}",
    "/etc/nginx/sites-enabled/{ip}",
    "/etc/nginx/snippets/streamhub.conf",
    "/etc/nginx/sites-available/streamhub-cluster",
    "/etc/nginx/sites-enabled/streamhub-cluster",
];
/// Of each scene; a first install is the longest run.
const KILLS: usize = 6;

/// Takes away what no first install may find: the data, the services and the site.
fn nothing_there(host: &Host) {
    host.sh_ok(NO_CONTAINERS);
    host.sh_ok(RESET);
    let site = host.ip();
    host.sh_ok(&format!(
        "docker volume ls --quiet | xargs --no-run-if-empty docker volume rm >/dev/null
         rm -f {SCRIPT} /etc/nginx/sites-*/{site} /etc/nginx/snippets/streamhub.conf
         ln -sf /etc/nginx/sites-available/default /etc/nginx/sites-enabled/default
         systemctl reload-or-restart nginx"
    ));
}

fn install(stage: &Stage, _side: usize) -> HostCommand {
    let ip = stage.host.ip().to_string();
    let flags = ["--core-image", CORE, "--non-interactive", "--json"];
    stage.host.program(["--domain", &ip]).args(flags)
}

/// What redis on this host answers, asked with the password that `.env` has.
fn redis(host: &Host, what: &str) -> String {
    let env = host.read("/opt/streamhub/.env");
    let password = env
        .lines()
        .find_map(|line| line.strip_prefix("REDIS_PASSWORD="))
        .unwrap_or_default();
    host.sh_ok(&format!("REDISCLI_AUTH={password} redis-cli {what}"))
}

/// The dashboard answers through nginx, livekit takes the key of `.env`, and the core its API token.
fn serves(stage: &Stage, _side: usize) {
    let host = &stage.host;
    let at = |path: &str| format!("http://{}{path}", host.ip());
    assert_eq!(host.status_of(&at("/api/v1/health"), &[]), "200");
    let value = |key| host.setting(DIR, key);
    assert!(host.takes_tokens_of(&value("LIVEKIT_API_KEY"), &value("LIVEKIT_API_SECRET")));
    let bearer = format!("Authorization: Bearer {}", value("STREAMHUB_API_TOKEN"));
    let nodes = at("/api/v1/cluster/nodes");
    assert_eq!(host.status_of(&nodes, &["--header", &bearer]), "200");
}

fn serves_and_kept_its_data(stage: &Stage, side: usize) {
    serves(stage, side);
    assert_eq!(redis(&stage.host, "get kept"), "yes\n");
}

pub const INSTALL: Scene = Scene {
    name: "first install of an origin",
    files: FILES,
    secrets: GENERATED,
    reset: |stage, _| nothing_there(&stage.host),
    command: install,
    proof: serves,
};

pub fn stage() -> Stage<'static> {
    Stage {
        elsewhere: Elsewhere::Nothing,
        host: origin_host("origin"),
    }
}

#[test]
fn an_origins_first_install_may_be_killed_at_any_moment() {
    play(INSTALL, Blow::Kill, KILLS, vec![stage()]);
}

#[test]
fn an_origins_first_install_may_be_killed_where_its_steps_meet() {
    play(INSTALL, Blow::AtRename("SIGKILL"), KILLS, vec![stage()]);
}

#[test]
fn an_origins_first_install_may_be_ended_where_its_steps_meet() {
    let stages = play(INSTALL, Blow::AtRename("SIGTERM"), KILLS / 2, vec![stage()]);
    play(INSTALL, Blow::AtRename("SIGINT"), KILLS / 2, stages);
}

#[test]
fn the_clusters_redis_may_be_killed_as_it_comes_and_goes() {
    let scene = Scene {
        name: "redis for the cluster, and back",
        files: FILES,
        secrets: GENERATED,
        // Each side begins as the other ended.
        reset: |_, _| (),
        command: |stage, side| {
            let ip = stage.host.ip().to_string();
            let run = stage.host.program(["--json"]);
            match side {
                0 => run.args(["--cluster-redis-bind", &ip]),
                _ => run.args(["--no-cluster-redis"]),
            }
        },
        proof: |stage, side| {
            serves_and_kept_its_data(stage, side);
            let far = format!("redis-cli -h {} ping 2>&1", stage.host.ip());
            let said = stage.host.sh(&far).stdout;
            assert_eq!(said.contains("NOAUTH"), side == 0, "{said}");
        },
    };
    let stage = stage();
    install(&stage, 0).run().expect_code(0);
    redis(&stage.host, "set kept yes");
    play(scene, Blow::Kill, KILLS, vec![stage]);
}

#[test]
fn a_take_over_of_an_origin_may_be_killed() {
    let scene = Scene {
        name: "take-over of an origin",
        files: FILES,
        secrets: GENERATED,
        reset: |stage, side| {
            nothing_there(&stage.host);
            let shape = Shape {
                git: true,
                cluster: side == 0,
                certificate: None,
            };
            lay_out(&stage.host, stage.source(), DIR, shape);
            redis(&stage.host, "set kept yes");
        },
        command: |stage, _| stage.source().given_to(stage.host.program(["--json"])),
        proof: |stage, side| {
            serves_and_kept_its_data(stage, side);
            assert_eq!(stage.host.setting(DIR, "STREAMHUB_API_TOKEN"), API_TOKEN);
            let env = stage.host.read("/opt/streamhub/.env");
            assert!(env.contains(OPERATORS_OWN), "{env}");
            let recording = stage.host.read(&format!("{DIR}/{RECORDING}"));
            assert_eq!(recording, "a recording");
        },
    };
    let elsewhere = Host::named("source").with_origin_packages().boot();
    let source = Source::serve(&elsewhere);
    let stage = Stage {
        elsewhere: Elsewhere::Source(&source),
        host: origin_host("origin"),
    };
    play(scene, Blow::Kill, KILLS, vec![stage]);
}

#[test]
fn an_update_of_an_origin_may_be_killed() {
    const VERSIONS: [&str; 2] = ["0.2.0", "0.3.0"];
    let scene = Scene {
        name: "update of an origin",
        files: FILES,
        secrets: GENERATED,
        reset: |stage, side| stage.source().publish(VERSIONS[side]),
        command: |stage, _| {
            stage
                .source()
                .given_to(stage.host.program(["update", "--json"]))
        },
        proof: |stage, side| {
            serves_and_kept_its_data(stage, side);
            let (new, old) = (VERSIONS[side], VERSIONS[1 - side]);
            stage.host.sh_ok(&format!(
                "cd {DIR}/server && test -e only-in-{new}.js && ! test -e only-in-{old}.js && ! test -e only-in-0.1.0.js
                 curl -sf http://127.0.0.1:3020/api/v1/health | grep -F '\"version\":\"{new}\"'"
            ));
        },
    };
    let elsewhere = Host::named("source").with_origin_packages().boot();
    let source = Source::serve(&elsewhere);
    let host = origin_host("origin");
    let ip = host.ip().to_string();
    let run = host.program(["--domain", &ip, "--non-interactive"]);
    source.given_to(run).run().expect_code(0);
    redis(&host, "set kept yes");
    let stage = Stage {
        elsewhere: Elsewhere::Source(&source),
        host,
    };
    play(scene, Blow::Kill, KILLS, vec![stage]);
}
