//! The support bundle, searched as a stranger would.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::scene::{Scene, TOKEN};

/// Every file of an archive, by name.
fn unpacked(path: &std::path::Path) -> Vec<(String, String)> {
    let file = std::fs::File::open(path).expect("it was written");
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
    let entries = archive.entries().expect("it is an archive");
    entries
        .map(|entry| {
            let mut entry = entry.expect("it is whole");
            assert_eq!(entry.header().mode().expect("it has one"), 0o600);
            let name = entry.path().expect("it is text").display().to_string();
            let mut text = String::new();
            entry.read_to_string(&mut text).expect("it is text");
            (name, text)
        })
        .collect()
}

#[test]
fn a_bundle_tells_of_the_node_and_holds_no_secret_in_any_form() {
    let scene = Scene::joined();
    let secrets = [
        TOKEN,
        "APIExample",
        "ExampleSecret",
        "ExamplePassword",
        "Example/Own+1",
    ];
    let env = std::fs::read_to_string(scene.path("opt/streamhub/.env")).expect("it is there");
    scene.write(
        "opt/streamhub/.env",
        format!("{env}MY_OWN='Example/Own+1'\nLOG_LEVEL=info\n"),
    );
    // A log in which everything went wrong.
    let mut log = String::new();
    for secret in secrets {
        log += &format!("plain {secret}\n");
        log += &format!(
            "url redis://:{}@10.0.0.1\n",
            secret.replace('/', "%2F").replace('+', "%2B")
        );
        log += &format!("basic {}\n", STANDARD.encode(format!("operator:{secret}")));
        log += &format!(
            "json {}\n",
            serde_json::json!({ "value": format!("\"{secret}\"") })
        );
    }
    scene.write("var/log/streamhub-install.log", &log);
    scene.script("stubs/tail", r#"exec /usr/bin/tail "$@""#);
    let said = scene.run(&["support-bundle", "--output", "/opt/bundle.tar.gz"], &[]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let path = scene.path("opt/bundle.tar.gz");
    let mode = std::fs::metadata(&path)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o7777, 0o600);
    let files = unpacked(&path);
    let of = |name: &str| {
        let wanted = format!("streamhub-support/{name}");
        let found = files.iter().find(|(name, _)| *name == wanted);
        found
            .map(|(_, text)| text.as_str())
            .unwrap_or_else(|| panic!("{name} is missing: {files:#?}"))
    };
    for (name, words) in [
        (
            "versions",
            concat!("streamhub-install ", env!("CARGO_PKG_VERSION")),
        ),
        ("os-release", "VERSION_CODENAME=noble"),
        ("receipt.json", "\"role\":\"edge\""),
        ("env", "MY_OWN=(secret)\nLOG_LEVEL=info\n"),
        (
            "heartbeat.env",
            "STREAMHUB_HB_TOKEN=(secret)\nSTREAMHUB_HB_NODE_ID=node-1\n",
        ),
        ("plan", "/opt/streamhub/.env"),
        ("doctor", "[redis]"),
        (
            "install.log",
            "plain (secret)\nurl redis://:(secret)@10.0.0.1\nbasic ",
        ),
        ("docker/ps", "docker"),
    ] {
        assert!(of(name).contains(words), "{name}: {}", of(name));
    }
    for (name, text) in &files {
        for secret in secrets {
            let tail = STANDARD.encode(format!("operator:{secret}"));
            let percent = secret.replace('/', "%2F").replace('+', "%2B");
            for form in [secret, &percent, &tail] {
                assert!(!text.contains(form), "{form} is in {name}:\n{text}");
            }
        }
    }
    // Never over what is there.
    let again = scene.run(&["support-bundle", "--output", "/opt/bundle.tar.gz"], &[]);
    assert_eq!(again.code, 1, "{}", again.stdout);
    assert!(
        again.stderr.contains("creating /opt/bundle.tar.gz"),
        "{}",
        again.stderr
    );
}
