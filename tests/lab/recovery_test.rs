//! What is lost and got back as the guide says: an origin on another host from its `.env` and `data/`, and an edge.

use crate::cluster::edge;
use crate::images::CORE;
use crate::origin_host::{GENERATED, as_origin, origin_host};

const DIR: &str = "/opt/streamhub";

#[test]
fn an_origin_and_an_edge_come_back_on_other_hosts() {
    let first = origin_host("origin");
    let ip = first.ip().to_string();
    let install = |ip: &str| {
        let flags = ["--domain", ip, "--core-image", CORE, "--non-interactive"];
        let bind = ["--cluster-redis-bind", ip];
        flags
            .into_iter()
            .chain(bind)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    first.program(install(&ip)).run().expect_code(0);
    let far = edge("edge-1");
    far.write(
        "/root/join-token",
        first.setting(DIR, "STREAMHUB_CLUSTER_TOKEN"),
        0o600,
    );
    far.program(["--join", "--master-ip", &ip])
        .args(["--master-token-file", "/root/join-token"])
        .run()
        .expect_code(0);
    let origin = as_origin(first);
    let id = origin.node("edge-1")["id"].clone();
    let mut first = origin.host;
    let secrets: Vec<String> = GENERATED
        .iter()
        .map(|key| first.setting(DIR, key))
        .collect();
    let backup = first.sh_ok(
        "cd /opt/streamhub && docker compose stop core >/dev/null 2>&1
         tar --create --gzip --directory /opt/streamhub .env data | base64 --wrap=0",
    );
    first.kill();

    let second = origin_host("origin-2");
    let ip = second.ip().to_string();
    second.write("/root/backup", backup, 0o600);
    second.sh_ok(
        "mkdir --mode 755 /opt/streamhub
         base64 --decode /root/backup >/root/backup.tar.gz
         tar --extract --gzip --file /root/backup.tar.gz --directory /opt/streamhub --same-owner",
    );
    // Without a word about redis's new address, nobody is sent to the old one.
    let plain = ["--core-image", CORE, "--non-interactive"];
    second
        .program(plain)
        .run()
        .expect_code(3)
        .expect_said(&["REDIS_BIND", "no address of this host"]);
    second.program(install(&ip)).run().expect_code(0);
    let unchanged = |host: &crate::host::Host| {
        let again = host.program::<&str>([]).run().expect_code(0);
        again.expect_said(&["nothing to change"]);
    };
    unchanged(&second);
    let now: Vec<String> = GENERATED
        .iter()
        .map(|key| second.setting(DIR, key))
        .collect();
    assert!(now == secrets, "a secret is another one");
    let nodes = second.program(["nodes", "list"]).run().expect_code(0);
    nodes.expect_said(&["edge-1"]);
    // The edge finds it at its new address; its token still counts, and so does its row.
    far.program(["--master-ip", &ip]).run().expect_code(0);
    let origin = as_origin(second);
    let node = origin.node("edge-1");
    assert_eq!((&node["id"], &node["status"]), (&id, &"active".into()));
    assert!(far.setting(DIR, "REDIS_URL").contains(&ip));
    far.program(["status"]).run().expect_code(0);

    // A lost edge, joined anew under its name, has its row.
    drop(far);
    let new = edge("edge-new");
    let token = origin.host.setting(DIR, "STREAMHUB_CLUSTER_TOKEN");
    new.program(["--join", "--master-ip", &ip, "--node-name", "edge-1"])
        .env("STREAMHUB_MASTER_TOKEN", &token)
        .run()
        .expect_code(0)
        .expect_said(&["edge-1"]);
    let node = origin.node("edge-1");
    assert_eq!(node["id"], id);
    let address = new.ip().to_string();
    assert!(node.to_string().contains(&address), "{node}");

    // Taken away and set up anew without flags, it is for its edges what `.env` says, and stays so.
    let host = origin.host;
    let offered = host.setting(DIR, "STREAMHUB_CLUSTER_REDIS_URL");
    host.program(["uninstall", "--keep-data", "--yes"])
        .run()
        .expect_code(0);
    host.program(plain).run().expect_code(0);
    unchanged(&host);
    assert_eq!(host.setting(DIR, "STREAMHUB_CLUSTER_REDIS_URL"), offered);
    new.program::<&str>([])
        .run()
        .expect_code(0)
        .expect_said(&["nothing to change"]);
}
