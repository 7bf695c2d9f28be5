//! The lab's own tests of its hosts: that one is what the other tests take it for.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::host::Host;
use crate::images::{self, Image};
use crate::leftovers;
use crate::network::{link_exists, link_of};
use crate::program;
use crate::wait;

fn busybox_image() -> Vec<Image> {
    vec![Image::busybox().with_change("USER 1001:0")]
}

#[test]
fn a_bare_host_is_a_fresh_server() {
    let host = Host::named("fresh").boot();
    assert_eq!(host.sh_ok("hostname").trim(), host.name());
    assert_eq!(host.sh_ok("systemctl is-system-running").trim(), "running");
    assert!(
        host.read("/etc/os-release")
            .contains("VERSION_ID=\"24.04\"")
    );
    assert_eq!(host.run(["docker"]).code, 127, "no such program");
    assert!(!host.has("/var/lib/docker/overlay2"));
    let address = format!("{}/16", host.ip());
    assert!(
        host.sh_ok("ip -brief address show host0")
            .contains(&address)
    );
    assert!(host.sh_ok("ufw status").contains("inactive"));
    assert_ne!(host.read("/etc/machine-id").trim(), "");
}

#[test]
fn docker_installs_from_apts_cache() {
    let host = Host::named("apt").boot();
    host.sh_ok("apt-get update");
    host.sh_ok("apt-get install --yes docker.io docker-cli docker-compose docker-buildx");
    host.sh_ok("docker info && docker compose version");
    // What an origin needs besides would be fetched from nowhere either.
    let fetched =
        "apt-get install --print-uris --yes nginx certbot python3-certbot-nginx git rsync";
    let fetched = host.sh_ok(fetched);
    assert!(!fetched.contains("http"), "{fetched}");
}

#[test]
fn a_container_with_limits_comes_back_after_a_reboot_and_after_a_hard_stop() {
    let mut host = Host::named("docker")
        .with_docker()
        .with_images(busybox_image())
        .boot();
    host.sh_ok(
        "docker run --detach --name there --restart unless-stopped --network host \
         --memory 64m --cpus 0.5 lab/busybox:1 sleep 1000",
    );
    let runs = |host: &Host| {
        let state = host.sh_ok("docker inspect --format '{{.State.Running}} {{.Id}}' there");
        assert!(state.starts_with("true"), "{state}");
        state
    };
    let before = runs(&host);
    let first_boot = host.read("/proc/1/stat");
    host.reboot();
    assert_eq!(runs(&host), before);
    assert_ne!(host.read("/proc/1/stat"), first_boot);
    host.kill();
    host.start();
    assert_eq!(runs(&host), before);
}

#[test]
fn the_tree_shows_what_was_changed_and_nothing_else() {
    let mut host = Host::named("tree").with_docker().boot();
    let before = host.tree();
    host.sh_ok("systemctl daemon-reload; systemctl restart docker; docker info; ufw status; touch /etc/fstab");
    host.reboot();
    assert_eq!(host.tree(), before);

    host.write("/etc/streamhub/heartbeat.env", "a=b\n", 0o600);
    host.sh_ok("rm /etc/debian_version; chmod 700 /srv; ln -s nowhere /opt/link; rm -r /etc/ufw; mkdir /etc/ufw");
    let mut after = host.tree();
    after.retain(|path, now| before.get(path) != Some(now));
    let file = &after[Path::new("/etc/streamhub/heartbeat.env")];
    assert!(file.starts_with("file 0600 0:0 "), "{file}");
    assert_eq!(after[Path::new("/etc/streamhub")], "directory 0755 0:0");
    assert_eq!(after[Path::new("/etc/debian_version")], "gone");
    assert_eq!(after[Path::new("/etc/ufw/ufw.conf")], "gone");
    assert_eq!(after[Path::new("/srv")], "directory 0700 0:0");
    assert!(after[Path::new("/opt/link")].ends_with("-> nowhere"));
}

#[test]
fn commands_are_what_they_are_asked_to_be() {
    let host = Host::named("commands").boot();
    let env = host.command(["env"]).env("TOKEN", "clt_1").ok();
    assert!(
        env.contains("TOKEN=clt_1") && !env.contains("CARGO"),
        "{env}"
    );
    assert_eq!(host.command(["cat"]).stdin("in").ok(), "in");
    assert_eq!(host.command(["whoami"]).by_operator().ok(), "operator\n");
    assert_eq!(
        host.command(["sudo", "whoami"]).by_operator().ok(),
        "root\n"
    );
    assert_eq!(host.sh("exit 7").code, 7);
    assert_eq!(host.sh("kill -9 $$").code, 137);
    assert_ne!(
        host.sh("date --set 2001-01-01").code,
        0,
        "the clock is this machine's"
    );
    host.push_program();
    host.sh_ok("test -x /root/streamhub-install");

    let mut trapped = host
        .script("trap 'echo caught; exit 130' INT; echo ready; while :; do sleep 0.1; done")
        .within(Duration::from_secs(10))
        .spawn();
    trapped.wait_for("ready");
    trapped.signal(Signal::SIGINT);
    assert_eq!(trapped.wait().expect_code(130).stdout, "ready\ncaught\n");
}

#[test]
fn a_host_that_is_dropped_leaves_nothing() {
    let host = Host::named("passing").with_docker().boot();
    let (link, machine) = (host.address.link(), host.address.machine());
    let (init, dir) = (host.init(), host.storage(""));
    assert!(link_exists(&link) && init.is_alive() && dir.exists());
    drop(host);
    assert!(!link_exists(&link) && !init.is_alive() && !dir.exists());
    let mounts = std::fs::read_to_string("/proc/self/mounts").expect("/proc is mounted");
    assert!(!mounts.contains(&format!("/{machine}/")), "{mounts}");
    let memory = std::fs::exists(format!("/sys/fs/cgroup/memory/streamhub-lab/{machine}"));
    assert!(!memory.expect("/sys is mounted"));
}
#[test]
fn a_host_is_as_small_as_it_is_asked_to_be() {
    let mut host = Host::named("small")
        .with_docker()
        .with_cores(1)
        .with_memory_mib(1024)
        .boot();
    for _ in 0..2 {
        assert_eq!(host.sh_ok("nproc"), "1\n");
        assert_eq!(host.sh_ok("docker info --format '{{.NCPU}}'"), "1\n");
        assert!(
            host.read("/proc/meminfo")
                .starts_with("MemTotal:        1048576 kB\n")
        );
        host.reboot();
    }
}

/// Set for the copy of this test that is to be killed.
const VICTIM: &str = "STREAMHUB_LAB_VICTIM";

#[test]
fn what_a_killed_run_leaves_is_swept_by_the_next() {
    if std::env::var_os(VICTIM).is_some() {
        let host = Host::named("orphan").boot();
        host.worsen_link(1, Duration::ZERO);
        println!("\nvictim {}", host.storage("").display());
        std::thread::sleep(Duration::from_secs(600));
    }
    let mut victim = Command::new(std::env::current_exe().expect("this is a program"))
        .args([
            "--exact",
            "--nocapture",
            "host_test::what_a_killed_run_leaves_is_swept_by_the_next",
        ])
        .env(VICTIM, "1")
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs twice");
    let lines = BufReader::new(victim.stdout.take().expect("it is piped")).lines();
    let dir = lines
        .map_while(Result::ok)
        .find_map(|l| l.strip_prefix("victim ").map(PathBuf::from));
    let dir = dir.expect("it boots a host");
    let machine = dir
        .file_name()
        .expect("it has a name")
        .to_string_lossy()
        .into_owned();
    let manager = leftovers::container(&dir).expect("the host runs");
    victim.kill().expect("it runs");
    victim.wait().expect("it is ours");
    assert!(manager.is_alive() && link_exists(&link_of(&machine)));
    leftovers::sweep();
    assert!(!manager.is_alive() && !link_exists(&link_of(&machine)) && !dir.exists());
}

#[test]
fn redis_runs_from_its_image_as_an_ordinary_user() {
    let host = Host::named("redis")
        .with_docker()
        .with_images(vec![images::redis()])
        .boot();
    host.sh_ok(
        "docker run --detach --name redis --network host --read-only --tmpfs /data redis:7-alpine --port 7000",
    );
    let ping = || host.sh("docker exec redis redis-cli -p 7000 ping").stdout == "PONG\n";
    assert!(
        wait::until(Duration::from_secs(10), ping),
        "{:?}",
        host.sh("docker logs redis")
    );
    assert_eq!(
        host.sh_ok("stat -c %u:%g /proc/$(pidof redis-server)"),
        "999:1000\n"
    );
    // A configuration has to be readable to that user.
    let starts_with = |owner: &str, mode: &str| {
        host.sh_ok(&format!(
            "echo 'port 7001' >/root/redis.conf; chown {owner} /root/redis.conf; chmod {mode} /root/redis.conf"
        ));
        let run = "timeout 2 docker run --rm --network host --tmpfs /data -v /root/redis.conf:/etc/redis.conf \
                   redis:7-alpine redis-server /etc/redis.conf 2>&1";
        host.sh(run).stdout
    };
    assert!(starts_with("0:0", "0400").contains("open config file"));
    assert!(starts_with("0:1000", "0440").contains("Ready to accept"));
}

#[test]
fn the_stand_ins_run_from_their_images() {
    let images = images::livekit();
    let names = images.len();
    let host = Host::named("media")
        .with_docker()
        .with_images(images)
        .boot();
    let listed = host.sh_ok("docker image ls --format '{{.Repository}}:{{.Tag}}' livekit/*");
    assert_eq!(listed.lines().count(), names, "{listed}");
    // Without a configuration each says so and ends: enough to see that it starts.
    for image in listed.lines() {
        let output = host.run(["docker", "run", "--rm", "--network", "host", image]);
        assert!(
            output.code < 125,
            "{image} does not start: {}",
            output.stderr
        );
    }
    host.push(&program::standin("origin"), "/root/origin");
    let mut origin = host.command(["/root/origin"]).spawn();
    origin.wait_for("origin on http://");
}
