//! An uninstall that is killed goes on, and one of half an install takes that away.

use crate::cluster::{Origin, edge};
use crate::host::Host;
use crate::images::{self, CORE};
use crate::origin_host::origin_host;
use crate::uninstall::{NOTHING, difference, of_others, others, strangers, uninstall};

const DIR: &str = "/opt/streamhub";
const RENAMES: &str = "rename,renameat,renameat2";
const REMOVALS: &str = "unlink,unlinkat,rmdir";
/// What starts a program, which then works on; threads too.
const SPAWNS: &str = "clone,clone3,vfork,fork";
/// Of an origin's install, where it is cut off.
const CUTS: usize = 5;

/// What an uninstall is killed in the middle of, run by run: each gets one system call further.
fn killed_again_and_again(
    host: &Host,
    calls: &str,
    at: fn(usize) -> usize,
    flags: &[&str],
) -> usize {
    for kills in 0..60 {
        let run = host
            .command(killed_at(calls, at(kills)))
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
    let renames: (&str, fn(usize) -> usize, usize) = (RENAMES, |_| 2, 10);
    let removals: (&str, fn(usize) -> usize, usize) = (REMOVALS, |n| n + 1, 8);
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

/// A run that strace is told to kill at the n-th of these calls.
fn killed_at(calls: &str, n: usize) -> [String; 7] {
    let inject = format!("inject={calls}:signal=SIGKILL:when={n}");
    [
        "strace",
        "--quiet=all",
        "--output=/dev/null",
        "--trace",
        calls,
        "-e",
        &inject,
    ]
    .map(str::to_owned)
}

#[test]
fn an_origin_goes_whenever_its_install_or_its_uninstall_was_killed() {
    let host = origin_host("origin");
    strangers(&host);
    host.write(
        "/etc/nginx/sites-enabled/other",
        "server { listen 8081; location / { return 204; } }\n",
        0o644,
    );
    host.sh_ok("systemctl restart nginx; ufw allow 22/tcp; ufw allow 1935/tcp comment mine; ufw --force enable");
    // The images of the install go with --purge, and are there again under another name.
    let names: Vec<String> = images::origin()
        .iter()
        .map(|i| i.reference().to_owned())
        .collect();
    for name in &names {
        host.sh_ok(&format!("docker tag {name} kept/{name}"));
    }
    let (before, neighbours) = (host.tree(), others(&host));
    let ip = host.ip().to_string();
    let install = |under: &[&str]| {
        host.program(["--domain", &ip, "--core-image", CORE, "--non-interactive"])
            .under(under)
            .run()
    };
    let is_gone = |when: &str| {
        let mut left = difference(&before, &host.tree());
        left.retain(|path| !of_others(path));
        assert_eq!(left, [""; 0], "{when}");
        assert_eq!(others(&host), neighbours, "{when}");
        assert_eq!(
            host.status_of("http://127.0.0.1:8081/", &[]),
            "204",
            "{when}"
        );
        for name in &names {
            host.sh_ok(&format!("docker tag kept/{name} {name}"));
        }
    };
    install(&[
        "strace",
        "--quiet=all",
        "--output=/run/renames",
        "--trace",
        RENAMES,
    ])
    .expect_code(0);
    let renames = host.read("/run/renames").matches("rename").count();
    assert!(renames > 5 * CUTS, "{renames}");
    // Each time three things further: what comes between two of them an edge's test has.
    let kills = killed_again_and_again(&host, RENAMES, |_| 4, &["--purge"]);
    assert!(kills >= 5, "{kills}");
    is_gone("killed again and again");

    for cut in 1..=CUTS {
        let at = cut * renames / (CUTS + 1);
        let when = format!("an install killed at rename {at} of {renames}");
        let run = killed_at(RENAMES, at);
        install(&run.each_ref().map(String::as_str)).expect_code(137);
        // And the first try to take it away again, as it removes something or has a program do so.
        let (calls, nth) = if cut % 2 == 0 {
            (SPAWNS, 4 * cut)
        } else {
            (REMOVALS, cut)
        };
        let run = killed_at(calls, nth);
        let flags = ["uninstall", "--yes", "--purge"];
        let cut_off = host
            .program(flags)
            .under(&run.each_ref().map(String::as_str))
            .run();
        assert!([0, 137].contains(&cut_off.code), "{when}: {cut_off:?}");
        uninstall(&host, &["--purge"]).expect_code(0);
        is_gone(&when);
    }
    uninstall(&host, &["--purge"])
        .expect_code(0)
        .expect_said(&[NOTHING]);
}
