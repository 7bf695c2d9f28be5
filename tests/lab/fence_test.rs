//! What an installed edge refuses, and how runs keep out of each other's way.

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::cluster::{Origin, edge};
use crate::host::Host;
use crate::images::CORE;
use crate::origin_host::origin_host;
use crate::tree::Tree;
use crate::wait;

const ENV: &str = "/opt/streamhub/.env";
const LOCK: &str = "/run/streamhub-install.lock";

#[test]
fn an_installed_edge_refuses_the_other_role_and_another_place() {
    let origin = Origin::boot("origin");
    let host = edge("edge-1");
    host.joined(&origin);
    let (tree, containers, joins) = (host.tree(), host.containers(), origin.joins());
    let unchanged = |host: &Host, what: &str| {
        assert_eq!(host.tree(), tree, "{what}");
        assert_eq!(host.containers(), containers, "{what}");
    };
    for (args, says) in [
        (
            vec!["--standalone"],
            "this host is an edge; --standalone would make it an origin",
        ),
        (
            vec!["--domain", "media.example.com"],
            "--domain belongs to an origin, and this host is an edge",
        ),
        (
            vec!["--join", "--no-tls"],
            "--no-tls belongs to an origin, and this host is an edge",
        ),
        (
            vec!["--join", "--dir", "/srv/streamhub"],
            "--dir /srv/streamhub is not where this node is installed: /opt/streamhub",
        ),
        (
            vec!["--join", "--standalone"],
            "--standalone and --join exclude each other",
        ),
    ] {
        let output = host.program(&args).run().expect_code(2);
        assert!(output.stderr.contains(says), "{}", output.stderr);
        if args.len() < 3 && args[0] != "--join" {
            assert!(
                output.stderr.contains("streamhub-install uninstall"),
                "{}",
                output.stderr
            );
        }
        unchanged(&host, says);
    }
    assert_eq!(origin.joins(), joins, "nobody asked the origin");

    // An origin's commands, and one that nobody is there to agree to.
    for args in [
        vec!["allow-edge", "10.0.0.7"],
        vec!["rotate", "livekit-keys", "--yes"],
        vec!["uninstall"],
    ] {
        let output = host.program(&args).run().expect_code(2);
        assert!(output.stderr.contains("fix:"), "{}", output.stderr);
        unchanged(&host, args[0]);
    }

    // The other role's environment is a shell's left-over: mentioned, and no more.
    let run = host
        .program(["--join"])
        .env("STREAMHUB_DOMAIN", "media.example.com");
    let output = run.env("STREAMHUB_NO_TLS", "1").run().expect_code(0);
    for flag in ["--domain", "--no-tls"] {
        let note =
            format!("note: {flag} (or its variable) belongs to an origin and is ignored here");
        assert!(output.stdout.contains(&note), "{}", output.stdout);
    }
    // No flag at all, the saved role by variable, and the place where it is.
    host.program([""; 0]).run().expect_code(0);
    host.program([""; 0])
        .env("STREAMHUB_JOIN", "1")
        .run()
        .expect_code(0);
    host.program(["--dir", "/opt/streamhub"])
        .env("STREAMHUB_REGION", "")
        .run()
        .expect_code(0);
    let mut after = host.tree();
    after.retain(|path, now| tree.get(path) != Some(now));
    let changed: Vec<_> = after
        .keys()
        .map(|path| path.display().to_string())
        .collect();
    assert_eq!(changed, ["/var/log/streamhub-install.log"]);
    // Our own containers hold the ports, and are no strangers.
    assert_eq!(host.containers(), containers);
}

#[test]
fn of_two_runs_at_once_one_works_and_the_other_names_it() {
    let origin = Origin::boot("origin");
    let host = edge("edge-1");
    origin
        .behave(&json!({"act": "slow", "seconds": 2, "path": "/api/v1/cluster/join", "times": 1}));
    let first = host.join(&origin).spawn();
    let holds = || host.run(["test", "-s", LOCK]).code == 0;
    assert!(wait::until(Duration::from_secs(30), holds));
    let pid = host.read(LOCK);
    let second = host.join(&origin).run().expect_code(75);
    let says = format!("another run (pid {}) holds {LOCK}", pid.trim());
    assert!(second.stderr.contains(&says), "{}", second.stderr);
    assert!(
        second
            .stderr
            .contains("wait until it has ended, then run this again")
    );
    host.join(&origin).args(["--dry-run"]).run().expect_code(0);
    first.wait().expect_code(0);
    assert_eq!(origin.joins(), 1, "one set of keys");
    // It is the one row of that name, or this panics.
    origin.node("edge-1");
    // The lock goes with its holder: nothing has to be cleaned up.
    host.join(&origin).run().expect_code(0);
}

/// The disk of an origin, but for what its beats and a look at its site change.
fn origins_tree(host: &Host) -> Tree {
    let mut tree = host.tree();
    for changing in [
        "/opt/streamhub/data/db/nodes.json",
        "/var/log/nginx/access.log",
    ] {
        tree.remove(Path::new(changing));
    }
    tree
}

/// The same two of an origin: who comes second, and what is asked of it once it is one.
#[test]
fn an_origin_is_installed_by_one_run_and_refuses_the_other_role_and_another_place() {
    let host = origin_host("origin");
    let ip = host.ip().to_string();
    let install = || {
        host.program(["--domain", &ip, "--core-image", CORE])
            .args(["--non-interactive"])
    };
    let first = install().spawn();
    assert!(wait::until(Duration::from_secs(30), || host.has(ENV)));
    let made = host.read(ENV);
    let pid = host.read(LOCK);
    let second = install().run().expect_code(75);
    second.expect_said(&[&format!("another run (pid {}) holds {LOCK}", pid.trim())]);
    first.wait().expect_code(0);
    assert_eq!(host.read(ENV), made, "one set of keys");

    let (tree, containers) = (origins_tree(&host), host.containers());
    for (args, says) in [
        (
            vec!["--join"],
            "this host is an origin; --join would make it an edge",
        ),
        (
            vec!["--join", "--master-ip", "10.0.0.7"],
            "this host is an origin; --join would make it an edge",
        ),
        (
            vec!["--master-ip", "10.0.0.7"],
            "--master-ip belongs to an edge, and this host is an origin",
        ),
        (
            vec!["--region", "eu-west"],
            "--region belongs to an edge, and this host is an origin",
        ),
        (
            vec!["--dir", "/srv/streamhub"],
            "--dir /srv/streamhub is not where this node is installed: /opt/streamhub",
        ),
        (vec!["uninstall"], "--yes"),
    ] {
        let refused = host.program(&args).run().expect_code(2);
        refused.expect_said(&[says, "fix:"]);
        assert_eq!(origins_tree(&host), tree, "{args:?}");
        assert_eq!(host.containers(), containers, "{args:?}");
    }
    // A shell's left-over: refused where it would make an edge of it, and else mentioned.
    let run = host.program([""; 0]).env("STREAMHUB_JOIN", "1");
    let refused = run.run().expect_code(2);
    refused.expect_said(&["STREAMHUB_JOIN would make it an edge"]);
    assert_eq!(origins_tree(&host), tree);
    let run = host.program(["--standalone"]).env("STREAMHUB_JOIN", "1");
    let run = run.env("STREAMHUB_MASTER_IP", "10.0.0.7");
    let run = run.run().expect_code(0);
    run.expect_said(&["--master-ip (or its variable) belongs to an edge and is ignored here"]);
    let mut after = origins_tree(&host);
    after.retain(|path, now| tree.get(path) != Some(now));
    let changed: Vec<_> = after.keys().collect();
    assert_eq!(changed, [Path::new("/var/log/streamhub-install.log")]);
    assert_eq!(host.containers(), containers);
}

/// Killed alone, as `kill -9` does it, a run leaves its children at work, and compose may need minutes.
#[test]
fn what_a_killed_run_left_at_work_is_waited_for() {
    let origin = Origin::boot("origin");
    let host = edge("edge-1");
    let plugin = "/usr/libexec/docker/cli-plugins/docker-compose";
    let slow = format!(
        "#!/bin/sh
case \"$*\" in *' up '*)
    test ! -e /run/at-work || touch /run/two-at-once
    touch /run/at-work; sleep 5; rm /run/at-work;;
esac
exec {plugin}.real \"$@\"
"
    );
    host.sh_ok(&format!("mv {plugin} {plugin}.real"));
    host.write(plugin, slow, 0o755);
    let mut first = host.join(&origin).spawn();
    let at_work = || host.has("/run/at-work");
    assert!(wait::until(Duration::from_secs(60), at_work));
    first.kill(false);
    first.wait().expect_code(137);
    let second = host.join(&origin).run().expect_code(0);
    assert!(!host.has("/run/two-at-once"));
    second.expect_said(&["waiting for pid ", "which a killed run left at work"]);
}
