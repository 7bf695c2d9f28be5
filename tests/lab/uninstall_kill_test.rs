//! An uninstall that is killed goes on, and one of half an install takes that away.

use crate::cluster::{Origin, edge};
use crate::host::Host;
use crate::uninstall::{difference, uninstall};

const DIR: &str = "/opt/streamhub";

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
