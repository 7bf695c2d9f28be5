//! Secrets: on the disk in files that only root reads, and nowhere else.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::cluster::{API_TOKEN, Origin, SECRETS, TOKEN, edge};
use crate::host::Host;
use crate::strace::assert_none_in;

const WRONG: &str = "clt_ExampleWrongToken0123456789";

#[test]
fn no_secret_shows_where_others_can_read_it() {
    let origin = Origin::boot("origin");
    let edge = edge("edge-1");
    let all: Vec<&str> = SECRETS.iter().copied().chain([API_TOKEN, WRONG]).collect();
    let ip = origin.host.ip().to_string();
    edge.write("/root/token", TOKEN, 0o600);
    edge.write("/root/api-token", API_TOKEN, 0o600);
    edge.write("/root/wrong", WRONG, 0o600);
    let checked = |args: &[&str], code: i32| {
        let output = edge.traced(args).run().expect_code(code);
        output.expect_none_of(&all);
        // Every program's arguments, and the environment that it was given.
        assert_none_in(&all, "what was started", &edge.trace().0);
    };
    checked(
        &[
            "--join",
            "--master-ip",
            &ip,
            "--master-token-file",
            "/root/token",
            "-v",
        ],
        0,
    );
    checked(
        &["--join", "--api-token-file", "/root/api-token", "--json"],
        0,
    );
    checked(&["--dry-run", "-v"], 0);
    checked(&["status", "--json"], 0);
    checked(&["heartbeat"], 0);
    checked(&["--master-token-file", "/root/wrong", "-v"], 5);
    checked(&["--master-token-file", "/root/wrong", "--json"], 5);
    // Two changes at once: the diffs of .env and of heartbeat.env are masked.
    edge.sh_ok(
        "sed -i 's/^LIVEKIT_API_SECRET=.*/LIVEKIT_API_SECRET=ExampleOther/' /opt/streamhub/.env",
    );
    checked(&["--join", "-v"], 0);
    edge.sh_ok("systemctl start streamhub-heartbeat.service");

    for service in ["livekit", "ingress", "egress"] {
        let inspected = edge.sh_ok(&format!("docker inspect streamhub-{service}"));
        assert_none_in(&all, "docker inspect", &inspected);
        let log = edge.sh_ok(&format!("docker logs streamhub-{service} 2>&1"));
        // The key's name, which is no secret by itself, is the service's own to log.
        let own: Vec<&str> = all
            .iter()
            .copied()
            .filter(|s| *s != crate::cluster::API_KEY)
            .collect();
        assert_none_in(&own, "its log", &log);
    }
    assert_none_in(
        &all,
        "the journal",
        &edge.sh_ok("journalctl --no-pager --all --output=verbose"),
    );
    assert_none_in(
        &all,
        "the processes",
        &edge.sh_ok("cat /proc/[0-9]*/cmdline | tr '\\0' ' '"),
    );
    only_roots_files_hold(&edge, &all);
}

/// Searches the disk: whatever holds a secret is root's alone, and one of the two files that are meant to.
fn only_roots_files_hold(edge: &Host, secrets: &[&str]) {
    let meant = [
        "/opt/streamhub/.env",
        "/etc/streamhub/heartbeat.env",
        "/root/token",
        "/root/api-token",
        "/root/wrong",
    ];
    for (path, what) in edge.tree() {
        if !what.starts_with("file") {
            continue;
        }
        let at = edge
            .disk
            .root
            .join(path.strip_prefix("/").expect("absolute"));
        let text = String::from_utf8_lossy(&fs::read(&at).expect("it is there")).into_owned();
        if meant
            .iter()
            .any(|meant| path == std::path::Path::new(meant))
        {
            let mode = fs::metadata(&at).expect("it is there").permissions().mode();
            assert_eq!(mode & 0o7777, 0o600, "{}", path.display());
            continue;
        }
        assert_none_in(secrets, &path.display().to_string(), &text);
    }
}
