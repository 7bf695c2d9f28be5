//! What a node's own commands say when its files or its origin are not what they were.

use standins::Act;

use crate::scene::{Scene, TOKEN, snapshot};

#[test]
fn a_heartbeat_says_in_plain_words_what_became_of_it() {
    let scene = Scene::joined();
    let control = scene.origin.control();
    let beat = || scene.run(&["heartbeat"], &[]);
    let mut all = String::new();
    let mut add = |title: &str| {
        let said = beat();
        assert_ne!(said.code, 0, "{title}");
        assert!(!said.stderr.contains(TOKEN), "{}", said.stderr);
        all += &scene.section(title, &said);
    };
    add("the operator removed the node");
    control.rotate(standins::Rotation {
        token: Some(Some("clt_ExampleOther".to_owned())),
        ..Default::default()
    });
    add("another token");
    control.behave(Act::CaptivePortal);
    add("a captive portal");
    control.down();
    add("nobody");
    scene.write(
        "etc/streamhub/heartbeat.env",
        "STREAMHUB_HB_URL=http://127.0.0.1:1\n",
    );
    add("no token");
    scene.write("etc/streamhub/heartbeat.env", "STREAMHUB_HB_URL='\n");
    add("a damaged file");
    std::fs::remove_file(scene.path("etc/streamhub/heartbeat.env")).expect("it is there");
    add("not joined");
    snapshot("heartbeat", &all);
}

#[test]
fn files_that_were_changed_are_named_with_their_line() {
    let run = |scene: &Scene, title: &str| {
        let said = scene.run(&["--dry-run"], &[]);
        assert_ne!(said.code, 0, "{title}: {}", said.stdout);
        scene.section(title, &said)
    };
    let mut all = String::new();
    let good =
        std::fs::read_to_string(Scene::joined().path("opt/streamhub/.env")).expect("it is there");
    for (title, text) in [
        ("a NUL", good.replace("Example", "Exa\0mple").into_bytes()),
        ("no UTF-8", [good.as_bytes(), b"A=\xff\n"].concat()),
        ("an open quote", format!("{good}A='b\n").into_bytes()),
        ("after a quote", format!("{good}A='b'c\n").into_bytes()),
        ("prose", format!("{good}what is this\n").into_bytes()),
        (
            "a substitution",
            good.replace("ExampleSecret", "${SECRET:?}").into_bytes(),
        ),
        (
            "a secret that can't be one",
            good.replace("ExampleSecret", "\"Example Secret\"")
                .into_bytes(),
        ),
        (
            "a redis that is none",
            good.replace("redis://", "http://").into_bytes(),
        ),
    ] {
        let scene = Scene::joined();
        scene.write("opt/streamhub/.env", text);
        all += &run(&scene, title);
    }
    let scene = Scene::joined();
    scene.write("etc/streamhub/heartbeat.env", "STREAMHUB_HB_TOKEN\0");
    all += &run(&scene, "a NUL in heartbeat.env");
    snapshot("changed_files", &all);
}

#[test]
fn the_other_role_and_another_place_are_refused() {
    let scene = Scene::joined();
    let mut all = String::new();
    for args in [
        vec!["--standalone"],
        vec!["--domain", "media.example.com"],
        vec!["--admin-pass", "ExamplePassword"],
        vec!["--dir", "/srv/streamhub"],
    ] {
        let said = scene.run(&args, &[]);
        assert_eq!(said.code, 2, "{args:?}: {}", said.stderr);
        all += &scene.section(&args[..1].join(" "), &said);
    }
    // A flag that install.sh has moved into the environment is one all the same; a variable is only mentioned.
    let moved = [
        ("ADMIN_PASS", "ExamplePassword"),
        ("STREAMHUB_GIVEN_BY_FLAG", "admin_pass,smtp_pass"),
    ];
    let said = scene.run(&[], &moved);
    assert_eq!(said.code, 2, "{}", said.stderr);
    let words = "--admin-pass belongs to an origin, and this host is an edge";
    assert!(said.stderr.contains(words), "{}", said.stderr);
    let said = scene.run(&["--dry-run"], &moved[..1]);
    assert!(
        said.stdout.contains("note: --admin-pass"),
        "{}",
        said.stderr
    );
    // On an origin the edge's variable is refused, and its flag too.
    let receipt = scene.path("etc/streamhub/receipt.json");
    let text = std::fs::read_to_string(&receipt).expect("it is there");
    scene.write(
        "etc/streamhub/receipt.json",
        text.replace("\"edge\"", "\"origin\""),
    );
    all += &scene.section(
        "STREAMHUB_JOIN on an origin",
        &scene.run(&[], &[("STREAMHUB_JOIN", "1")]),
    );
    all += &scene.section("--join on an origin", &scene.run(&["--join"], &[]));
    let args = ["--standalone", "--domain", "localhost", "--dry-run"];
    let overridden = scene.run(&args, &[("STREAMHUB_JOIN", "1")]);
    // Another code is preflight's: the variable was no reason to refuse it.
    assert_ne!(overridden.code, 2, "{}", overridden.stderr);
    assert!(
        !overridden.stderr.contains("STREAMHUB_JOIN"),
        "{}",
        overridden.stderr
    );
    snapshot("fences", &all);
}

#[test]
fn status_of_a_host_that_is_no_node_says_so() {
    let scene = Scene::fresh();
    let mut all = scene.section("a fresh host", &scene.run(&["status"], &[]));
    let joined = Scene::joined();
    std::fs::remove_file(joined.path("opt/streamhub/.env")).expect("it is there");
    all += &joined.section("a join that was cut off", &joined.run(&["status"], &[]));
    snapshot("status", &all);
}
