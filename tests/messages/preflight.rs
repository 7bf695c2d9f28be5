//! What is found on a host, as far as a directory can stand for one.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use serde_json::{Value, json};

use crate::scene::{MACHINES_OWN, Scene, snapshot};

type Spoil = fn(&Scene);

const CASES: &[(&str, Spoil)] = &[
    ("Ubuntu 22.04", |s| {
        s.write(
            "etc/os-release",
            "ID=ubuntu\nVERSION_ID=\"22.04\"\nPRETTY_NAME=\"Ubuntu 22.04.5 LTS\"\n",
        );
    }),
    ("Debian", |s| {
        s.write(
            "etc/os-release",
            "PRETTY_NAME='Debian GNU/Linux 13 (trixie)'\nID=debian\n",
        );
    }),
    ("no names", |s| s.write("etc/os-release", "<html>\n")),
    ("no text", |s| s.write("etc/os-release", b"ID=\xff\n")),
    ("no os-release", |s| {
        fs::remove_file(s.path("etc/os-release")).expect("it is there")
    }),
    ("no systemd", |s| {
        fs::remove_dir(s.path("run/systemd/system")).expect("it is there")
    }),
    ("an old compose", |s| {
        s.stub("stubs/docker", "");
        s.stub("usr/libexec/docker/cli-plugins/docker-compose", "v2.20.0");
    }),
    ("a compose without a version", |s| {
        s.stub("stubs/docker", "");
        s.stub("usr/libexec/docker/cli-plugins/docker-compose", "dev");
    }),
    ("a stranger's directory", |s| {
        s.write("opt/streamhub/notes.txt", "mine")
    }),
    ("a file for a directory", |s| {
        s.write("opt/streamhub", "mine")
    }),
    ("a symlink for a directory", |s| {
        symlink("/srv", s.path("opt/streamhub")).expect("it is free")
    }),
    ("a world-writable directory", |s| {
        fs::create_dir(s.path("opt/streamhub")).expect("it is free");
        open_to_all(s, "opt/streamhub");
    }),
    ("a world-writable directory above", |s| {
        fs::create_dir(s.path("opt/streamhub")).expect("it is free");
        open_to_all(s, "opt");
    }),
    ("a unit that is a directory", |s| {
        fs::create_dir(s.path("etc/systemd/system/streamhub-heartbeat.timer")).expect("it is free");
    }),
    ("a unit that is a symlink", |s| {
        symlink(
            "/etc/shadow",
            s.path("etc/systemd/system/streamhub-heartbeat.timer"),
        )
        .expect("it is free");
    }),
    ("an origin's compose layer", |s| {
        s.write("opt/streamhub/.env", "STREAMHUB_DOMAIN=join-edge-1\n");
        s.write(
            "opt/streamhub/docker-compose.override.yml",
            "services:\n  core:\n    environment: {A: b}\n  redis: {restart: always}\n  \
             livekit: {cpus: 2}\n  own: {image: example}\n",
        );
    }),
    ("a damaged receipt", |s| {
        s.write("etc/streamhub/receipt.json", "{\"version\":1,")
    }),
    ("a receipt of a newer version", |s| {
        s.write("etc/streamhub/receipt.json", "{\"version\":2}")
    }),
    ("a receipt that is huge", |s| {
        s.write("etc/streamhub/receipt.json", vec![b' '; 1 << 21])
    }),
];

fn open_to_all(scene: &Scene, path: &str) {
    let mode = fs::Permissions::from_mode(0o777);
    fs::set_permissions(scene.path(path), mode).expect("it is ours");
}

#[test]
fn each_finding_says_what_was_found_and_how_to_mend_it() {
    let mut all = String::new();
    for (title, spoil) in CASES {
        let scene = Scene::fresh();
        spoil(&scene);
        // The origin's redis is not what this is about.
        let said = scene.join(&["--skip-check", "redis"]);
        if *title != "a compose without a version" {
            assert_eq!(said.code, 3, "{title}: {}", said.stderr);
        }
        all += &scene.section(title, &said);
    }
    let scene = Scene::fresh();
    let said = scene.join(&["--skip-check", "redis", "--docker-source", "none"]);
    all += &scene.section("no Docker, and none wanted", &said);
    snapshot("preflight", &all);
}

#[test]
fn a_compose_plugin_is_not_asked_again_until_its_file_changes() {
    let plugin = "usr/libexec/docker/cli-plugins/docker-compose";
    let scene = Scene::joined();
    scene.stub("stubs/docker", "");
    scene.stub(plugin, "v2.20.0");
    let told = |changed: i64| {
        let receipt = fs::read(scene.path("etc/streamhub/receipt.json")).expect("it has joined");
        let mut receipt: Value = serde_json::from_slice(&receipt).expect("it is JSON");
        receipt["compose"] =
            json!({"path": scene.path(plugin), "changed": changed, "version": [2, 40, 3]});
        scene.write("etc/streamhub/receipt.json", receipt.to_string());
    };
    let is_refused = || {
        let skip = format!("root,{MACHINES_OWN}");
        let said = scene.run(&["--dry-run", "--skip-check", &skip], &[]).stderr;
        said.contains("docker compose is 2.20.0")
    };
    assert!(is_refused());
    let metadata = fs::metadata(scene.path(plugin)).expect("it is there");
    let changed = metadata.ctime() * 1_000_000_000 + metadata.ctime_nsec();
    told(changed);
    assert!(!is_refused(), "this very file has told that it is newer");
    told(changed - 1);
    assert!(is_refused());

    told(changed);
    scene.stub(plugin, "v2.20.0");
    assert!(is_refused(), "the same text, and another file");
}
