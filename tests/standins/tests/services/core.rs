//! The program that is `node` in the core's image, from outside.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::program::{Dir, Running, free_port};
use standins::{Mode, Redis, http, jwt};

const KEY: &str = "APIexamplekey01";
const SECRET: &str = "ExampleLiveKitSecretOf40CharactersLong00";
const TOKEN: &str = "clt_exampletoken";
const API_TOKEN: &str = "sk_exampletoken";

/// A directory that looks like the image's /app, with the data directory in it.
fn app() -> Dir {
    let dir = Dir::new();
    for sub in ["dist", "deploy", "data"] {
        fs::create_dir(dir.path().join(sub)).unwrap();
    }
    dir.file("dist/main.js", "");
    dir.file("deploy/seed-token.js", "");
    dir.file("package.json", r#"{"version": "0.2.0"}"#);
    dir
}

fn node(dir: &Dir, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_node"));
    command.args(args).current_dir(dir.path()).env_clear();
    command.env("DATA_DIR", dir.path().join("data"));
    command
}

fn core(dir: &Dir, port: u16, redis_url: &str) -> Command {
    let mut command = node(dir, &["dist/main.js"]);
    command
        .env("PORT", port.to_string())
        .env("LIVEKIT_API_KEY", KEY)
        .env("LIVEKIT_API_SECRET", SECRET)
        .env("STREAMHUB_JWT_SECRET", "Example")
        .env("PUBLIC_WS_URL", "wss://media.example.com")
        .env("STREAMHUB_CLUSTER_TOKEN", TOKEN)
        .env("METRICS_TOKEN", "mtk_example")
        .env("REDIS_URL", redis_url);
    command
}

fn seed(dir: &Dir, token: &str) -> String {
    let mut command = node(dir, &["deploy/seed-token.js", "-", "bootstrap"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(token.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

fn ask(port: u16, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
    let answer = http::send(("127.0.0.1", port), method, path, headers, body.as_bytes());
    let answer = answer.unwrap();
    (answer.status, String::from_utf8(answer.body).unwrap())
}

fn nodes(port: u16, token: &str) -> (u16, Value) {
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", bearer.as_str())];
    let (status, body) = ask(port, "GET", "/api/v1/cluster/nodes", &headers, "");
    (status, serde_json::from_str(&body).unwrap())
}

#[test]
fn a_core_is_what_its_environment_says_and_keeps_what_it_knows() {
    let dir = app();
    let port = free_port();
    let redis = Redis::start(Mode::password("ExamplePassword")).unwrap();
    let running = Running::start(&mut core(&dir, port, &redis.url()));
    running.says("core 0.2.0 on");

    let (status, health) = ask(port, "GET", "/api/v1/health", &[], "");
    assert!(status == 200 && health.contains(r#""version":"0.2.0""#));
    assert!(ask(port, "GET", "/", &[], "").1.contains("StreamHub 0.2.0"));
    assert_eq!(ask(port, "GET", "/metrics", &[], "").0, 401);
    let scrape = [("Authorization", "Bearer mtk_example")];
    assert_eq!(ask(port, "GET", "/metrics", &scrape, "").0, 200);
    let signed = jwt::token(KEY, SECRET);
    for (token, status) in [(&*signed, 200), ("nonsense", 401)] {
        let headers = [("Authorization", token)];
        let hook = ask(port, "POST", "/api/v1/webhooks/livekit", &headers, "{}");
        assert_eq!(hook.0, status);
    }

    // No redis was named for edges, so none is told.
    let headers = [
        ("X-Cluster-Token", TOKEN),
        ("Content-Type", "application/json"),
    ];
    let wanted = json!({ "name": "edge-1", "ip": "203.0.113.10" }).to_string();
    let (status, joined) = ask(port, "POST", "/api/v1/cluster/join", &headers, &wanted);
    assert!(
        status == 201 && joined.contains(r#""redisUrl":null"#),
        "{joined}"
    );
    assert!(joined.contains(SECRET), "{joined}");

    assert_eq!(nodes(port, API_TOKEN).0, 401);
    assert!(seed(&dir, &format!("{API_TOKEN}\n")).contains("seeded"));
    assert!(seed(&dir, "sk_another").contains("exists already"));
    assert_eq!(nodes(port, "sk_another").0, 401);
    let (_, before) = nodes(port, API_TOKEN);
    running.terminate();
    assert_eq!(running.end().0, 0);

    let running = Running::start(&mut core(&dir, port, &redis.url()));
    running.says("core 0.2.0 on");
    let (_, after) = nodes(port, API_TOKEN);
    assert_eq!(after["data"][1], before["data"][1]);
    assert_eq!(after["data"][1]["name"], "edge-1");
}

#[test]
fn a_core_is_unhealthy_without_its_redis_or_when_told_so() {
    let dir = app();
    let port = free_port();
    let redis = Redis::start(Mode::password("ExamplePassword")).unwrap();
    let health = || ask(port, "GET", "/api/v1/health", &[], "");
    let running = Running::start(&mut core(&dir, port, &format!("redis://{}", redis.addr())));
    running.says("core 0.2.0 on");
    assert!(running.log().contains("NOAUTH"));
    assert_eq!(health().0, 503);
    redis.restart(Mode::Open);
    assert_eq!(health().0, 200);
    let told = dir.file("data/standin-unhealthy", "");
    assert_eq!(health().0, 503);
    fs::remove_file(told).unwrap();
    assert_eq!(health().0, 200);
    drop(running);

    let mut never = core(&dir, port, &redis.url());
    let running = Running::start(never.env("STANDIN_HEALTH", "never"));
    running.says("core 0.2.0 on");
    assert_eq!(health().0, 503);
}

#[test]
fn node_needs_the_script_and_the_core_its_keys() {
    let dir = app();
    let (code, log) = Running::start(&mut node(&dir, &["dist/other.js"])).end();
    assert!(code == 1 && log.contains("Cannot find module"), "{log}");
    let mut without = core(&dir, free_port(), "redis://127.0.0.1:1");
    let (code, log) = Running::start(without.env_remove("LIVEKIT_API_SECRET")).end();
    assert!(code == 1 && log.contains("LIVEKIT_API_SECRET is required"));
}
