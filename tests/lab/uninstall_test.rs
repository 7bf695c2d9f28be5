//! An uninstall takes away what the install has made, and nothing else.

use crate::cluster::{API_TOKEN, Origin, SECRETS, edge};
use crate::command::Output;
use crate::docker_install_test::bare;
use crate::host::Host;
use crate::images::Image;
use crate::origin_host::origin_host;
use crate::predecessor::{lay_out, start};
use crate::source::Source;
use crate::tree::Tree;

const SYSCTL: &str = "/etc/sysctl.d/99-streamhub-webrtc.conf";
const DIR: &str = "/opt/streamhub";
const NOTHING: &str = "There is nothing to remove";

fn uninstall(host: &Host, flags: &[&str]) -> Output {
    host.program(["uninstall", "--yes"]).args(flags).run()
}

/// The same at a terminal, by somebody who answers.
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

/// A container, a volume, a network and a compose project of somebody else's, who calls it as we call ours.
fn strangers(host: &Host) {
    host.import(&Image::busybox());
    host.sh_ok(
        "docker run --detach --name foreign lab/busybox:1 sleep 100000
         docker volume create foreign; docker volume create streamhub_foreign
         docker network create foreign",
    );
}

fn containers_of_others(host: &Host) -> Vec<String> {
    let is_ours = |line: &String| line.starts_with("streamhub-");
    let all = host.containers().into_iter();
    all.filter(|line| !is_ours(line)).collect()
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
    let (before, neighbours) = (host.tree(), others(&host));
    host.joined(&origin);
    host.sh_ok(
        "docker volume create --label com.docker.compose.project=streamhub streamhub_caddy_data
         docker network create --label com.docker.compose.project=streamhub streamhub_default
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
        "volume streamhub_caddy_data",
        "- directory /opt/streamhub",
        "with data, docker-compose.yml, .env",
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
    assert_eq!(host.tree(), joined);
    let no = at_a_terminal(&host, "n", "");
    no.expect_said(&["Remove all this? [y/N]", "the answer was no"]);
    assert_eq!(no.code, 1);
    assert_eq!(host.tree(), joined);

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
    uninstall(&host, &["--purge"])
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
    host.sh_ok("docker rm --force other");
    assert_eq!(containers_of_others(&host), foreign);
    let images = host.sh_ok("docker images --format '{{.Repository}}' 'livekit/*'");
    assert_eq!(images, "livekit/ingress\n");

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

/// What an uninstall is killed in the middle of, run by run: each gets one system call further.
fn killed_again_and_again(
    host: &Host,
    calls: &str,
    at: fn(usize) -> usize,
    flags: &[&str],
) -> usize {
    for kills in 0..60 {
        let inject = format!("inject={calls}:signal=SIGKILL:when={}", at(kills));
        let run = host
            .command([
                "strace",
                "--quiet=all",
                "--output=/dev/null",
                "--trace",
                calls,
                "-e",
                &inject,
            ])
            .args(["/root/streamhub-install", "uninstall", "--yes"])
            .args(flags)
            .run();
        if run.code == 0 {
            return kills;
        }
        assert_eq!(run.code, 137, "{run:?}");
    }
    panic!("it gets nowhere");
}

#[test]
fn killed_at_any_point_and_after_half_an_install_nothing_is_left() {
    let origin = Origin::boot("origin");
    let host = edge("edge-1");
    let before = host.tree();
    // Every second rename is a receipt's that forgets one thing more; of the others there are some for each thing.
    let renames: (&str, fn(usize) -> usize, usize) = ("rename,renameat,renameat2", |_| 2, 10);
    let removals: (&str, fn(usize) -> usize, usize) = ("unlink,unlinkat,rmdir", |n| n + 1, 8);
    for (calls, at, least) in [renames, removals] {
        host.joined(&origin);
        let own = "/opt/streamhub/docker-compose.override.yml";
        host.write(own, "services: {}\n", 0o644);
        let kills = killed_again_and_again(&host, calls, at, &["--purge"]);
        assert!(kills >= least, "{calls}: {kills}");
        assert_eq!(difference(&before, &host.tree()), [DIR, own], "{calls}");
        host.sh_ok(&format!(
            "rm -r {DIR}; docker images | grep -q livekit && exit 1; :"
        ));
        for image in crate::images::livekit() {
            host.import(&image);
        }
    }
    for boundary in [1, 3, 9, 14, 19, 24, 28] {
        crate::crash_test::cut(&host, &origin, "SIGKILL", boundary).expect_code(137);
        uninstall(&host, &["--purge"]).expect_code(0);
        assert_eq!(
            difference(&before, &host.tree()),
            [""; 0],
            "killed at {boundary}"
        );
        assert_eq!(host.containers(), [""; 0]);
        for image in crate::images::livekit() {
            host.import(&image);
        }
    }
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

#[test]
fn an_origin_goes_with_its_site_and_source_and_the_others_sites_serve_on() {
    let elsewhere = Host::named("source").with_origin_packages().boot();
    let source = Source::serve(&elsewhere);
    let host = origin_host("origin");
    source.vouch_at(&host);
    host.write(
        "/etc/nginx/sites-enabled/other",
        "server { listen 8081; location / { return 204; } }\n",
        0o644,
    );
    host.sh_ok("ufw allow 22/tcp; ufw --force enable; systemctl restart nginx");
    host.import(&Image::busybox());
    let serves_others = || host.status_of("http://127.0.0.1:8081/", &[]) == "204";
    assert!(serves_others());
    let (before, neighbours) = (host.tree(), others(&host));
    let ip = host.ip().to_string();
    let install = || {
        let edge = ["--allow-edge", "10.9.9.9"];
        let run = host
            .program(["--domain", &ip, "--non-interactive"])
            .args(edge);
        source.given_to(run).run().expect_code(0)
    };
    install();
    assert_eq!(host.status_of("http://127.0.0.1/api/v1/health", &[]), "200");
    host.write("/opt/streamhub/deploy/mine.sh", "an operator's", 0o755);
    let token = host.setting(DIR, "STREAMHUB_API_TOKEN");
    let database = host.sh_ok("cd /opt/streamhub/data && sha256sum db/api-tokens.json");

    uninstall(&host, &["--keep-data"]).expect_code(0);
    assert_eq!(host.containers(), [""; 0]);
    assert_eq!(host.sh_ok("ls -A /opt/streamhub"), ".env\ndata\ndeploy\n");
    assert_eq!(
        host.sh_ok("cd /opt/streamhub/data && sha256sum db/api-tokens.json"),
        database
    );
    // A later one takes up what was kept, and has the same secrets.
    install();
    assert_eq!(host.setting(DIR, "STREAMHUB_API_TOKEN"), token);

    // nginx as if it had come with the node: its package would take the other site too.
    let receipt = "/etc/streamhub/receipt.json";
    let packages = r#"{"kind":"packages","names":["nginx","certbot","python3-certbot-nginx"],"created":true,"pending":false}"#;
    host.sh_ok(&format!(
        "cp {receipt} /root/receipt && sed -i 's/\"owned\": \\[/&{packages},/' {receipt}"
    ));
    let refused = uninstall(&host, &["--purge-packages"]).expect_code(3);
    refused.expect_said(&["sites that are not ours (/etc/nginx/sites-enabled/other)"]);
    host.sh_ok(&format!("mv /root/receipt {receipt}"));

    let said = uninstall(&host, &["--purge"]).expect_code(0);
    said.expect_said(&["deploy in it is not StreamHub's"]);
    host.sh_ok("rm -r /opt/streamhub");
    assert!(serves_others());
    assert_eq!(others(&host), neighbours);
    let mut left = difference(&before, &host.tree());
    // nginx's own, what apt was asked, and what an operator's key and building leave of it.
    left.retain(|path| {
        ![
            "/var/log/nginx",
            "/var/log/apt/eipp.log.xz",
            "/root/.docker",
        ]
        .iter()
        .any(|at| path.starts_with(at))
    });
    assert_eq!(left, [""; 0]);
    host.sh_ok("nginx -t 2>&1");
    assert_eq!(host.status_of("http://127.0.0.1/", &[]), "200");
}
