//! An edge that the install.sh script set up becomes this program's by a re-run, and loses nothing.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::cluster::{API_KEY, API_SECRET, API_TOKEN, Origin, TOKEN};
use crate::command::Output;
use crate::host::Host;
use crate::predecessor::{NAME, REGION, SCRIPT, predecessors_edge};
use crate::wait;

const DIR: &str = "/opt/streamhub";
const EMPTY: &str = "Plan: nothing to change";
/// What the program replaces or adds below the directory; everything else stays as it was, byte for byte.
const OURS: &[&str] = &[".env", "docker-compose.yml", "docker-compose.yml.old.2"];

/// Path → kind, mode, owner, and digest or target, of everything below a directory but [`OURS`].
fn tree(host: &Host, dir: &str) -> BTreeMap<String, String> {
    let listed = host.sh_ok(&format!(
        "cd {dir} && find . -printf '%p %y %m %u:%g %l\n' | while read -r path rest; do
            echo \"$path $rest $(test -f $path -a ! -L $path && sha256sum <$path)\"; done"
    ));
    let lines = listed.lines().filter_map(|line| line.split_once(' '));
    lines
        .map(|(path, what)| (path.trim_start_matches("./").to_owned(), what.to_owned()))
        .filter(|(path, _)| !OURS.contains(&path.as_str()))
        .collect()
}

/// What there is of a node before and after.
#[derive(Debug, PartialEq)]
struct Node {
    tree: BTreeMap<String, String>,
    /// `.env` and `heartbeat.env`, with mode and owner.
    env: String,
    beat: String,
    id: String,
}

fn with_access(host: &Host, path: &str) -> String {
    host.sh_ok(&format!("stat --format '%a %U:%G' {path}; cat {path}"))
}

impl Node {
    fn of(host: &Host, origin: &Origin, dir: &str) -> Self {
        let id = &origin.node(NAME)["id"];
        Self {
            tree: tree(host, dir),
            env: with_access(host, &format!("{dir}/.env")),
            beat: with_access(host, "/etc/streamhub/heartbeat.env"),
            id: id.as_str().expect("it has one").to_owned(),
        }
    }

    /// The same, as a take-over may leave it: with the one key that the script did not know at the end of a file that
    /// had no line end there.
    fn with_its_new_key(mut self) -> Self {
        self.env += "\nINGRESS_CPUS=1.5\n";
        self
    }
}

fn ids(host: &Host) -> String {
    host.sh_ok("docker ps --all --no-trunc --format '{{.Names}} {{.ID}}' | sort")
}

/// Every service was made anew once, and the cluster's keys are the ones in use.
#[track_caller]
fn recreated_once(host: &Host, since: &str) {
    let made = host.engine_did(since, &["create"]);
    assert_eq!(made, ["create egress", "create ingress", "create livekit"]);
    assert!(host.takes_tokens_of(API_KEY, API_SECRET));
}

#[track_caller]
fn beats_by_itself(origin: &Origin) {
    let seen = || origin.node(NAME)["last_seen_at"].clone();
    let first = seen();
    assert!(wait::until(std::time::Duration::from_secs(60), || seen() != first));
}

#[track_caller]
fn is_ours_and_stays(host: &Host, origin: &Origin) {
    assert!(!host.has(SCRIPT));
    host.sh_ok("systemctl is-active --quiet streamhub-heartbeat.timer");
    let unit = host.read("/etc/systemd/system/streamhub-heartbeat.service");
    assert!(unit.contains("streamhub-install heartbeat"), "{unit}");
    beats_by_itself(origin);
    let lives = host.lives();
    let again = host.program([""; 0]).run().expect_code(0);
    again.expect_said(&[EMPTY]);
    host.program(["status"]).run().expect_code(0);
    assert_eq!(host.lives(), lives);
}

#[test]
fn an_edge_of_the_script_is_adopted_without_a_flag_and_loses_nothing() {
    let origin = Origin::boot("origin");
    let host = predecessors_edge(&origin, DIR);
    host.write("/root/api-token", API_TOKEN, 0o600);
    // An operator has kept another one under the first name that comes to mind.
    let older = "/opt/streamhub/docker-compose.yml.old";
    host.write(older, "services: {}\n", 0o644);
    let before = Node::of(&host, &origin, DIR);
    let old_compose = host.read("/opt/streamhub/docker-compose.yml");

    // First it only shows what it has inferred and would do.
    let (disk, containers) = (host.tree(), ids(&host));
    let dry = host.program(["--dry-run"]).run().expect_code(0);
    for words in [
        format!("node name: {NAME}"),
        format!("origin's IP: {}", origin.host.ip()),
        "region: unknown".to_owned(),
        "/opt/streamhub/docker-compose.yml.old.2: the file that is replaced".to_owned(),
        format!("no file {SCRIPT}"),
        "recreate once livekit".to_owned(),
    ] {
        assert!(dry.stdout.contains(&words), "{words}: {}", dry.stdout);
    }
    assert_eq!((host.tree(), ids(&host)), (disk, containers));
    let looked = host.program(["status"]).run().expect_code(1);
    looked.expect_said(&[NAME, "drifted"]);

    let since = host.moment();
    host.program(["--api-token-file", "/root/api-token"])
        .run()
        .expect_code(0)
        .expect_said(&["joined and serving", &format!("region     {REGION}")]);
    recreated_once(&host, &since);
    assert_eq!(Node::of(&host, &origin, DIR), before.with_its_new_key());
    assert_eq!(host.read(older), "services: {}\n");
    assert_eq!(host.read(&format!("{older}.2")), old_compose);
    // The registry knew what the script had not kept, and keeps it.
    assert_eq!(origin.node(NAME)["region"], REGION);
    is_ours_and_stays(&host, &origin);
    assert_eq!(origin.node(NAME)["region"], REGION);

    // Its artefacts are recorded as ours to remove.
    let receipt: Value =
        serde_json::from_str(&host.read("/etc/streamhub/receipt.json")).expect("it is JSON");
    let entries = receipt["owned"].as_array().expect("it is a list");
    for path in [
        "/opt/streamhub",
        "/opt/streamhub/.env",
        "/etc/streamhub/heartbeat.env",
        "/etc/systemd/system/streamhub-heartbeat.service",
        "/etc/systemd/system/streamhub-heartbeat.timer",
    ] {
        assert!(
            entries
                .iter()
                .any(|e| e["path"] == path && e["created"] == true && e["pending"] == false),
            "{path}: {receipt}"
        );
    }
    assert!(!receipt.to_string().contains(TOKEN));
}

#[test]
fn an_edge_of_the_script_is_adopted_by_the_command_that_made_it_in_a_place_of_its_own() {
    let dir = "/srv/live.media";
    let origin = Origin::boot("origin");
    let host = predecessors_edge(&origin, dir);
    // compose makes a project's name of the directory's.
    let project = host.sh_ok("docker inspect --format '{{index .Config.Labels \"com.docker.compose.project\"}}' streamhub-livekit");
    assert_eq!(project, "livemedia\n");
    host.write(
        &format!("{dir}/docker-compose.override.yml"),
        "services:\n  egress:\n    labels:\n      operators.own: kept\n",
        0o644,
    );
    let before = Node::of(&host, &origin, dir);
    let url = format!("http://{}:3020", origin.host.ip());
    let join = |more: &[&str]| -> Output {
        host.join(&origin)
            .args(["--master-url", &url, "--node-name", NAME, "--dir", dir])
            .args(more)
            .run()
    };
    let since = host.moment();
    join(&["--region", REGION])
        .expect_code(0)
        .expect_said(&["compose project: livemedia"]);
    recreated_once(&host, &since);
    let mut after = Node::of(&host, &origin, dir);
    // The heartbeat has to know whose containers it tells of.
    let project = "STREAMHUB_HB_PROJECT=livemedia\n";
    assert!(after.beat.ends_with(project), "{}", after.beat);
    after.beat = after.beat.replace(project, "");
    assert!(after.tree.remove("docker-compose.yml.old").is_some());
    assert_eq!(after, before.with_its_new_key());
    assert_eq!(origin.node(NAME)["region"], REGION);
    // The operator's own layer counts, for us as for compose by hand.
    let label = host.sh_ok(
        "docker inspect --format '{{index .Config.Labels \"operators.own\"}}' streamhub-egress",
    );
    assert_eq!(label, "kept\n");
    let lives = host.lives();
    host.sh_ok(&format!(
        "cd {dir} && docker compose up --detach --no-deps livekit ingress egress 2>&1"
    ));
    assert_eq!(host.lives(), lives);
    is_ours_and_stays(&host, &origin);
    // The unit's own beat, not that of a run.
    host.sh_ok("systemctl start streamhub-heartbeat.service");
    let services = &origin.node(NAME)["stats"]["services"];
    assert_eq!(services["livekit"], "running", "{services}");
}

#[test]
fn without_a_way_to_know_the_region_it_is_said_to_be_empty_now() {
    let origin = Origin::boot("origin");
    let host = predecessors_edge(&origin, DIR);
    // The origin is away at first: the node is taken over all the same, and asked for later.
    origin.down();
    let away = host.program(["--join"]).run().expect_code(0);
    away.expect_said(&["this node keeps what it has"]);
    assert!(!host.has(SCRIPT));
    origin.up();
    assert_eq!(origin.node(NAME)["region"], REGION);
    let joined = host.program(["--join"]).run().expect_code(0);
    joined.expect_said(&[
        "this node's region is now empty",
        "streamhub-install --region",
    ]);
    assert_eq!(origin.node(NAME)["region"], Value::Null);
    let fixed = host.program(["--region", REGION]).run().expect_code(0);
    assert!(!fixed.said().contains("is now empty"), "{fixed:?}");
    assert_eq!(origin.node(NAME)["region"], REGION);
    is_ours_and_stays(&host, &origin);
}

#[test]
fn a_refused_token_leaves_a_node_of_the_script_as_it_was() {
    let origin = Origin::boot("origin");
    let host = predecessors_edge(&origin, DIR);
    let before = Node::of(&host, &origin, DIR);
    let lives = host.lives();
    host.program(["--join"])
        .env("STREAMHUB_MASTER_TOKEN", "clt_ExampleWrongToken0123456789")
        .run()
        .expect_code(5);
    assert_eq!(Node::of(&host, &origin, DIR), before);
    assert_eq!(host.lives(), lives);
    assert!(host.has(SCRIPT));
    host.sh_ok("systemctl is-active --quiet streamhub-heartbeat.timer");
    let compose = host.read("/opt/streamhub/docker-compose.yml");
    assert!(!compose.contains("Written by streamhub-install"));
}

/// A node in a directory of its own whose containers are gone or can't be asked is neither overlooked nor renamed.
#[test]
fn a_node_that_no_container_tells_of_is_not_installed_over() {
    let dir = "/srv/live.media";
    let origin = Origin::boot("origin");
    let host = predecessors_edge(&origin, dir);
    let before = Node::of(&host, &origin, dir);
    host.sh_ok(&format!(
        "cd {dir} && docker compose down 2>&1; systemctl is-active docker.service"
    ));
    let disk = host.tree();
    let refused = host.join(&origin).run().expect_code(3);
    refused.expect_said(&["its directory is not found", "pass --dir"]);
    assert_eq!(host.tree(), disk);

    // The engine starts its containers again, under the project that they have had.
    crate::predecessor::start(&host, dir);
    host.sh_ok("systemctl stop docker.socket docker.service");
    host.program(["--dir", dir]).run().expect_code(0);
    let names = host
        .sh_ok("docker ps --format '{{.Names}} {{.Label \"com.docker.compose.project\"}}' | sort");
    assert_eq!(
        names,
        "streamhub-egress livemedia\nstreamhub-ingress livemedia\nstreamhub-livekit livemedia\n"
    );
    let after = Node::of(&host, &origin, dir);
    assert_eq!(after.id, before.id);

    // Our own node by now: without its receipt it is found again as it is.
    host.sh_ok("rm /etc/streamhub/receipt.json");
    let again = host.program(["--region", REGION]).run().expect_code(0);
    again.expect_said(&["compose project: livemedia"]);
    assert_eq!(Node::of(&host, &origin, dir), after);
    is_ours_and_stays(&host, &origin);
}
