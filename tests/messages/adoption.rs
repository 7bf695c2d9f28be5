//! What is said of a node that the install.sh script set up, before anything of it is touched.

use crate::scene::{Scene, TOKEN, snapshot};

const EDGE: &str = include_str!("../../fixtures/predecessor/edge.env");
const ORIGIN: &str = include_str!("../../fixtures/predecessor/origin.env");
const SKIPPED: &[&str] = &[
    "--dry-run",
    "--docker-source",
    "distro",
    "--skip-check",
    "disk,size,ports",
];

/// A host as the script left it, with this `.env`.
fn left(env: &str, node_id: &str) -> Scene {
    let scene = Scene::fresh();
    scene.write("opt/streamhub/.env", env);
    scene.write(
        "etc/streamhub/heartbeat.env",
        format!(
            "STREAMHUB_HB_URL={}\nSTREAMHUB_HB_TOKEN={TOKEN}\nSTREAMHUB_HB_NODE_ID={node_id}\n",
            scene.origin.url()
        ),
    );
    scene.write("usr/local/bin/streamhub-heartbeat.sh", "#!/bin/sh\n");
    // What an operator has written into it is for nobody to see.
    scene.write(
        "opt/streamhub/docker-compose.yml",
        "x-own: ExamplePasswordOfMine\n",
    );
    scene
}

fn edge() -> Scene {
    left(
        &EDGE.replace("10.0.0.10", "127.0.0.1"),
        "948762be-0d74-4779-a3e7-7182dcdaf7b4",
    )
}

#[test]
fn what_is_inferred_and_what_is_refused_is_said_before_anything_is_changed() {
    let mut all = String::new();
    let mut add = |scene: &Scene, title: &str, code: i32, args: &[&str]| {
        let said = scene.run(&[args, SKIPPED].concat(), &[]);
        assert_eq!(said.code, code, "{title}: {}{}", said.stdout, said.stderr);
        assert!(!said.stderr.contains("Example"), "{}", said.stderr);
        all += &scene.section(title, &said);
    };
    add(&edge(), "an edge as an origin", 2, &["--standalone"]);
    add(
        &edge(),
        "another directory",
        2,
        &["--dir", "/srv/streamhub"],
    );
    let scene = edge();
    scene.write(
        "opt/streamhub/.env",
        EDGE.replace("join-edge-ams-1", "media.example.com"),
    );
    add(&scene, "a name that is gone", 2, &[]);
    let scene = edge();
    std::fs::remove_file(scene.path("opt/streamhub/.env")).expect("it is there");
    add(&scene, "a directory that nothing tells", 3, &[]);
    // With all that a first join takes, it would overwrite what is left of the node.
    let first = [
        "--join",
        "--master-ip",
        "127.0.0.1",
        "--master-token",
        TOKEN,
    ];
    add(
        &scene,
        "a first join over what is left of a node",
        3,
        &first,
    );
    let origin = left(ORIGIN, "origin");
    add(&origin, "an origin", 1, &[]);
    add(&origin, "an origin as an edge", 2, &["--join"]);
    snapshot("adoption", &all);
}

#[test]
fn the_plan_shows_what_is_inferred() {
    let scene = edge();
    scene.stub("stubs/systemctl", "ActiveState=inactive");
    for args in [SKIPPED.to_vec(), [&["--join"], SKIPPED].concat()] {
        let said = scene.run(&args, &[]);
        assert_eq!(said.code, 0, "{}", said.stderr);
        let adoption = said.stdout.split("\n  +").nth(1).expect("it is planned");
        snapshot("adoption_plan", &scene.settle(adoption));
        assert!(!said.stdout.contains("Example"), "{}", said.stdout);
    }
}
