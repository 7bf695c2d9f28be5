//! What stands in the place of a good origin, as preflight finds it and as a join is refused.

use serde_json::{Value, json};
use standins::{Act, Mode, Redis, Rotation, Rule};
use streamhub_install::cli::Given;
use streamhub_install::fault::Fault;
use streamhub_install::host::Host;
use streamhub_install::register::register;
use streamhub_install::settings::Settings;
use streamhub_install::ui::{Event, Paint};

use crate::scene::{Scene, TOKEN, snapshot};

const JOIN: &str = "/api/v1/cluster/join";
const BEAT: &str = "/api/v1/cluster/heartbeat";
const HEALTH: &str = "/api/v1/health";
const DISABLED: &str = r#"{"error":"cluster joining disabled (STREAMHUB_CLUSTER_TOKEN unset)"}"#;

fn rule(path: &str, act: Value) -> Rule {
    let act: Act = serde_json::from_value(act).expect("an act");
    Rule::on(path, act)
}

fn status(path: &str, status: u16, body: &str) -> Rule {
    rule(
        path,
        json!({"act": "status", "status": status, "body": body}),
    )
}

#[test]
fn an_origin_that_can_not_be_joined_is_found_before_anything_is_changed() {
    let scene = Scene::fresh();
    let control = scene.origin.control();
    let found = |title: &str, code: i32| {
        let said = scene.join(&["--skip-check", "redis"]);
        assert_eq!(said.code, code, "{title}: {}", said.stderr);
        scene.section(title, &said)
    };
    let mut all = String::new();
    for (title, act, code) in [
        (
            "a captive portal",
            rule(HEALTH, json!({"act": "captive_portal"})),
            4,
        ),
        (
            "a redirect",
            rule(
                HEALTH,
                json!({"act": "redirect", "status": 302, "location": "https://media.example.com/"}),
            ),
            4,
        ),
        ("another program", status(HEALTH, 200, "{}"), 4),
        (
            "one that is not up",
            status(HEALTH, 200, r#"{"up":false}"#),
            4,
        ),
        (
            "a server error",
            status(HEALTH, 502, "<html>bad gateway"),
            4,
        ),
        (
            "no such page",
            status(HEALTH, 404, r#"{"message":"Not Found","statusCode":404}"#),
            4,
        ),
        (
            "half an answer",
            rule(HEALTH, json!({"act": "truncated"})),
            4,
        ),
        ("gzip", rule(HEALTH, json!({"act": "gzip"})), 4),
        ("deep JSON", rule(HEALTH, json!({"act": "deep_json"})), 4),
        ("a huge answer", rule(HEALTH, json!({"act": "huge"})), 4),
        (
            "a refused token",
            status(BEAT, 401, r#"{"error":"invalid cluster token"}"#),
            5,
        ),
        ("joining disabled", status(BEAT, 503, DISABLED), 5),
        (
            "a heartbeat that is none",
            rule(BEAT, json!({"act": "captive_portal"})),
            4,
        ),
        (
            "a redirected heartbeat",
            rule(
                BEAT,
                json!({"act": "redirect", "status": 307, "location": "http://other.example.com/"}),
            ),
            4,
        ),
    ] {
        control.behave(act);
        all += &found(title, code);
    }
    let seconds = 31_536_000;
    control.behave(Act::Skew { seconds });
    let said = scene.join(&["--skip-check", "redis"]).stderr;
    assert!(
        said.contains("[skew] this host's clock is 1 year behind"),
        "{said}"
    );
    control.behave(Act::Normal);
    control.down();
    all += &found("nobody", 4);
    snapshot("origin_findings", &all);
}

#[test]
fn a_joined_nodes_redis_is_looked_at_where_it_is() {
    let mut all = String::new();
    for (title, mode) in [
        ("one that says nothing", Mode::Silent),
        ("something else", Mode::Garbage),
        ("nobody", Mode::Open),
    ] {
        let scene = Scene::joined();
        let redis = Redis::start(mode.clone()).expect("a port is free");
        let address = redis.addr().to_string();
        let env = String::from_utf8(
            std::fs::read(scene.path("opt/streamhub/.env")).expect("it is there"),
        );
        let env = env.expect("it is text").replace("127.0.0.1:1", &address);
        scene.write("opt/streamhub/.env", env);
        let _gone = (mode != Mode::Open).then_some(redis);
        let said = scene.run(
            &[
                "--dry-run",
                "--skip-check",
                crate::scene::MACHINES_OWN,
                "--skip-check",
                "files,dir",
            ],
            &[("STREAMHUB_DOCKER_SOURCE", "distro")],
        );
        let text = scene.section(title, &said).replace(&address, "<redis>");
        // What follows preflight is not what this is about.
        all += text.split("error:").next().expect("there is a first part");
    }
    snapshot("redis_findings", &all);
}

/// What a join by these flags is told, as the program prints it.
fn refused(scene: &Scene, more: &[&str]) -> String {
    let url = scene.origin.url();
    let mut args = vec![
        "streamhub-install",
        "--join",
        "--master-ip",
        "127.0.0.1",
        "--master-url",
        &url,
    ];
    // Nobody is asked for the address.
    args.extend([
        "--master-token",
        TOKEN,
        "--node-name",
        "edge-1",
        "--node-ip",
        "10.0.0.7",
    ]);
    args.extend(more);
    let host = Host::new(scene.root.path());
    let settings = Settings::resolve(&Given::parse(args).expect("it is right"), &host);
    let settings = settings.expect("they are right");
    let edge = settings.edge().expect("it is asked to join");
    let error = register(&settings, edge).expect_err("it is refused");
    let fault = Fault::of(&error);
    let text = Event::of_fault(&fault).text(Paint(false));
    scene.settle(&format!("exit {}\n{text}\n\n", fault.exit.code()))
}

#[test]
fn a_join_that_is_refused_says_why_and_what_to_do() {
    let scene = Scene::fresh();
    let control = scene.origin.control();
    let redis = Redis::start(Mode::password("ExampleRedisPassword")).expect("a port is free");
    let at = |password: &str| format!("redis://:{password}@{}", redis.addr());
    let redis_url = |url: String| Rotation {
        redis_url: Some(Some(url)),
        ..Rotation::default()
    };
    control.rotate(redis_url(at("ExampleRedisPassword")));
    let set = |field: &str, value: Value| {
        rule(JOIN, json!({"act": "join_fields", "set": {field: value}}))
    };
    let mut all = String::new();
    let mut add = |title: &str, text: String| all += &format!("# {title}\n{text}");
    for (title, act) in [
        (
            "a bad request",
            status(
                JOIN,
                400,
                r#"{"message":["name must be a string","ip must be an ip address"],"error":"Bad Request","statusCode":400}"#,
            ),
        ),
        (
            "a refused token",
            status(JOIN, 401, r#"{"error":"invalid cluster token"}"#),
        ),
        ("joining disabled", status(JOIN, 503, DISABLED)),
        (
            "a redirect",
            rule(
                JOIN,
                json!({"act": "redirect", "status": 307, "location": "http://other.example.com/"}),
            ),
        ),
        ("HTML", rule(JOIN, json!({"act": "captive_portal"}))),
        (
            "a huge answer",
            rule(JOIN, json!({"act": "huge", "chunked": true})),
        ),
        ("deep JSON", rule(JOIN, json!({"act": "deep_json"}))),
        (
            "no node id",
            rule(JOIN, json!({"act": "join_fields", "remove": ["nodeId"]})),
        ),
        ("a node id with a slash", set("nodeId", json!("../../x"))),
        ("a key that is a number", set("livekit.apiKey", json!(7))),
        (
            "a secret with a newline",
            set("livekit.apiSecret", json!("Example\nx: y")),
        ),
        (
            "a secret with a quote",
            set("livekit.apiSecret", json!("Example'x")),
        ),
        ("an empty secret", set("livekit.apiSecret", json!(""))),
        (
            "another scheme",
            set("redisUrl", json!("http://10.0.0.10:6379")),
        ),
        ("no URL", set("redisUrl", json!("10.0.0.10"))),
        (
            "a database that is none",
            set("redisUrl", json!("redis://10.0.0.10:6379/x")),
        ),
        (
            "a password with a newline",
            set("redisUrl", json!("redis://:Example%0Ax@10.0.0.10:6379")),
        ),
    ] {
        control.behave(act);
        add(title, refused(&scene, &[]));
    }
    control.behave(Act::Normal);
    let named = |text: String| text.replace(&redis.addr().to_string(), "<redis>");
    control.rotate(redis_url(at("ExampleWrong")));
    add(
        "a redis that refuses the origin's own password",
        named(refused(&scene, &[])),
    );
    control.rotate(redis_url(format!("redis://{}", redis.addr())));
    add("a redis that wants a password", named(refused(&scene, &[])));
    redis.restart(Mode::Garbage);
    add(
        "something else in redis's place",
        named(refused(&scene, &[])),
    );
    control.down();
    add("nobody, again and again", refused(&scene, &[]));
    assert!(
        !all.contains("ExampleWrong") && !all.contains(TOKEN),
        "{all}"
    );
    snapshot("join_refusals", &all);
}
