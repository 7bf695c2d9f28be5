//! Docker on hosts that have none, or half of it: installed from the distribution beside whoever else installs, and
//! mended when that was cut off.

use serde_json::Value;

use crate::cluster::Origin;
use crate::command::HostCommand;
use crate::docker_repository::{KEY, SOURCE};
use crate::host::Host;
use crate::images::{self, Image};

/// How long somebody else holds a lock, in seconds.
const HELD: u32 = 30;

/// A server without Docker, and the program on it.
pub fn bare(name: &str, images: Vec<Image>) -> Host {
    let host = Host::named(name).with_images(images).boot();
    host.push_program();
    host
}

/// Holds locks of dpkg's kind for a while, as an automatic upgrade does.
pub fn hold(host: &Host, locks: &[&str]) {
    let script = format!(
        "import fcntl,time; fs=[open(l,'w') for l in {locks:?}]; [fcntl.lockf(f, fcntl.LOCK_EX) for f in fs]; open('/run/held','w'); time.sleep({HELD}); open('/run/ended','w')"
    );
    host.command([
        "systemd-run",
        "--quiet",
        "--unit=lab-upgrade",
        "python3",
        "-c",
        &script,
    ])
    .ok();
    host.sh_ok("until test -e /run/held; do sleep 0.05; done; rm /run/held");
}

/// Joins while somebody holds the locks: waits for them, says for whom, and gets done.
#[track_caller]
pub fn joins_after_waiting_for(host: &Host, join: HostCommand, locks: &[&str]) {
    hold(host, locks);
    let pid = host.sh_ok("systemctl show --property=MainPID --value lab-upgrade");
    let mut join = join.spawn();
    join.wait_for(&format!(
        "waiting for pid {}, which holds {}",
        pid.trim(),
        locks[0]
    ));
    join.wait().expect_code(0);
    // Had it not waited, it would have failed: the holder ended by itself, and was not ended.
    assert!(host.has("/run/ended"));
}

/// Docker runs, and has a compose plugin that can read our files.
#[track_caller]
pub fn docker_runs(host: &Host) {
    let said = host.sh_ok("docker info >/dev/null && docker compose version --short");
    let numbers = said.trim().trim_start_matches('v').split(['.', '-', '+']);
    let version: Vec<u32> = numbers.map_while(|number| number.parse().ok()).collect();
    assert!(version >= vec![2, 23, 1], "{said}");
}

#[test]
fn a_server_without_docker_gets_the_distributions_and_a_failed_run_is_gone_on_with() {
    let origin = Origin::boot("origin");
    let host = bare("edge-1", Vec::new());
    let tree = host.tree();
    for refusal in [
        host.join(&origin).args(["--docker-source", "none"]),
        host.join(&origin).env("STREAMHUB_DOCKER_SOURCE", "none"),
    ] {
        let refused = refusal.run().expect_code(3);
        assert!(
            refused.stderr.contains(
                "lacks the docker engine and the docker client and the docker compose plugin"
            ),
            "{refused:?}"
        );
    }
    assert_eq!(host.tree(), tree);

    // Nothing can be pulled in the lab: this run ends there.
    let failed = host.join(&origin).args(["--docker-source", "auto"]).run();
    let failed = failed.expect_code(1);
    let what = "the image livekit/livekit-server:v1.8.4 can't be pulled";
    assert!(failed.stderr.contains(what), "{failed:?}");
    // Nobody answers for Docker's own repository either: that was said before anything was changed.
    failed.expect_said(&[
        "warning [docker-repository] Docker's repository https://download.docker.com/linux/ubuntu can't be used",
        "Docker will be the distribution's",
    ]);
    assert!(!host.has(SOURCE) && !host.has(KEY));
    assert_eq!(
        origin.joins(),
        0,
        "a host that can't serve is not registered"
    );
    docker_runs(&host);
    let packages =
        "dpkg-query --show --showformat '${Package} ${Status}\\n' docker.io docker-compose";
    let status = host.sh_ok(packages);
    assert_eq!(
        status.matches("install ok installed").count(),
        2,
        "{status}"
    );
    let history = host.read("/var/log/apt/history.log");

    for image in images::livekit() {
        host.import(&image);
    }
    let engine = host.sh_ok("systemctl show --property=MainPID docker.service");
    // By now Docker is there, wherever it came from.
    let second = host.join(&origin).args(["--docker-source", "none"]).run();
    second.expect_code(0);
    assert_eq!(host.read("/var/log/apt/history.log"), history, "no apt");
    assert_eq!(
        host.sh_ok("systemctl show --property=MainPID docker.service"),
        engine
    );
    let receipt: Value =
        serde_json::from_str(&host.read("/etc/streamhub/receipt.json")).expect("it is JSON");
    let owned = receipt["owned"].as_array().expect("it is a list");
    let packages = owned.iter().find(|thing| thing["kind"] == "packages");
    let packages = packages.expect("they are ours to remove");
    assert_eq!(packages["created"], true);
    assert!(packages["names"].to_string().contains("docker.io"));
    // The engine and the services come back by themselves.
    let mut host = host;
    let containers = host.containers();
    host.reboot();
    host.sh_ok("until test $(docker ps --quiet | wc -l) = 3; do sleep 0.2; done");
    assert_eq!(host.containers(), containers);
}

#[test]
fn a_held_package_lock_is_waited_for() {
    let origin = Origin::boot("origin");
    let host = bare("edge-1", images::livekit());
    let join = host.join(&origin).args(["--docker-source", "distro"]);
    joins_after_waiting_for(&host, join, &["/var/lib/dpkg/lock-frontend"]);
}

#[test]
fn a_foreign_container_runs_on_while_the_compose_plugin_is_installed_after_a_held_lists_lock() {
    let origin = Origin::boot("origin");
    let mut images = images::livekit();
    images.push(Image::busybox());
    let host = Host::named("edge-1")
        .with_docker()
        .with_images(images)
        .boot();
    host.push_program();
    host.sh_ok("dpkg --remove --force-depends docker-compose && ! docker compose version");
    host.sh_ok("docker run --detach --name foreign --restart always lab/busybox:1 sleep 100000");
    let foreign = || {
        host.sh_ok("docker inspect --format '{{.Id}} {{.State.StartedAt}} {{.RestartCount}} {{.State.Pid}}' foreign; systemctl show --property=MainPID docker.service containerd.service")
    };
    let before = foreign();
    // It comes from where the engine came, whatever is preferred.
    let join = host.join(&origin).args(["--docker-source", "docker"]);
    joins_after_waiting_for(&host, join, &["/var/lib/apt/lists/lock"]);
    assert_eq!(foreign(), before);
    docker_runs(&host);
    host.program::<&str>([]).run().expect_code(0);
    assert_eq!(foreign(), before);
}

/// Kills dpkg with SIGKILL as soon as it runs in this stage and the condition holds.
pub fn kill_dpkg(host: &Host, stage: &str, condition: &str) {
    let script = format!(
        "until pid=$(pgrep --oldest --full '^/usr/bin/dpkg .*{stage}') && {condition}; do sleep 0.005; done
         kill -9 $pid"
    );
    host.script(&script).ok();
}

#[test]
fn an_installation_that_was_killed_is_finished_by_the_next_run() {
    let origin = Origin::boot("origin");
    let host = bare("edge-1", images::livekit());
    let unfinished = |stage: &str, condition: &str| {
        let join = host.join(&origin).spawn();
        kill_dpkg(&host, stage, condition);
        join.wait().expect_code(1);
        let audit = host.sh("dpkg --audit; ls /var/lib/dpkg/updates").stdout;
        assert_ne!(audit.trim(), "", "dpkg was killed too late");
    };
    // The engine is half unpacked; then all is unpacked, and nothing of it set up.
    unfinished("--unpack", "ls /usr/*bin/*.dpkg-new >/dev/null 2>&1");
    unfinished("--configure", "test -e /usr/sbin/dockerd");
    assert_eq!(origin.joins(), 0);
    let said = host.join(&origin).run().expect_code(0);
    assert!(
        said.stderr
            .contains("an earlier package installation was cut off")
            || said
                .stdout
                .contains("an earlier package installation was cut off"),
        "{said:?}"
    );
    assert_eq!(
        host.sh_ok("dpkg --audit; ls /var/lib/dpkg/updates").trim(),
        ""
    );
    host.sh_ok("getent group docker");
}
