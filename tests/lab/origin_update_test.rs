//! An origin built from source, and `update`.

use crate::host::Host;
use crate::images;
use crate::origin_host::origin_host;
use crate::registry::Registry;
use crate::source::Source;

#[test]
fn an_update_brings_newer_code_and_images_and_a_plain_run_never_does() {
    let elsewhere = Host::named("source").with_origin_packages().boot();
    let source = Source::serve(&elsewhere);
    let host = origin_host("origin");
    let ip = host.ip().to_string();
    let run = |args: &[&str]| source.given_to(host.program(args.iter().copied())).run();
    run(&["--domain", &ip, "--non-interactive"]).expect_code(0);
    let version = || host.sh_ok("curl -sf http://127.0.0.1:3020/api/v1/health");
    assert!(version().contains("0.1.0"), "{}", version());
    host.write("/opt/streamhub/mine.local", "mine", 0o600);
    host.write("/opt/streamhub/notes.txt", "mine", 0o600);

    source.publish("0.2.0");
    let asked = source.requests().len();
    let lives = host.lives();
    run(&[]).expect_code(0).expect_said(&["nothing to change"]);
    assert_eq!(source.requests().len(), asked, "a plain run asks nobody");
    assert_eq!(host.lives(), lives);

    // Where the source comes from, the first run was told.
    let update = |args: &[&str]| host.program(["update"].iter().chain(args)).run();
    update(&["--dry-run"])
        .expect_code(0)
        .expect_said(&["source"]);
    assert_eq!(host.lives(), lives);
    assert!(version().contains("0.1.0"));
    let since = host.moment();
    let output = update(&[]).expect_code(0);
    assert!(
        version().contains("0.2.0"),
        "{}\n{}",
        version(),
        output.said()
    );
    let made = host.engine_did(&since, &["create"]);
    for service in ["core", "egress", "ingress", "livekit", "redis"] {
        let create = format!("create {service}");
        assert!(
            made.iter().filter(|did| **did == create).count() <= 1,
            "{made:?}"
        );
    }
    host.sh_ok("cd /opt/streamhub && test -e mine.local && test -e notes.txt && test -e server/only-in-0.2.0.js && ! test -e server/only-in-0.1.0.js");

    // A newer image of one service: that one is recreated.
    let registry_host = Host::named("registry").with_docker().boot();
    let registry = Registry::serve(&registry_host);
    registry.stands_in_at(&host);
    for image in images::origin() {
        let is_livekit = image.reference().starts_with("livekit/livekit-server");
        registry.publish(&if is_livekit {
            image.with_change("LABEL lab=newer")
        } else {
            image
        });
    }
    let since = host.moment();
    update(&[]).expect_code(0);
    let made = host.engine_did(&since, &["create"]);
    assert!(made.contains(&"create livekit".to_owned()), "{made:?}");
    assert!(
        made.iter().filter(|did| **did == "create livekit").count() == 1,
        "{made:?}"
    );
    let lives = host.lives();
    update(&[]).expect_code(0);
    assert_eq!(host.lives(), lives, "nothing is newer than the newest");
}

#[test]
fn what_stands_in_an_origins_way_ends_in_time_and_says_so() {
    let elsewhere = Host::named("source").with_origin_packages().boot();
    let source = Source::serve(&elsewhere);
    let host = origin_host("origin");
    let ip = host.ip().to_string();
    let install = |more: &[&str]| {
        let args = ["--domain", &ip, "--non-interactive"];
        source.given_to(host.program(args.iter().chain(more).copied()))
    };
    // A stranger on port 80, and nginx's own sites elsewhere.
    host.sh_ok("systemctl stop nginx; systemd-run --quiet --unit=stranger python3 -m http.server 80; until ss -ltn | grep -q ':80 '; do sleep 0.05; done");
    install(&[])
        .run()
        .expect_code(3)
        .expect_said(&["80/tcp", "stranger.service"]);
    host.sh_ok("systemctl stop stranger");

    let wrong = "0".repeat(64);
    let output = install(&[])
        .env("STREAMHUB_SRC_SHA256", &wrong)
        .run()
        .expect_code(1);
    output.expect_said(&[&wrong, &source.tarball_sha256()]);
    assert_ne!(host.sh("test -e /opt/streamhub/docker-compose.yml").code, 0);

    // nginx was stopped: it is started, and an operator's site goes on.
    host.write(
        "/etc/nginx/sites-enabled/own",
        "server { listen 8888; return 200 own; }\n",
        0o644,
    );
    install(&[]).run().expect_code(0);
    assert_eq!(host.status_of("http://127.0.0.1:8888/", &[]), "200");
    assert_eq!(
        host.status_of(&format!("http://{ip}/api/v1/health"), &[]),
        "200"
    );

    source.down();
    let lives = host.lives();
    host.program(["update"]).run().expect_code(1);
    assert_eq!(host.lives(), lives);
}

#[test]
fn a_core_that_never_becomes_healthy_is_told_with_its_log() {
    let sick = images::core(images::CORE).with_change("ENV STANDIN_HEALTH=never");
    let images = [images::livekit(), vec![images::redis(), sick]].concat();
    let host = crate::origin_host::origin_host_with("origin", images);
    let ip = host.ip().to_string();
    let output = host
        .program([
            "--domain",
            &ip,
            "--core-image",
            images::CORE,
            "--non-interactive",
        ])
        .within(std::time::Duration::from_secs(400))
        .run()
        .expect_code(6);
    output.expect_said(&["the core does not become healthy", "streamhub-core's log"]);
}
