//! Docker's packages half installed, and engines that serve somebody already.

use nix::sys::signal::Signal;

use crate::cluster::{Origin, edge};
use crate::command::HostCommand;
use crate::docker_install_test::{bare, docker_runs, hold, kill_dpkg};
use crate::docker_repository::{BESIDE, KEY, Repository, SOURCE, offer_beside};
use crate::docker_source_test::{apt_works, owns_file, packages};
use crate::host::Host;
use crate::images;

#[test]
fn an_engine_that_runs_is_not_upgraded_for_a_compose_plugin() {
    let origin = Origin::boot("origin");
    let host = edge("edge-1");
    host.sh_ok("dpkg --remove --force-depends docker-compose && ! docker compose version");
    offer_beside(
        &host,
        &[("docker.io", ""), ("docker-compose", "docker.io (>= 99:0)")],
    );
    let pids = || {
        host.sh_ok("systemctl show --property=MainPID docker.service containerd.service; dpkg-query --show docker.io containerd runc")
    };
    let before = pids();
    let refused = host.join(&origin).run().expect_code(1);
    refused.expect_said(&[
        "to install docker-compose, apt would also change docker.io: that restarts the engine",
        "fix: do that at a time that suits those containers (apt-get install docker.io), then run this again",
    ]);
    assert_eq!(pids(), before);
    assert_eq!(origin.joins(), 0);
    // Without that plugin there is one that goes with the engine as it is.
    host.sh_ok(&format!("rm {BESIDE}"));
    host.joined(&origin);
    assert_eq!(pids(), before);
}

/// A run that takes Docker from the repository.
fn join(host: &Host, origin: &Origin, repository: &Repository<'_>) -> HostCommand {
    repository
        .given_to(host.join(origin))
        .args(["--docker-source", "docker"])
}

/// The next run ends with a whole Docker, and leaves apt in order.
#[track_caller]
fn converges(host: &Host, run: HostCommand) {
    run.run().expect_code(0);
    docker_runs(host);
    let there = packages(host);
    for name in [
        "containerd.io",
        "docker-ce",
        "docker-ce-cli",
        "docker-compose-plugin",
    ] {
        assert!(there.contains(&name.to_owned()), "{there:?}");
    }
    assert!(!there.contains(&"docker.io".to_owned()), "{there:?}");
    assert_eq!(
        host.sh_ok("dpkg --audit; ls /var/lib/dpkg/updates").trim(),
        ""
    );
    assert!(owns_file(host, SOURCE) && owns_file(host, KEY));
    let receipt = host.read("/etc/streamhub/receipt.json");
    assert!(!receipt.contains("\"pending\": true"), "{receipt}");
    apt_works(host);
}

#[test]
fn dockers_packages_that_were_cut_off_are_finished_by_the_next_run() {
    let origin = Origin::boot("origin");
    let repository = Repository::serve(&origin.host);
    let host = bare("edge-1", images::livekit());
    repository.introduce_to(&host);
    let unfinished = |stage: &str, condition: &str| {
        let run = join(&host, &origin, &repository).spawn();
        kill_dpkg(&host, stage, condition);
        run.wait().expect_code(1);
        let audit = host.sh("dpkg --audit; ls /var/lib/dpkg/updates").stdout;
        assert_ne!(audit.trim(), "", "dpkg was killed too late");
    };
    // One of its programs is half unpacked; then all is unpacked, and nothing of it set up.
    unfinished("--unpack", "ls /usr/*bin/*.dpkg-new >/dev/null 2>&1");
    unfinished("--configure", "test -e /usr/sbin/dockerd");
    assert_eq!(origin.joins(), 0);
    converges(&host, join(&host, &origin, &repository));
}

#[test]
fn a_run_that_was_killed_between_key_source_and_packages_is_gone_on_with() {
    let origin = Origin::boot("origin");
    let repository = Repository::serve(&origin.host);
    let host = bare("edge-1", images::livekit());
    repository.introduce_to(&host);
    // The receipt's first form, the key, and then the source that is never put in place.
    let traced = host
        .command(
            "strace --quiet=all --output=/dev/null --trace=rename,renameat,renameat2".split(' '),
        )
        .args([
            "-e",
            "inject=rename,renameat,renameat2:signal=SIGKILL:when=3",
        ])
        .args([
            "/root/streamhub-install",
            "--join",
            "--docker-source",
            "docker",
            "--master-ip",
        ])
        .args([origin.host.ip().to_string()])
        .env("STREAMHUB_IP_LOOKUP_URL", "")
        .env("STREAMHUB_MASTER_TOKEN", crate::cluster::TOKEN);
    repository.given_to(traced).run().expect_code(137);
    assert!(host.has(KEY) && !host.has(SOURCE));

    // The source is there, and apt has not read it: it waits for somebody else.
    hold(&host, &["/var/lib/apt/lists/lock"]);
    let mut waiting = join(&host, &origin, &repository).spawn();
    waiting.wait_for("which holds /var/lib/apt/lists/lock");
    assert!(host.has(KEY) && host.has(SOURCE));
    waiting.signal(Signal::SIGKILL);
    waiting.wait().expect_code(137);
    host.sh_ok("systemctl stop lab-upgrade");
    assert_eq!(packages(&host), [""; 0]);

    // What it left is no reason to trust it: the next run asks again.
    repository.serve_key("other.asc");
    join(&host, &origin, &repository).run().expect_code(3);
    repository.serve_key("good.asc");
    converges(&host, join(&host, &origin, &repository));
    assert_eq!(host.sh_ok("find /etc/apt -name '.*'"), "");
}
