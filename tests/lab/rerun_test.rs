//! A second and a third run: nothing happens.

use crate::cluster::{Origin, edge};

const RECEIPT: &str = "/etc/streamhub/receipt.json";

#[test]
fn an_unchanged_rerun_changes_nothing_and_starts_one_program() {
    let origin = Origin::boot("origin");
    let edge = edge("edge-1");
    edge.joined(&origin);
    let (lives, receipt, tree) = (edge.lives(), edge.read(RECEIPT), files(&edge));
    let row = origin.node("edge-1")["id"].clone();
    let log_before = edge.read("/var/log/streamhub-install.log").len();

    let again = edge.traced(["--join"]).run().expect_code(0);
    again.expect_said(&["Plan: nothing to change", "changed    nothing"]);
    let trace = edge.trace();
    let started = trace.started();
    // Whether the timer lives only systemd knows; what compose has told is known from the join.
    assert_eq!(started, ["/usr/bin/systemctl"]);
    for call in ["apt", "dpkg", "\"pull\"", "\"up\"", "ufw"] {
        assert!(!trace.0.contains(call), "{call}: {}", trace.0);
    }
    let third = edge.program(["--json"]).run().expect_code(0);
    assert_eq!(third.done()["changed"], false);
    assert!(third.events().iter().all(|e| e["event"] != "plan"));

    let log = edge.read("/var/log/streamhub-install.log");
    for word in ["apt-get", "pull", "compose up", " up --detach"] {
        assert!(!log[log_before..].contains(word), "{word}: {log}");
    }
    assert_eq!(edge.lives(), lives);
    assert_eq!(edge.read(RECEIPT), receipt);
    assert_eq!(files(&edge), tree);
    assert_eq!(origin.node("edge-1")["id"], row);
}

/// The disk without the log, which every run writes.
fn files(host: &crate::host::Host) -> crate::tree::Tree {
    let mut tree = host.tree();
    tree.remove(std::path::Path::new("/var/log/streamhub-install.log"));
    tree
}
