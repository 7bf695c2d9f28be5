//! Runs that are killed or interrupted at every step boundary. The receipt is written before and after each change, so
//! the boundaries, and the moments at which a file comes into place, are the renames of a run.

use serde_json::Value;

use crate::cluster::{Origin, TOKEN, edge};
use crate::command::{HostCommand, Output};
use crate::host::Host;

const RENAMES: &str = "rename,renameat,renameat2";
const RECEIPT: &str = "/etc/streamhub/receipt.json";
/// Every other file that a join writes.
pub const FILES: &[&str] = &[
    "/etc/sysctl.d/99-streamhub-webrtc.conf",
    "/usr/local/bin/streamhub-install",
    "/opt/streamhub/.env",
    "/opt/streamhub/docker-compose.yml",
    "/etc/streamhub/heartbeat.env",
    "/etc/systemd/system/streamhub-heartbeat.service",
    "/etc/systemd/system/streamhub-heartbeat.timer",
];
/// As it was before the first join; the containers are left, so that what follows is quick.
pub const RESET: &str = "systemctl disable --quiet --now streamhub-heartbeat.timer 2>/dev/null
    rm -rf /opt/streamhub /etc/streamhub /etc/systemd/system/streamhub-heartbeat.* \
        /etc/sysctl.d/99-streamhub-webrtc.conf /usr/local/bin/streamhub-install /var/log/streamhub-install.log
    systemctl daemon-reload";

/// A join under strace, which is told the rest.
fn traced(host: &Host, origin: &Origin, how: &[&str]) -> HostCommand {
    host.command(["strace", "--quiet=all", "--trace", RENAMES])
        .args(how)
        .args(["/root/streamhub-install", "--join", "--master-ip"])
        .args([origin.host.ip().to_string()])
        .env("STREAMHUB_IP_LOOKUP_URL", "")
        .env("STREAMHUB_MASTER_TOKEN", TOKEN)
}

/// A join that gets this signal at its n-th rename: killed by it, before the kernel renames anything.
pub fn cut(host: &Host, origin: &Origin, signal: &str, boundary: usize) -> Output {
    let inject = format!("inject={RENAMES}:signal={signal}:when={boundary}");
    traced(host, origin, &["--output=/dev/null", "-e", &inject]).run()
}

/// Joins cleanly and returns what it renamed, in order.
fn boundaries(host: &Host, origin: &Origin) -> Vec<String> {
    let run = traced(host, origin, &["--output=/run/renames"]);
    run.run().expect_code(0);
    let renames = host.read("/run/renames");
    let to = |line: &str| line.rsplit('"').nth(1).map(str::to_owned);
    renames.lines().filter_map(to).collect()
}

/// From the boundary on at which the services are started, there must be something to start.
fn give_work(host: &Host, boundaries: &[String], n: usize) {
    let last_unit = FILES.last().expect("there are some");
    let written = boundaries.iter().position(|to| to == last_unit);
    if n > written.expect("a join writes it") + 2 {
        host.sh_ok("docker rm --force streamhub-livekit streamhub-ingress streamhub-egress");
    }
}

/// Mode and digest of each file; nothing for what is not there.
fn files(host: &Host) -> Vec<String> {
    let list = FILES.join(" ");
    let said = host.sh_ok(&format!(
        "for f in {list}; do if [ -e $f ]; then echo $f $(stat -c %a $f) $(sha256sum <$f | cut -c1-64); else echo $f -; fi; done"
    ));
    said.lines().map(str::to_owned).collect()
}

fn leftovers(host: &Host) -> String {
    host.sh_ok("find /opt /etc /usr/local /var/log -name '.*.new*'")
}

/// Every file is the old one, here none, or the new one; the receipt can be read.
#[track_caller]
fn old_or_new(host: &Host, new: &[String], when: &str) {
    for (found, new) in files(host).iter().zip(new) {
        let absent = found.ends_with(" -");
        assert!(absent || found == new, "{when}: {found}, not {new}");
    }
    if host.has(RECEIPT) {
        receipt(host);
    }
}

fn receipt(host: &Host) -> Value {
    serde_json::from_str(&host.read(RECEIPT)).expect("a receipt is whole at every moment")
}

/// The next run completes everything and leaves nothing lying about.
#[track_caller]
fn converges(host: &Host, origin: &Origin, new: &[String], when: &str) {
    let output = host.join(origin).run();
    assert_eq!(output.code, 0, "after {when}: {output:?}");
    assert_eq!(files(host), new, "after {when}");
    assert_eq!(leftovers(host), "", "after {when}");
    let receipt = receipt(host);
    let entries = receipt["owned"].as_array().expect("it lists what is ours");
    assert!(
        entries.iter().all(|e| e["pending"] == false),
        "after {when}: {receipt}"
    );
    host.sh_ok("systemctl is-active --quiet streamhub-heartbeat.timer");
}

#[test]
fn a_kill_at_any_boundary_leaves_old_or_new_files_and_the_next_run_converges() {
    let origin = Origin::boot("origin");
    let host = edge("edge-1");
    let boundaries = boundaries(&host, &origin);
    let new = files(&host);
    assert!(new.iter().all(|f| !f.ends_with(" -")), "{new:?}");
    // Two for each of ten changes, one for the settings, one for each file.
    assert!(boundaries.len() >= 28, "{boundaries:?}");

    for (n, to) in boundaries.iter().enumerate().map(|(i, to)| (i + 1, to)) {
        let when = format!("a kill at boundary {n} of {}, {to}", boundaries.len());
        host.sh_ok(RESET);
        give_work(&host, &boundaries, n);
        let output = cut(&host, &origin, "SIGKILL", n);
        assert_eq!(output.code, 137, "{when}: {output:?}");
        old_or_new(&host, &new, &when);
        converges(&host, &origin, &new, &when);
    }
    // It is the one row of that name, or this panics.
    origin.node("edge-1");
}

#[test]
fn a_signal_at_any_boundary_finishes_that_step_and_the_next_run_converges() {
    let origin = Origin::boot("origin");
    let host = edge("edge-1");
    let boundaries = boundaries(&host, &origin);
    let new = files(&host);
    for (signal, code, name) in [("SIGINT", 130, "SIGINT"), ("SIGTERM", 143, "SIGTERM")] {
        for (n, to) in boundaries.iter().enumerate().map(|(i, to)| (i + 1, to)) {
            let when = format!("{signal} at boundary {n} of {}, {to}", boundaries.len());
            host.sh_ok(RESET);
            give_work(&host, &boundaries, n);
            let output = cut(&host, &origin, signal, n);
            assert_eq!(output.code, code, "{when}: {output:?}");
            assert!(
                output.stderr.contains(&format!("interrupted by {name}")),
                "{output:?}"
            );
            assert!(
                output.stderr.contains("it goes on where this run stopped"),
                "{output:?}"
            );
            // The file whose moment it was is in place, and nothing is half done.
            assert_eq!(leftovers(&host), "", "{when}");
            assert!(host.has(to), "{when}");
            old_or_new(&host, &new, &when);
            // A step is noted, made, noted: what comes after the two next boundaries is another one.
            let found = files(&host);
            for later in boundaries.iter().skip(n + 2).filter(|to| *to != RECEIPT) {
                let absent = format!("{later} -");
                assert!(found.contains(&absent), "{when}: {later} was begun");
            }
            // What follows a kill at each is tried above; a signal leaves more in order than a kill.
            if n % 8 == 0 {
                converges(&host, &origin, &new, &when);
            }
        }
    }
}

#[test]
fn a_file_that_a_killed_run_did_not_finish_is_gone_after_the_next() {
    let origin = Origin::boot("origin");
    let host = edge("edge-1");
    host.joined(&origin);
    let (new, containers) = (files(&host), host.containers());
    origin.rotate(&serde_json::json!({ "api_secret": "ExampleRotatedSecretOf40Characters00000" }));
    // The second rename of this run puts .env in place.
    cut(&host, &origin, "SIGKILL", 2).expect_code(137);
    assert_eq!(
        leftovers(&host),
        "/opt/streamhub/.env.new\n".replace(".env.new", "..env.new")
    );
    origin.rotate(&serde_json::json!({ "api_secret": crate::cluster::API_SECRET }));
    converges(
        &host,
        &origin,
        &new,
        "a kill before a change that was taken back",
    );
    assert_eq!(host.containers(), containers);
}
