//! An uninstall takes away what the install has made, and nothing else.

use std::path::Path;

use crate::base::Layer;
use crate::cluster::{Origin, SECRETS, edge};
use crate::command::Output;
use crate::host::Host;
use crate::images::Image;
use crate::tree::Tree;

const RECEIPT: &str = "/etc/streamhub/receipt.json";
const SYSCTL: &str = "/etc/sysctl.d/99-streamhub-webrtc.conf";
const DIR: &str = "/opt/streamhub";
const NOTHING: &str = "There is nothing to remove";

fn uninstall(host: &Host, flags: &[&str]) -> Output {
    host.program(["uninstall", "--yes"]).args(flags).run()
}

/// The disk, without what ufw rewrites of its own at each change.
fn disk(host: &Host) -> Tree {
    host.tree()
}

/// What differs, as a line each: what is new, what is gone, what is another one.
fn difference(before: &Tree, after: &Tree) -> Vec<String> {
    let paths = before.keys().chain(after.keys());
    let mut differing: Vec<String> = paths
        .filter(|path| before.get(*path) != after.get(*path))
        .map(|path| path.display().to_string())
        .collect();
    differing.sort();
    differing.dedup();
    differing
}

fn busybox() -> Image {
    let base = Layer::Bare.directories().pop().expect("there is one");
    Image::of_program("lab/busybox:1", &base.join("bin/busybox"))
}

/// A container, a volume, a network and a compose project of somebody else's, who calls it as we call ours.
fn strangers(host: &Host) {
    host.import(&busybox());
    host.sh_ok(
        "docker run --detach --name foreign lab/busybox:1 sleep 100000
         docker volume create foreign; docker volume create streamhub_foreign
         docker network create foreign",
    );
}

/// What there is of them.
fn others(host: &Host) -> String {
    host.sh_ok(
        "docker ps --all --no-trunc --format '{{.Names}} {{.ID}} {{.State}}' | sort
         docker volume ls --quiet; docker network ls --format '{{.Name}}'; docker images --quiet --no-trunc lab/busybox
         ufw status; iptables-save | grep ^-A.*dport | sort",
    )
}

#[test]
fn an_edge_is_gone_and_its_host_as_before() {
    let origin = Origin::boot("origin");
    let host = edge("edge-1");
    host.sh_ok("ufw allow 22/tcp; ufw allow 1935/tcp comment 'mine'; ufw --force enable");
    strangers(&host);
    uninstall(&host, &[]).expect_code(0).expect_said(&[NOTHING]);
    let (before, neighbours) = (disk(&host), others(&host));
    host.joined(&origin);
    host.sh_ok(
        "docker volume create --label com.docker.compose.project=streamhub streamhub_caddy_data
         docker network create --label com.docker.compose.project=streamhub streamhub_default
         echo a recording > /opt/streamhub/data/apps/recording",
    );
    let joined = disk(&host);

    // It shows what would go, and asks before it does.
    let dry = host
        .program(["uninstall", "--dry-run"])
        .run()
        .expect_code(0);
    dry.expect_said(&[
        "- unit streamhub-heartbeat.timer",
        "container streamhub-livekit",
        "volume streamhub_caddy_data",
        "- directory /opt/streamhub",
        "with .env, data, docker-compose.yml",
        "= firewall rule: allow 7880/tcp stays: --purge takes it too",
        "Dry run: nothing was changed.",
    ]);
    assert!(!dry.said().contains("foreign"), "{dry:?}");
    let asked = host.program(["uninstall"]).run().expect_code(2);
    asked.expect_said(&["pass --yes"]);
    let by_flag = ["--dry-run", "uninstall", "--yes"];
    host.program(by_flag).run().expect_code(0);
    let not_root = host.sh("install -m 755 /root/streamhub-install /usr/bin/s; sudo -u operator /usr/bin/s uninstall --yes; echo $?; rm /usr/bin/s");
    assert!(not_root.stdout.ends_with("3\n"), "{not_root:?}");
    assert_eq!(disk(&host), joined);

    // Data and its .env stay if that is asked for, and the next join takes them up.
    uninstall(&host, &["--keep-data"]).expect_code(0);
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
    let left = difference(&before, &disk(&host));
    let rules = ["/etc/ufw/user.rules", "/etc/ufw/user6.rules"];
    let mut wanted: Vec<&str> = kept.into_iter().chain(rules).chain([SYSCTL]).collect();
    wanted.sort_unstable();
    assert_eq!(left, wanted);
    host.joined(&origin);
    assert_eq!(
        host.read("/opt/streamhub/data/apps/recording"),
        "a recording\n"
    );

    let said = uninstall(&host, &["--purge"]).expect_code(0);
    said.expect_said(&["streamhub-install nodes remove edge-1"]);
    for secret in SECRETS {
        assert!(!said.said().contains(secret));
    }
    uninstall(&host, &["--purge"])
        .expect_code(0)
        .expect_said(&[NOTHING]);
    assert_eq!(others(&host), neighbours);
    assert_eq!(difference(&before, &disk(&host)), [""; 0]);
    assert_eq!(host.sh_ok("docker images --quiet livekit/*"), "");
    host.sh_ok("test -z \"$(systemctl list-units --all --plain --no-legend 'streamhub*')\"");
    // Nothing told the origin.
    origin.node("edge-1");
    assert!(!Path::new(RECEIPT).exists());
}
