//! A dry run names everything that a run would do, to root and to an ordinary user, and does none of it.

use std::path::Path;

use crate::cluster::{Origin, SECRETS, TOKEN, edge};
use crate::command::{HostCommand, Output};
use crate::host::Host;
use crate::shown::{snapshot, transcript};

/// Things that go wrong on a node over the years.
const DRIFT: &str = "set -e
sed -i 's/^LIVEKIT_REDIS_PASSWORD=.*/LIVEKIT_REDIS_PASSWORD=ExampleGuessedPassword/; s/^DATA_DIR=.*/DATA_DIR=\\/recordings/' /opt/streamhub/.env
echo '# an operator was here' >>/opt/streamhub/docker-compose.yml
sed -i 's/^OnCalendar=.*/OnCalendar=hourly/' /etc/systemd/system/streamhub-heartbeat.timer
chmod 0644 /etc/streamhub/heartbeat.env
chmod 0700 /opt/streamhub/data
rm /etc/sysctl.d/99-streamhub-webrtc.conf
docker stop --time 1 streamhub-egress >/dev/null
systemctl disable --now --quiet streamhub-heartbeat.timer
systemctl daemon-reload";

#[track_caller]
fn dry(host: &Host, run: HostCommand) -> Output {
    let (tree, containers) = (host.tree(), host.containers());
    let output = run.args(["--dry-run"]).run().expect_code(0);
    assert_eq!(host.tree(), tree, "{output:?}");
    assert_eq!(host.containers(), containers, "{output:?}");
    let said = format!("{}{}", output.stdout, output.stderr);
    for secret in SECRETS.iter().chain(&["ExampleGuessedPassword"]) {
        assert!(!said.contains(secret), "{secret} in {said}");
    }
    output
}

#[test]
fn a_dry_run_shows_the_whole_plan_and_does_nothing() {
    let origin = Origin::boot("origin");
    let host = edge("edge-1");
    host.push_program_for_operator();
    let ip = origin.host.ip().to_string();
    let join = ["--join", "--master-ip", &ip];
    let operators = || {
        host.operators_program(join)
            .env("STREAMHUB_MASTER_TOKEN", TOKEN)
    };
    let shown = |name: &str, output: &Output| {
        let hosts = [(&origin.host, "<origin>"), (&host, "<edge>")];
        snapshot(name, &transcript(output), &hosts);
    };

    shown("dry_run_fresh", &dry(&host, host.join(&origin)));
    shown(
        "dry_run_fresh_json",
        &dry(&host, host.join(&origin).args(["--json"])),
    );
    let fresh = dry(&host, operators());
    assert!(
        fresh
            .stdout
            .contains("? docker engine and compose plugin: unknown: needs root")
    );
    assert!(
        fresh
            .stdout
            .contains("  + file /opt/streamhub/docker-compose.yml")
    );
    shown("dry_run_fresh_operator", &fresh);
    assert_eq!(origin.joins(), 0, "a dry run registers nothing");
    assert!(!host.has("/run/streamhub-install.lock"));

    host.joined(&origin);
    let unchanged = dry(&host, host.program(["--join"]));
    assert!(
        unchanged.stdout.contains("Plan: nothing to change"),
        "{}",
        unchanged.stdout
    );
    let joined = dry(&host, operators());
    assert!(
        joined
            .stdout
            .contains("? file /etc/streamhub/heartbeat.env: unknown: needs root")
    );
    shown("dry_run_joined_operator", &joined);
    // Which role it has stands in the receipt, which is root's.
    let output = host.operators_program(["--dry-run"]).run().expect_code(2);
    assert!(
        output
            .stderr
            .contains("this user can't read which role this host has")
    );

    host.sh_ok(DRIFT);
    let drifted = dry(&host, host.program(["--join"]));
    for what in [
        "file /etc/sysctl.d/99-streamhub-webrtc.conf",
        "data directory of /opt/streamhub",
        "file /opt/streamhub/.env",
        "file /etc/streamhub/heartbeat.env",
        "file /opt/streamhub/docker-compose.yml",
        "file /etc/systemd/system/streamhub-heartbeat.timer",
        "services in /opt/streamhub",
        "timer streamhub-heartbeat.timer",
    ] {
        assert!(drifted.stdout.contains(what), "{what}\n{}", drifted.stdout);
    }
    shown("dry_run_drifted", &drifted);
    shown(
        "dry_run_drifted_json",
        &dry(&host, host.program(["--join", "--json"])),
    );

    // And what it named is what a run does.
    host.program(["--join"]).run().expect_code(0);
    let mended = dry(&host, host.program(["--join"]));
    assert!(
        mended.stdout.contains("Plan: nothing to change"),
        "{}",
        mended.stdout
    );
    assert!(
        !host
            .tree()
            .contains_key(Path::new("/opt/streamhub/..env.new"))
    );
}
