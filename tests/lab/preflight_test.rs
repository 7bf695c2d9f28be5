//! Each problem of a host alone, and all that can stand together: refused before anything is changed.

use crate::cluster::{Origin, TOKEN, edge};
use crate::command::{HostCommand, Output};
use crate::host::Host;
use crate::images::CORE;
use crate::problems::{ORIGINS_OWN, PROBLEMS};
use crate::shown::{snapshot, transcript};

/// Runs it, and panics if anything is not as it was.
#[track_caller]
fn changing_nothing(host: &Host, run: HostCommand) -> Output {
    let (tree, containers) = (host.tree(), host.containers());
    let output = run.run();
    assert_eq!(host.tree(), tree, "{output:?}");
    assert_eq!(host.containers(), containers, "{output:?}");
    output
}

/// An origin's install, by the name for which [`ORIGINS_OWN`] has a site.
fn install(host: &Host) -> HostCommand {
    host.program(["--domain", "live.example.com", "--no-tls"])
        .args(["--core-image", CORE, "--non-interactive"])
}

#[test]
fn each_problem_alone_is_refused_before_anything_is_changed() {
    let origin = Origin::boot("origin");
    let host = edge("edge-1");
    let mut reports = String::new();
    for problem in PROBLEMS {
        host.sh_ok(&format!("set -e\n{}", problem.make));
        let output = changing_nothing(&host, host.join(&origin));
        let as_an_origin = changing_nothing(&host, install(&host)).expect_code(3);
        host.sh_ok(&format!("set -e\n{}", problem.undo));
        let said = format!("{}{}", output.stdout, output.stderr);
        assert_eq!(output.code, 3, "{}: {said}", problem.name);
        assert!(said.contains(problem.says), "{}: {said}", problem.name);
        // An origin's settings are in its .env, which is read before any check.
        let says = problem
            .says
            .split_once("] ")
            .map_or(problem.says, |(_, says)| says);
        as_an_origin.expect_said(&[says]);
        reports += &format!("# {}\n{}\n", problem.name, output.stderr);
    }
    assert_eq!(origin.joins(), 0);
    for problem in ORIGINS_OWN {
        host.sh_ok(&format!("set -e\n{}", problem.make));
        let output = changing_nothing(&host, install(&host)).expect_code(3);
        host.sh_ok(&format!("set -e\n{}", problem.undo));
        output.expect_said(&[problem.says]);
    }
    snapshot("each_problem_alone", &reports, &names(&origin, &host));
}

#[test]
fn what_the_machine_is_and_who_runs_it_is_looked_at() {
    let origin = Origin::boot("origin");
    let host = edge("edge-1");
    host.push_program_for_operator();
    let ip = origin.host.ip().to_string();
    let join = ["--join", "--master-ip", &ip];

    let operator = host
        .operators_program(join)
        .env("STREAMHUB_MASTER_TOKEN", TOKEN);
    let operator = changing_nothing(&host, operator).expect_code(3);
    assert!(
        operator
            .stderr
            .contains("error [root] this user may not change the system")
    );
    assert!(
        operator
            .stderr
            .contains("fix: run it as root: sudo streamhub-install")
    );

    let wrapped = |wrapper: &[&str]| {
        host.command(wrapper.iter().copied())
            .args(["/root/streamhub-install"])
            .args(join)
            .env("STREAMHUB_IP_LOOKUP_URL", "")
            .env("STREAMHUB_MASTER_TOKEN", TOKEN)
    };
    let other = changing_nothing(&host, wrapped(&["setarch", "i686"])).expect_code(3);
    assert!(
        other.stderr.contains("error [os] this machine is i686; "),
        "{}",
        other.stderr
    );

    let past =
        changing_nothing(&host, wrapped(&["faketime", "2025-12-31 23:00:00Z"])).expect_code(3);
    assert!(
        past.stderr
            .contains("error [clock] this machine's clock says 2025-12-31T23:00:"),
        "{}",
        past.stderr
    );
    assert!(past.stderr.contains("timedatectl set-ntp true"));

    host.write(
        "/snap/bin/docker",
        "#!/bin/sh\nexec /usr/bin/docker \"$@\"\n",
        0o755,
    );
    let path = "/snap/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let snap = changing_nothing(&host, host.join(&origin).env("PATH", path)).expect_code(3);
    assert!(
        snap.stderr
            .contains("error [docker] Docker comes from a snap"),
        "{}",
        snap.stderr
    );

    assert_eq!(origin.joins(), 0);
    let reports = [operator, other, snap].map(|o| transcript(&o)).join("\n");
    snapshot("machine_and_user", &reports, &names(&origin, &host));
}

#[test]
fn a_small_machine_is_warned_of_and_a_docker_that_may_not_be_installed_is_missed() {
    let origin = Origin::boot("origin");
    let host = Host::named("edge-1")
        .with_cores(1)
        .with_memory_mib(1024)
        .boot();
    host.push_program();
    let small = changing_nothing(&host, host.join(&origin).args(["--dry-run"])).expect_code(0);
    for says in [
        "warning [size] this machine has 1 vCPU",
        "warning [size] egress declines recordings and HLS below 4 vCPUs",
        "warning [size] this machine has 1.0 GiB of memory",
    ] {
        assert!(small.stderr.contains(says), "{}", small.stderr);
    }
    let none = changing_nothing(&host, host.join(&origin).args(["--docker-source", "none"]));
    let none = none.expect_code(3);
    assert!(
        none.stderr
            .contains("error [docker] --docker-source none says not to install Docker")
    );
    assert_eq!(origin.joins(), 0);
}

/// Everything that can be wrong with one host at one time.
const ALL_AT_ONCE: &str = r#"set -e
printf 'ID=debian\nVERSION_ID="13"\nPRETTY_NAME="Debian GNU/Linux 13"\n' >/run/release
mount --bind /run/release /usr/lib/os-release
mv /run/systemd/system /run/systemd/system.away
mount -t tmpfs -o size=1G tmpfs /var/lib/docker
mkdir -p /root/.docker/cli-plugins /opt/streamhub
printf '#!/bin/sh\necho 2.20.0\n' >/root/.docker/cli-plugins/docker-compose
chmod 755 /root/.docker/cli-plugins/docker-compose
ln -s /etc/shadow /opt/streamhub/.env
systemd-run --quiet --unit=stranger python3 -m http.server 7880
until ss -ltn | grep -q :7880; do sleep 0.05; done
"#;

#[test]
fn all_problems_stand_in_one_report_and_each_can_be_skipped() {
    let origin = Origin::boot("origin");
    let host = edge("edge-1");
    // systemd itself needs its directory to start the stranger.
    let (before, after) = ALL_AT_ONCE.split_once("systemd-run").expect("it is there");
    host.sh_ok(&format!("set -e\nsystemd-run{after}"));
    host.sh_ok(before);
    origin.down();
    origin.stop_redis();
    let checks = [
        "os", "systemd", "disk", "compose", "ports", "dir", "files", "origin", "redis",
    ];
    let found = |output: &Output| -> Vec<&str> {
        let is_there = |check: &&str| output.stderr.contains(&format!("error [{check}]"));
        checks.into_iter().filter(is_there).collect()
    };

    let all = changing_nothing(&host, host.join(&origin)).expect_code(3);
    assert_eq!(found(&all), checks, "{}", all.stderr);
    assert!(
        all.stderr
            .contains("problems found before anything was changed")
    );
    snapshot("all_problems", &transcript(&all), &names(&origin, &host));

    for skipped in checks {
        let run = host.join(&origin).args(["--skip-check", skipped]);
        let output = changing_nothing(&host, run).expect_code(3);
        let left: Vec<&str> = checks.into_iter().filter(|c| *c != skipped).collect();
        assert_eq!(found(&output), left, "--skip-check {skipped}");
        assert!(
            !output.stderr.contains(&format!("[{skipped}]")),
            "{}",
            output.stderr
        );
    }
    let by_variable = host
        .join(&origin)
        .env("STREAMHUB_SKIP_OS_CHECK", "1")
        .env("STREAMHUB_SKIP_CHECK", "disk,ports");
    let output = changing_nothing(&host, by_variable).expect_code(3);
    assert_eq!(
        found(&output),
        ["systemd", "compose", "dir", "files", "origin", "redis"]
    );

    // Without this host's own problems the origin's decide.
    let mut origins = host.join(&origin);
    for check in &checks[..7] {
        origins = origins.args(["--skip-check", check]);
    }
    let output = changing_nothing(&host, origins.args(["--dry-run"])).expect_code(4);
    assert_eq!(found(&output), ["origin", "redis"]);

    let unknown = host.join(&origin).args(["--skip-check", "luck"]);
    let output = changing_nothing(&host, unknown).expect_code(2);
    assert!(
        output
            .stderr
            .contains("--skip-check \"luck\": there is no such check")
    );
    assert!(
        output
            .stderr
            .contains("--skip-check takes one of: root, os, systemd, ")
    );
}

fn names<'a>(origin: &'a Origin, host: &'a Host) -> [(&'a Host, &'static str); 2] {
    [(&origin.host, "<origin>"), (host, "<edge>")]
}
