//! Command lines that can't be meant: exit 2 before anything else, naming the flag and what it takes.

use crate::scene::{Scene, TOKEN, snapshot};

const API_TOKEN: &str = "sk_ExampleApiToken";

#[test]
fn a_bad_command_line_is_named_with_what_the_flag_takes() {
    let scene = Scene::fresh();
    scene.write("no-pem", "not a certificate\n");
    scene.write("two-lines", "clt_Example\nanother line\n");
    let no_pem = scene.path("no-pem").display().to_string();
    let two_lines = scene.path("two-lines").display().to_string();
    let long = "x".repeat(65);
    let cases: Vec<(&str, Vec<&str>)> = vec![
        ("an unknown flag", vec!["--joni"]),
        ("a missing value", vec!["--master-ip"]),
        ("a flag that takes none", vec!["--join=maybe"]),
        ("no address", vec!["--master-ip", "media.example.com"]),
        ("an unknown source", vec!["--docker-source", "snap"]),
        ("an unknown proxy", vec!["--proxy", "apache"]),
        ("a port that is none", vec!["--smtp-port", "70000"]),
        ("quiet and verbose", vec!["-q", "-v"]),
        ("an unknown command", vec!["upgrade"]),
        ("both roles", vec!["--join", "--standalone"]),
        ("no origin", vec!["--join"]),
        ("no token", vec!["--join", "--master-ip", "10.0.0.10"]),
        (
            "two tokens",
            vec!["--master-token", TOKEN, "--master-token-file", "/t"],
        ),
        ("no token file", vec!["--master-token-file", "/nowhere"]),
        (
            "a token file with more",
            vec!["--master-token-file", &two_lines],
        ),
        (
            "an API token for a join token",
            vec!["--master-token", API_TOKEN],
        ),
        (
            "no API token file",
            vec!["--master-token", TOKEN, "--api-token-file", "/nowhere"],
        ),
        (
            "no URL",
            vec!["--master-token", TOKEN, "--master-url", "media.example.com"],
        ),
        (
            "another scheme",
            vec![
                "--master-token",
                TOKEN,
                "--master-url",
                "ftp://media.example.com",
            ],
        ),
        (
            "a login",
            vec![
                "--master-token",
                TOKEN,
                "--master-url",
                "https://u:ExampleSecret@media.example.com",
            ],
        ),
        (
            "a query",
            vec![
                "--master-token",
                TOKEN,
                "--master-url",
                "https://media.example.com/?a=b",
            ],
        ),
        (
            "a dollar",
            vec![
                "--master-token",
                TOKEN,
                "--master-url",
                "https://media.example.com/$HOME",
            ],
        ),
        (
            "no CA file",
            vec!["--master-token", TOKEN, "--master-ca-file", "/nowhere"],
        ),
        (
            "no CA in it",
            vec!["--master-token", TOKEN, "--master-ca-file", &no_pem],
        ),
        (
            "the origin's name",
            vec!["--master-token", TOKEN, "--node-name", "origin"],
        ),
        (
            "a name with a space",
            vec!["--master-token", TOKEN, "--node-name", "edge 1"],
        ),
        (
            "a long name",
            vec!["--master-token", TOKEN, "--node-name", &long],
        ),
        (
            "a long region",
            vec!["--master-token", TOKEN, "--region", &long],
        ),
        (
            "a region with a newline",
            vec!["--master-token", TOKEN, "--region", "a\nb"],
        ),
        (
            "a relative directory",
            vec!["--master-token", TOKEN, "--dir", "streamhub"],
        ),
        (
            "a directory with a space",
            vec!["--master-token", TOKEN, "--dir", "/opt/stream hub"],
        ),
        (
            "a directory of the system",
            vec!["--master-token", TOKEN, "--dir", "/opt"],
        ),
        (
            "no duration",
            vec!["--master-token", TOKEN, "--drain-timeout", "long"],
        ),
        (
            "a long duration",
            vec!["--master-token", TOKEN, "--drain-timeout", "2days"],
        ),
        (
            "an unknown check",
            vec!["--master-token", TOKEN, "--skip-check", "luck"],
        ),
    ];
    let mut all = String::new();
    for (title, args) in cases {
        let needs_origin = args[0].starts_with("--master-token");
        let join = ["--dry-run", "--join", "--master-ip", "10.0.0.10"];
        let line: Vec<&str> = if needs_origin {
            join.iter().chain(&args).copied().collect()
        } else {
            args
        };
        let said = scene.run(&line, &[]);
        assert_eq!(said.code, 2, "{title}: {}", said.stderr);
        for secret in [API_TOKEN, "ExamplePassword"] {
            assert!(!said.stderr.contains(secret), "{}", said.stderr);
        }
        all += &scene.section(title, &said);
    }
    snapshot("usage", &all);
}

#[test]
fn a_bad_variable_is_named_like_its_flag() {
    let scene = Scene::fresh();
    let mut all = String::new();
    for (title, name, value) in [
        (
            "a token that is none",
            "STREAMHUB_MASTER_TOKEN",
            "two words",
        ),
        (
            "an API token that is none",
            "STREAMHUB_API_TOKEN",
            "two words",
        ),
        ("an origin that is none", "STREAMHUB_ORIGIN_IP", "media"),
        (
            "a look-up that is none",
            "STREAMHUB_IP_LOOKUP_URL",
            "not a url",
        ),
        ("a node's address that is none", "STREAMHUB_NODE_IP", "here"),
        (
            "a repository that is none",
            "STREAMHUB_DOCKER_REPO_URL",
            "mirror",
        ),
        (
            "a repository without TLS",
            "STREAMHUB_DOCKER_REPO_URL",
            "http://mirror.example.com/docker/linux/ubuntu",
        ),
        (
            "a repository with a login",
            "STREAMHUB_DOCKER_REPO_URL",
            "https://example:ExampleSecret@mirror.example.com/",
        ),
        (
            "a key's name that is too short",
            "STREAMHUB_DOCKER_KEY_FINGERPRINT",
            "0EBFCD88",
        ),
        (
            "a key's name that is none",
            "STREAMHUB_DOCKER_KEY_FINGERPRINT",
            "docker",
        ),
        (
            "a bootstrap without https",
            "STREAMHUB_INSTALL_URL",
            "http://media.example.com/install.sh",
        ),
        (
            "a bootstrap that a shell would run",
            "STREAMHUB_INSTALL_URL",
            "https://media.example.com/$(id)",
        ),
        (
            "a bootstrap with a login",
            "STREAMHUB_INSTALL_URL",
            "https://u:ExampleSecret@media.example.com/install.sh",
        ),
    ] {
        let mut env = vec![("STREAMHUB_MASTER_TOKEN", TOKEN), ("STREAMHUB_JOIN", "1")];
        if name != "STREAMHUB_ORIGIN_IP" {
            env.push(("STREAMHUB_MASTER_IP", "10.0.0.10"));
        }
        env.push((name, value));
        let said = scene.run(&["--dry-run"], &env);
        assert_eq!(said.code, 2, "{title}: {}", said.stderr);
        assert!(!said.stderr.contains("ExampleSecret"), "{}", said.stderr);
        all += &scene.section(title, &said);
    }
    snapshot("usage_environment", &all);
}

#[test]
fn a_command_for_a_node_says_what_a_host_without_one_needs_first() {
    let scene = Scene::fresh();
    let mut all = String::new();
    for (args, code) in [
        (vec!["status"], 1),
        (vec!["doctor"], 1),
        (vec!["update"], 2),
        (vec!["allow-edge", "10.0.0.7"], 2),
        (vec!["rotate", "cluster-token"], 2),
        (vec!["nodes", "list"], 2),
        (vec!["uninstall", "--yes"], 0),
    ] {
        let title = args.join(" ");
        let said = scene.run(&args, &[]);
        assert_eq!(said.code, code, "{title}: {}", said.stderr);
        all += &scene.section(&title, &said);
    }
    snapshot("without_a_node", &all);
}

#[test]
fn commands_for_the_origin_fetch_the_program_from_where_it_is_said_to_be() {
    let scene = Scene::fresh();
    let found = |variables: &[(&str, &str)]| {
        let mut env = vec![("STREAMHUB_MASTER_TOKEN", TOKEN)];
        env.extend(variables);
        let said = scene.run(&["--dry-run", "--join", "--master-ip", "127.0.0.1"], &env);
        let command = "| sudo bash -s -- --cluster-redis-bind 127.0.0.1\n";
        let (before, _) = said.stderr.split_once(command).expect("it is printed");
        before
            .lines()
            .last()
            .map(|line| line.trim().to_owned())
            .expect("there is a line")
    };
    assert_eq!(
        found(&[]),
        "curl -fsSL https://www.streamhub.studio/install.sh"
    );
    assert_eq!(found(&[("STREAMHUB_INSTALL_URL", "")]), found(&[]));
    let url = "https://media.example.com/install.sh";
    assert_eq!(
        found(&[("STREAMHUB_INSTALL_URL", url)]),
        format!("curl -fsSL {url}")
    );
}
