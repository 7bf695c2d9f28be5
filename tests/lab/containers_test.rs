//! Containers, and an engine, in states that no install leaves but servers come to have.

use crate::cluster::{Origin, edge};

const EMPTY: &str = "Plan: nothing to change";

/// What compose, an operator or a crash can leave behind is told from a service, and mended.
#[test]
fn only_a_whole_container_counts_as_a_service() {
    let origin = Origin::boot("origin");
    let host = edge("edge-1");

    // A stranger's container has a name that others rely on.
    host.sh_ok("docker create --name streamhub-egress livekit/egress:latest");
    let taken = host.join(&origin).run().expect_code(3);
    let fix = "docker rename streamhub-egress streamhub-egress-old";
    assert!(taken.stderr.contains(fix), "{}", taken.stderr);
    assert_eq!(origin.joins(), 0);
    host.sh_ok("docker rm streamhub-egress");
    host.joined(&origin);

    // What `docker compose run` leaves is no service.
    host.sh_ok(
        "docker create --name left-over --label com.docker.compose.project=streamhub \
         --label com.docker.compose.service=egress --label com.docker.compose.oneoff=True livekit/egress:latest",
    );
    let again = host.program(["--join"]).run().expect_code(0);
    assert!(again.stdout.contains(EMPTY), "{}", again.stdout);
    host.sh_ok("docker rm left-over");

    // Cut off in the middle of a recreate, compose leaves the old one and beside it a new one, under the name that it would
    // choose again.
    host.sh_ok(
        "id=$(docker inspect --format '{{.Id}}' streamhub-egress | cut -c1-12)
         docker create --name ${id}_streamhub-egress --label com.docker.compose.project=streamhub \
             --label com.docker.compose.service=egress --label com.docker.compose.oneoff=False livekit/egress:latest
         docker stop streamhub-egress",
    );
    host.program(["--join"]).run().expect_code(0);
    assert_eq!(
        host.sh_ok("docker ps --all --format '{{.Names}} {{.State}}' | sort"),
        "streamhub-egress running\nstreamhub-ingress running\nstreamhub-livekit running\n"
    );

    // Or only the new one, or one that somebody paused.
    host.sh_ok("docker rename streamhub-livekit 0123456789ab_streamhub-livekit");
    host.sh_ok("docker pause streamhub-ingress");
    let others = host.sh_ok("docker inspect --format '{{.Id}}' streamhub-egress");
    let mended = host.program(["--join"]).run().expect_code(0);
    for what in ["recreate once livekit", "recreate once ingress"] {
        assert!(mended.stdout.contains(what), "{}", mended.stdout);
    }
    assert_eq!(
        host.sh_ok("docker ps --format '{{.Names}} {{.State}}' | sort"),
        "streamhub-egress running\nstreamhub-ingress running\nstreamhub-livekit running\n"
    );
    let now = host.sh_ok("docker inspect --format '{{.Id}}' streamhub-egress");
    assert_eq!(now, others, "egress was well");
}

/// systemd listens on the engine's socket and would start it for whoever connects.
#[test]
fn a_stopped_engine_is_started_by_a_run_and_not_by_a_look() {
    let origin = Origin::boot("origin");
    let host = edge("edge-1");
    host.joined(&origin);
    host.sh_ok("systemctl stop docker.service 2>/dev/null; systemctl is-active docker.socket");
    let looked = host.program(["--join", "--dry-run"]).run().expect_code(0);
    assert!(
        looked.stdout.contains("start docker.service"),
        "{}",
        looked.stdout
    );
    host.program(["status"]).run().expect_code(1);
    host.program(["heartbeat"]).run().expect_code(0);
    assert_eq!(
        host.sh("systemctl is-active docker.service").stdout,
        "inactive\n"
    );
    // What somebody else has not finished is theirs.
    host.sh_ok(
        "mkdir --parents /root/theirs/DEBIAN && cd /root &&
         printf 'Package: theirs\\nVersion: 1\\nArchitecture: all\\nMaintainer: Example <packages@example.com>\\nDescription: theirs\\n' >theirs/DEBIAN/control &&
         dpkg-deb --build theirs >/dev/null && dpkg --unpack theirs.deb",
    );
    host.program(["--join"]).run().expect_code(0);
    assert_eq!(
        host.sh("systemctl is-active docker.service").stdout,
        "active\n"
    );
    assert_eq!(
        host.sh_ok("dpkg-query --show --showformat '${db:Status-Status}' theirs"),
        "unpacked"
    );
}

/// Neither a strict umask nor a file that somebody else owns decides who may read what.
#[test]
fn modes_and_owners_are_the_programs_own() {
    let origin = Origin::boot("origin");
    let host = edge("edge-1");
    host.write(
        "/opt/streamhub/.env",
        "STREAMHUB_DOMAIN=join-edge-1\n",
        0o640,
    );
    host.sh_ok("chown -R operator /opt/streamhub");
    let refused = host.join(&origin).run().expect_code(3);
    assert!(
        refused.stderr.contains("chown root /opt/streamhub"),
        "{}",
        refused.stderr
    );
    host.sh_ok("chown root /opt/streamhub");

    let command = format!(
        "umask 077; cd /root && ./streamhub-install --join --master-ip {} --master-token-file ./token",
        origin.host.ip()
    );
    host.write("/root/token", crate::cluster::TOKEN, 0o600);
    let join = || host.script(&command).env("STREAMHUB_IP_LOOKUP_URL", "");
    join().run().expect_code(0);
    let modes = host.sh_ok(
        "stat --format '%a %U %n' /opt/streamhub/.env /opt/streamhub/docker-compose.yml \
         /etc/systemd/system/streamhub-heartbeat.timer /usr/local/bin/streamhub-install /opt/streamhub/data/apps",
    );
    assert_eq!(
        modes,
        "600 root /opt/streamhub/.env\n644 root /opt/streamhub/docker-compose.yml\n\
         644 root /etc/systemd/system/streamhub-heartbeat.timer\n755 root /usr/local/bin/streamhub-install\n\
         775 root /opt/streamhub/data/apps\n"
    );
    let again = join().run().expect_code(0);
    assert!(again.stdout.contains(EMPTY), "{}", again.stdout);
}
