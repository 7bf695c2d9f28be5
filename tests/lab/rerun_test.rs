//! A second and a third run: nothing happens, and soon.

use crate::cluster::{Origin, edge};
use crate::program::release_program;

const RECEIPT: &str = "/etc/streamhub/receipt.json";

#[test]
fn an_unchanged_rerun_changes_nothing_and_starts_next_to_nothing() {
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
    println!("a re-run starts {}: {started:?}", started.len());
    assert!(started.len() <= 5, "{started:?}");
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

/// Each run beside one of the cheapest command that could do the same, so that a busy machine slows both.
const STOPWATCH: &str = r#"
import json, os, statistics, subprocess, time
os.chdir("/opt/streamhub")
environment = dict(os.environ, STREAMHUB_IP_LOOKUP_URL="")
ours = ["/root/streamhub-install"]
compose = "docker compose --project-name streamhub up --detach --no-deps livekit ingress egress".split()
def seconds(command):
    start = time.monotonic()
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - start
seconds(ours), seconds(compose)
pairs = [(seconds(ours), seconds(compose)) for _ in range(10)]
print(json.dumps([statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)]))
"#;

#[test]
fn an_unchanged_rerun_takes_at_most_twice_the_time_of_compose() {
    let origin = Origin::boot("origin");
    let edge = edge("edge-1");
    edge.push(&release_program(), "/root/streamhub-install");
    edge.joined(&origin);
    let lives = edge.lives();
    let measured = edge.command(["python3", "-c", STOPWATCH]).ok();
    let [ours, compose]: [f64; 2] = serde_json::from_str(&measured).expect("two numbers");
    println!(
        "a re-run takes {:.0} ms, compose {:.0} ms: {:.2} times as long",
        ours * 1e3,
        compose * 1e3,
        ours / compose
    );
    assert_eq!(edge.lives(), lives, "neither changed anything");
    assert!(ours <= 2.0 * compose, "{ours} s against {compose} s");
}
