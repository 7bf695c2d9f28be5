//! Every documented way to say the same join: flags by their new and old names, the environment, a file, standard input.

use serde_json::{Value, json};
use standins::tls::Authority;

use crate::cluster::{Origin, TOKEN, edge};
use crate::command::Output;
use crate::host::Host;

const OTHER_TOKEN: &str = "clt_ExampleOtherToken9876543210";

/// What a join that worked has said and left, however it was asked for.
#[track_caller]
fn assert_joined(host: &Host, origin: &Origin, said: &Output) {
    let promise = format!("{} is joined and serving", host.name());
    assert!(said.stdout.contains(&promise), "{said:?}");
    assert_eq!(origin.node(host.name())["status"], "active");
    let running = host.sh_ok("docker ps --format '{{.Names}}' | sort");
    assert_eq!(
        running,
        "streamhub-egress\nstreamhub-ingress\nstreamhub-livekit\n"
    );
    let token = format!("STREAMHUB_HB_TOKEN={TOKEN}\n");
    assert!(host.read("/etc/streamhub/heartbeat.env").contains(&token));
}

/// The body of the last join that the origin has seen.
fn last_join(origin: &Origin) -> Value {
    let requests = origin.requests();
    let join = requests
        .iter()
        .rfind(|r| r["path"] == "/api/v1/cluster/join")
        .expect("one joined");
    serde_json::from_str(join["body"].as_str().expect("it is text")).expect("it is JSON")
}

#[test]
fn flags_join_by_their_names_and_by_their_old_ones() {
    let origin = Origin::boot("origin");
    let ip = origin.host.ip().to_string();
    let url = format!("http://{ip}:3020/");

    let one = edge("edge-master");
    #[rustfmt::skip]
    let said = one.program([
        "--join", "--master-token", TOKEN, "--master-ip", &ip, "--master-url", &url,
        "--node-name", "edge-master", "--node-ip", "198.51.100.7", "--region", "eu-1",
        "--dir", "/srv/stream-hub",
    ]);
    assert_joined(&one, &origin, &said.run().expect_code(0));
    let asked = json!({"name": "edge-master", "ip": "198.51.100.7", "region": "eu-1"});
    assert_eq!(last_join(&origin), asked);
    assert!(one.has("/srv/stream-hub/.env") && !one.has("/opt/streamhub"));
    // Without flags a later run asks for the same again.
    one.program::<&str>([]).run().expect_code(0);
    assert_eq!(last_join(&origin), asked);
    one.program(["--region", ""]).run().expect_code(0);
    let without_region = json!({"name": "edge-master", "ip": "198.51.100.7"});
    assert_eq!(last_join(&origin), without_region);
    drop(one);

    let two = edge("edge-origin");
    #[rustfmt::skip]
    let said = two.program([
        "--join", "--cluster-token", TOKEN, "--origin-ip", &ip, "--origin-url", &url,
    ]);
    assert_joined(&two, &origin, &said.run().expect_code(0));
    // Nobody is asked for the address: it is the one that routes to the origin.
    let asked = json!({"name": "edge-origin", "ip": two.ip().to_string()});
    assert_eq!(last_join(&origin), asked);
    assert!(two.has("/opt/streamhub/.env"));
}

#[test]
fn the_environment_alone_joins() {
    let origin = Origin::boot("origin");
    let ip = origin.host.ip().to_string();
    let url = format!("http://{ip}:3020");

    let one = edge("edge-env");
    let said = one
        .program::<&str>([])
        .env("STREAMHUB_JOIN", "1")
        .env("STREAMHUB_MASTER_TOKEN", TOKEN)
        .env("STREAMHUB_MASTER_IP", &ip)
        .env("STREAMHUB_MASTER_URL", &url)
        .env("STREAMHUB_NODE_NAME", "edge-env")
        .env("STREAMHUB_NODE_IP", "198.51.100.8")
        .env("STREAMHUB_REGION", "eu-2")
        .env("STREAMHUB_DIR", "/srv/streamhub")
        .run();
    assert_joined(&one, &origin, &said.expect_code(0));
    let asked = json!({"name": "edge-env", "ip": "198.51.100.8", "region": "eu-2"});
    assert_eq!(last_join(&origin), asked);
    assert!(one.has("/srv/streamhub/.env") && !one.has("/opt/streamhub"));
    drop(one);

    let two = edge("edge-old-env");
    let said = two
        .program::<&str>([])
        .env("STREAMHUB_JOIN", "1")
        .env("STREAMHUB_CLUSTER_TOKEN", TOKEN)
        .env("STREAMHUB_ORIGIN_IP", &ip)
        .env("STREAMHUB_ORIGIN_URL", &url)
        // An empty variable is none, and does not hide the one that is set.
        .env("STREAMHUB_MASTER_TOKEN", "")
        .env("STREAMHUB_MASTER_IP", "")
        .env("STREAMHUB_NODE_IP", "")
        .env("STREAMHUB_REGION", "")
        .run();
    assert_joined(&two, &origin, &said.expect_code(0));
    let asked = json!({"name": "edge-old-env", "ip": two.ip().to_string()});
    assert_eq!(last_join(&origin), asked);
}

#[test]
fn a_token_comes_from_a_file_or_from_standard_input() {
    let origin = Origin::boot("origin");
    let ip = origin.host.ip().to_string();

    let one = edge("edge-stdin");
    let said = one
        .program(["--join", "--master-ip", &ip, "--master-token-file", "-"])
        .stdin(format!("{TOKEN}\n"))
        .run();
    assert_joined(&one, &origin, &said.expect_code(0));
    drop(one);

    let two = edge("edge-file");
    // As editors on other systems leave a file.
    two.write("/root/join.token", format!("{TOKEN}\r\n"), 0o600);
    let from = "/root/join.token";
    let said = two
        .program(["--join", "--master-ip", &ip, "--master-token-file", from])
        .run();
    assert_joined(&two, &origin, &said.expect_code(0));

    // Each way brings a new token to a node that has an old one.
    let brought = |token: &str, said: Output| {
        said.expect_code(0);
        let kept = two.read("/etc/streamhub/heartbeat.env");
        assert!(
            kept.contains(&format!("STREAMHUB_HB_TOKEN={token}\n")),
            "{kept}"
        );
    };
    origin.rotate(&json!({"token": OTHER_TOKEN}));
    two.write("/root/other.token", OTHER_TOKEN, 0o600);
    let by_variable = two
        .program(["--join"])
        .env("STREAMHUB_MASTER_TOKEN_FILE", "/root/other.token");
    brought(OTHER_TOKEN, by_variable.run());
    origin.rotate(&json!({"token": TOKEN}));
    // What is said on the command line wins over the environment.
    let by_flag = two
        .program(["--master-token-file", from])
        .env("STREAMHUB_MASTER_TOKEN", OTHER_TOKEN);
    brought(TOKEN, by_flag.run());
    origin.rotate(&json!({"token": OTHER_TOKEN}));
    let by_stdin = two.program(["--master-token-file", "-"]).stdin(OTHER_TOKEN);
    brought(OTHER_TOKEN, by_stdin.run());
}

#[test]
fn the_address_is_what_the_look_up_answers_unless_that_is_none() {
    let origin = Origin::boot("origin");
    let web = &origin.host;
    web.write("/srv/web/index.html", "198.51.100.9\n", 0o644);
    web.write("/srv/web/words", "<html>sign in</html>\n", 0o644);
    web.sh_ok(
        "systemd-run --quiet --unit=lab-web python3 -m http.server 8000 --directory /srv/web
         until curl --silent --fail --output /dev/null http://127.0.0.1:8000/; do sleep 0.05; done",
    );
    let edge = edge("edge-1");
    let asks = |path: &str| {
        let url = format!("http://{}:8000/{path}", web.ip());
        let join = edge.join(&origin).env("STREAMHUB_IP_LOOKUP_URL", &url);
        join.run().expect_code(0);
        last_join(&origin)["ip"].clone()
    };
    assert_eq!(asks(""), "198.51.100.9");
    // Whoever answers nonsense, or nothing, fails no join.
    let own = json!(edge.ip().to_string());
    assert_eq!(asks("words"), own);
    assert_eq!(asks("absent"), own);
    web.sh_ok("systemctl stop lab-web");
    assert_eq!(asks(""), own);
    assert_eq!(origin.node("edge-1")["url"], own);
}

#[test]
fn an_edge_joins_over_https_with_a_ca_of_the_operators_own_and_beats_so() {
    let origin = Origin::boot("origin");
    let ip = origin.host.ip().to_string();
    let authority = Authority::new();
    let identity = authority.sign(&[&ip]);
    origin
        .host
        .write("/root/cert.pem", identity.certificate, 0o644);
    origin.host.write("/root/key.pem", identity.key, 0o600);
    origin.host.sh_ok("systemctl stop lab-core");
    origin.start_core(
        &origin.redis_url(crate::cluster::REDIS_PASSWORD),
        "--tls-cert /root/cert.pem --tls-key /root/key.pem",
    );
    let edge = edge("edge-tls");
    let url = format!("https://{ip}:3020");

    // The system does not know this CA, and nothing talks the program into it.
    let join = edge.join(&origin).args(["--master-url", &url]);
    let refused = join.run().expect_code(4);
    assert!(refused.stderr.contains("certificate"), "{refused:?}");
    assert!(!edge.has("/opt/streamhub") && !edge.has("/etc/streamhub"));

    // An operator's files lie in a home directory: the unit that beats has to see it there.
    edge.write("/root/ca.pem", authority.certificate(), 0o600);
    let join = edge
        .join(&origin)
        .args(["--master-url", &url, "--master-ca-file", "/root/ca.pem"]);
    let said = join.run().expect_code(0);
    assert_joined(&edge, &origin, &said);
    assert!(!said.stderr.contains("plain http"), "{said:?}");
    edge.sh_ok("systemctl start streamhub-heartbeat.service");
    edge.program::<&str>([]).run().expect_code(0);
}
