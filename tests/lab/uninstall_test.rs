//! An uninstall takes away what the install of an edge has made, and nothing else.

use crate::cluster::{API_TOKEN, Origin, SECRETS, edge};
use crate::command::Output;
use crate::docker_install_test::bare;
use crate::host::Host;
use crate::images::Image;
use crate::predecessor::{lay_out, start};
use crate::uninstall::{NOTHING, difference, others, strangers, uninstall};

const SYSCTL: &str = "/etc/sysctl.d/99-streamhub-webrtc.conf";
const DIR: &str = "/opt/streamhub";

/// An uninstall at a terminal, by somebody who answers.
fn at_a_terminal(host: &Host, answer: &str, flags: &str) -> Output {
    let command = format!("/root/streamhub-install uninstall {flags}");
    host.command([
        "script",
        "--quiet",
        "--return",
        "--command",
        &command,
        "/dev/null",
    ])
    .stdin(format!("{answer}\n"))
    .run()
}

fn containers_of_others(host: &Host) -> Vec<String> {
    let is_ours = |line: &String| line.starts_with("streamhub-");
    let all = host.containers().into_iter();
    all.filter(|line| !is_ours(line)).collect()
}

#[test]
fn an_edge_is_gone_and_its_host_as_before() {
    let origin = Origin::boot("origin");
    let host = edge("edge-1");
    host.sh_ok("ufw allow 22/tcp; ufw allow 1935/tcp comment 'mine'; ufw --force enable");
    strangers(&host);
    uninstall(&host, &[]).expect_code(0).expect_said(&[NOTHING]);
    let (before, neighbours) = (host.tree(), others(&host));
    host.joined(&origin);
    host.sh_ok(
        "docker volume create --label com.docker.compose.project=streamhub streamhub_store
         docker volume create --label com.docker.compose.project=streamhub streamhub_caddy_data
         docker network create --label com.docker.compose.project=streamhub streamhub_default
         docker run --detach --name guest --volume streamhub_store:/store --network streamhub_default lab/busybox:1 sleep 100000
         echo a recording > /opt/streamhub/data/apps/recording",
    );
    let joined = host.tree();

    // It shows what would go, and asks before it does.
    let dry = host
        .program(["uninstall", "--dry-run"])
        .run()
        .expect_code(0);
    dry.expect_said(&[
        "- unit streamhub-heartbeat.timer",
        "container streamhub-livekit",
        "volume streamhub_store",
        "- directory /opt/streamhub",
        "with data, docker-compose.yml, .env",
        "= firewall rule: allow 7880/tcp stays: --purge takes it too",
        "= volume streamhub_caddy_data with Caddy's certificates stays: --purge-tls takes it too",
        "Dry run: nothing was changed.",
    ]);
    assert!(!dry.said().contains("foreign"), "{dry:?}");
    let asked = host.program(["uninstall"]).run().expect_code(2);
    asked.expect_said(&["pass --yes"]);
    let by_flag = ["--dry-run", "uninstall", "--yes"];
    host.program(by_flag).run().expect_code(0);
    let not_root = host.sh("install -m 755 /root/streamhub-install /usr/bin/s; sudo -u operator /usr/bin/s uninstall --yes; echo $?; rm /usr/bin/s");
    assert!(not_root.stdout.ends_with("3\n"), "{not_root:?}");
    assert_eq!(host.tree(), joined);
    let no = at_a_terminal(&host, "n", "");
    no.expect_said(&["Remove all this? [y/N]", "the answer was no"]);
    assert_eq!(no.code, 1);
    assert_eq!(host.tree(), joined);

    // Data and its .env stay if that is asked for, and the next join takes them up.
    let kept = uninstall(&host, &["--keep-data"]).expect_code(0);
    // What somebody else's container has taken up stays with it; it keeps nothing else here.
    kept.expect_said(&[
        "volume streamhub_store stays: the container guest uses it",
        "network streamhub_default stays: the container guest uses it",
    ]);
    assert!(
        host.containers()
            .iter()
            .all(|line| !line.contains("streamhub-"))
    );
    host.sh_ok("docker rm --force guest");
    let kept = [
        "/etc/streamhub",
        "/etc/streamhub/left.json",
        DIR,
        "/opt/streamhub/.env",
        "/opt/streamhub/data",
        "/opt/streamhub/data/apps",
        "/opt/streamhub/data/apps/recording",
    ];
    // ufw's rules are the operator's matter until he purges.
    let left = difference(&before, &host.tree());
    let rules = ["/etc/ufw/user.rules", "/etc/ufw/user6.rules"];
    let mut wanted: Vec<&str> = kept.into_iter().chain(rules).chain([SYSCTL]).collect();
    wanted.sort_unstable();
    assert_eq!(left, wanted);
    host.joined(&origin);
    assert_eq!(
        host.read("/opt/streamhub/data/apps/recording"),
        "a recording\n"
    );

    let said = at_a_terminal(&host, "y", "--purge").expect_code(0);
    said.expect_said(&["streamhub-install nodes remove edge-1"]);
    for secret in SECRETS {
        assert!(!said.said().contains(secret));
    }
    // Certificates have a flag of their own, also once all else is gone.
    host.sh_ok("docker volume inspect streamhub_caddy_data");
    uninstall(&host, &["--purge-tls"])
        .expect_code(0)
        .expect_said(&["remove volume streamhub_caddy_data"]);
    uninstall(&host, &["--purge", "--purge-tls"])
        .expect_code(0)
        .expect_said(&[NOTHING]);
    assert_eq!(others(&host), neighbours);
    assert_eq!(difference(&before, &host.tree()), [""; 0]);
    assert_eq!(host.sh_ok("docker images --quiet livekit/*"), "");
    host.sh_ok("test -z \"$(systemctl list-units --all --plain --no-legend 'streamhub*')\"");
    // Nothing told the origin.
    origin.node("edge-1");
}

#[test]
fn a_docker_that_we_installed_goes_when_asked_for_and_not_from_under_anybody() {
    let origin = Origin::boot("origin");
    let host = bare("edge-1", crate::images::livekit());
    let before = host.tree();
    host.join(&origin)
        .args(["--docker-source", "distro"])
        .run()
        .expect_code(0);
    host.import(&Image::busybox());
    host.sh_ok("docker run --detach --name foreign lab/busybox:1 sleep 100000");
    let (joined, foreign) = (host.tree(), containers_of_others(&host));
    let refused = uninstall(&host, &["--purge-packages"]).expect_code(3);
    refused.expect_said(&["not ours (foreign)", "nothing was removed"]);
    assert_eq!(host.tree(), joined);

    // Somebody else's image of the same name as ours is in use.
    host.sh_ok("docker run --detach --name other livekit/ingress:latest");
    let said = host
        .program(["uninstall", "--yes", "--purge"])
        .env("STREAMHUB_API_TOKEN", API_TOKEN)
        .run()
        .expect_code(0);
    said.expect_said(&["row edge-1 in the registry", "packages docker.io"]);
    assert!(origin.nodes().iter().all(|row| row["name"] != "edge-1"));
    said.expect_said(&["image livekit/ingress:latest stays: the container other uses it"]);
    host.sh_ok("docker rm --force other");
    assert_eq!(containers_of_others(&host), foreign);
    let images = || host.sh_ok("docker images --format '{{.Repository}}' 'livekit/*'");
    assert_eq!(images(), "livekit/ingress\n");
    // It is remembered, also where nobody can ask for it, and goes once nobody uses it.
    host.sh_ok("systemctl stop docker.socket docker.service");
    uninstall(&host, &["--keep-data"]).expect_code(0);
    uninstall(&host, &["--purge"]).expect_code(3);
    host.sh_ok("systemctl start docker.service; docker start foreign");
    uninstall(&host, &["--purge"]).expect_code(0);
    assert_eq!(images(), "");

    // It is remembered whose Docker it is.
    uninstall(&host, &["--purge-packages"]).expect_code(3);
    host.sh_ok("docker rm --force foreign");
    let gone = uninstall(&host, &["--purge", "--purge-packages"]).expect_code(0);
    gone.expect_said(&["what is left of the edge", "packages docker.io"]);
    uninstall(&host, &["--purge-packages"])
        .expect_code(0)
        .expect_said(&[NOTHING]);
    assert!(!host.has("/usr/bin/dockerd"));
    // What the packages themselves leave: dpkg's and apt's own files, a group and an empty directory.
    let of_packages = [
        "/var/lib/dpkg",
        "/var/lib/apt",
        "/var/cache",
        "/var/log/apt",
        "/var/log/dpkg.log",
        "/var/lib/systemd",
        "/etc/group",
        "/etc/gshadow",
        "/etc/cni",
    ];
    let mut left = difference(&before, &host.tree());
    left.retain(|path| !of_packages.iter().any(|of| path.starts_with(of)));
    assert_eq!(left, [""; 0]);
}

#[test]
fn a_node_of_the_script_goes_once_it_is_ours() {
    let origin = Origin::boot("origin");
    let host = edge("server-7");
    // Somebody else's project, which has our name in another place.
    host.import(&Image::busybox());
    host.write(
        "/srv/other/compose.yml",
        "name: streamhub\nservices:\n  web:\n    image: lab/busybox:1\n    command: sleep 100000\n    volumes: [\"store:/store\"]\nvolumes:\n  store:\n",
        0o644,
    );
    host.sh_ok("cd /srv/other && docker compose up --detach 2>&1");
    let (before, neighbours) = (host.tree(), others(&host));
    lay_out(&host, &origin, DIR);
    start(&host, DIR);
    let laid_out = host.tree();
    let refused = uninstall(&host, &["--purge"]).expect_code(3);
    refused.expect_said(&["has not taken it over yet"]);
    assert_eq!(host.tree(), laid_out);

    host.program(["--join"]).run().expect_code(0);
    assert!(host.has("/opt/streamhub/docker-compose.yml.old"));
    host.write("/opt/streamhub/mine.local", "an operator's", 0o644);
    let said = uninstall(&host, &["--purge"]).expect_code(0);
    // Nothing lists what the script brought: what is not known for StreamHub's stays.
    said.expect_said(&[
        "/opt/streamhub stays: empty, mine.local, package.json in it is not StreamHub's",
    ]);
    let left = ["", "/empty", "/mine.local", "/package.json"].map(|name| format!("{DIR}{name}"));
    assert_eq!(difference(&before, &host.tree()), left);
    assert_eq!(others(&host), neighbours);
}
