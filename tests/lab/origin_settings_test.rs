//! An origin's settings over several runs: each key of `.env` by its rule, and what is refused.

use std::collections::BTreeSet;

use crate::env_readers_test::readers;
use crate::host::Host;
use crate::images::{self, CORE, Image};
use crate::origin_host::origin_host_with;

const DIR: &str = "/opt/streamhub";
const ENV: &str = "/opt/streamhub/.env";
const NOTHING: &str = "nothing to change";
/// Made once: the key, what its value starts with, and how long that is.
const GENERATED: &[(&str, &str, usize)] = &[
    ("LIVEKIT_API_KEY", "API", 15),
    ("LIVEKIT_API_SECRET", "", 48),
    ("STREAMHUB_JWT_SECRET", "", 48),
    ("STREAMHUB_API_TOKEN", "sk_", 46),
    ("METRICS_TOKEN", "mtk_", 32),
    ("STREAMHUB_CLUSTER_TOKEN", "clt_", 36),
    ("ADMIN_PASS", "", 20),
];
/// Set where it is missing: the key, its value on a host with two cores, and an operator's own.
const DEFAULTS: &[(&str, &str, &str)] = &[
    ("HOST", "127.0.0.1", "localhost"),
    ("PORT", "3020", "3021"),
    ("LIVEKIT_URL", "ws://127.0.0.1:7880", "ws://localhost:7880"),
    ("STREAMHUB_AUTHZ_ENFORCE", "on", "off"),
    ("DATA_DIR", "/data", "/srv/data"),
    ("STREAMHUB_HOST_DATA_DIR", "./data", "./data/own"),
    ("LOG_LEVEL", "info", "debug"),
    ("NODE_ENV", "production", "staging"),
    ("EGRESS_CPUS", "2", "1"),
    ("INGRESS_CPUS", "1.5", "1"),
    (
        "REDIS_URL",
        "redis://127.0.0.1:6379",
        "redis://localhost:6379",
    ),
];
/// As given by the variable of the same name: two values of each.
const GIVEN: &[(&str, [&str; 2])] = &[
    ("ACME_EMAIL", ["ops@example.com", "dev@example.com"]),
    ("ADMIN_USER", ["boss", "the $boss"]),
    ("ADMIN_PASS", ["Example pass", "Example#pass"]),
    (
        "STREAMHUB_SUPERADMIN_EMAIL",
        ["root@example.com", "su@example.com"],
    ),
    (
        "STREAMHUB_SMTP_HOST",
        ["mail.example.com", "mx.example.com"],
    ),
    ("STREAMHUB_SMTP_PORT", ["25", "2525"]),
    ("STREAMHUB_SMTP_USER", ["mail user", "mail`user"]),
    ("STREAMHUB_SMTP_PASS", ["a b#c$d\"e", "\"$HOME #${X}: "]),
    (
        "STREAMHUB_SMTP_FROM",
        ["Hub <hub@example.com>", "Hub & Co <hub@example.com>"],
    ),
];
/// For compose by hand.
const COMPOSE: &[(&str, &str)] = &[
    (
        "COMPOSE_FILE",
        "docker-compose.yml:docker-compose.streamhub.yml",
    ),
    ("COMPOSE_PROJECT_NAME", "streamhub"),
];
/// What an operator has added, which stays byte for byte.
const OWN: &str = "# mine\nMINE=x # y\nSTREAMHUB_CLUSTER_REDIS_URL=redis://10.0.0.9:6379\n";

/// What follows from a domain without TLS.
fn derived(domain: &str) -> [(&'static str, String); 5] {
    [
        ("STREAMHUB_DOMAIN", domain.to_owned()),
        ("PUBLIC_WS_URL", format!("ws://{domain}:7880")),
        ("RTMP_PUBLIC_HOST", domain.to_owned()),
        ("STREAMHUB_PUBLIC_URL", format!("http://{domain}")),
        ("STREAMHUB_APP_URL", format!("http://{domain}")),
    ]
}

fn made(host: &Host, keys: &[(&str, &str, usize)]) -> Vec<String> {
    let keys = keys.iter().map(|(key, ..)| key);
    keys.map(|key| host.setting(DIR, key)).collect()
}

#[track_caller]
pub fn has<'a, V: AsRef<str>>(host: &Host, wanted: impl IntoIterator<Item = (&'a str, V)>) {
    for (key, value) in wanted {
        assert_eq!(host.setting(DIR, key), value.as_ref(), "{key}");
    }
}

pub fn keys(env: &str) -> BTreeSet<&str> {
    env.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| Some(line.split_once('=')?.0))
        .collect()
}

#[test]
fn each_key_of_an_origins_env_keeps_to_its_rule() {
    let images = [images::origin(), vec![Image::busybox()]].concat();
    let host = origin_host_with("origin", images);
    let ip = host.ip().to_string();
    host.program(["--domain", &ip, "--core-image", CORE, "--non-interactive"])
        .run()
        .expect_code(0);
    let secrets = made(&host, GENERATED);
    for (value, (key, prefix, length)) in secrets.iter().zip(GENERATED) {
        let is_in_form = value.starts_with(prefix)
            && value.len() == *length
            && value.starts_with(|c: char| c.is_ascii_alphabetic());
        assert!(is_in_form, "{key}={value}");
    }
    has(&host, DEFAULTS.iter().map(|(key, value, _)| (*key, value)));
    has(&host, derived(&ip));
    has(&host, COMPOSE.iter().copied());
    has(
        &host,
        [
            ("ACME_EMAIL", format!("admin@{ip}").as_str()),
            ("ADMIN_USER", "admin"),
        ],
    );
    // Nothing is there whose rule is not held to here.
    let env = host.read(ENV);
    let ruled = GENERATED.iter().map(|(key, ..)| *key);
    let ruled = ruled.chain(DEFAULTS.iter().map(|(key, ..)| *key));
    let ruled = ruled.chain(derived(&ip).map(|(key, _)| key));
    let ruled = ruled.chain(COMPOSE.iter().map(|(key, _)| *key));
    assert_eq!(
        keys(&env),
        ruled.chain(["ACME_EMAIL", "ADMIN_USER"]).collect()
    );

    // An operator's values, and other settings: what nobody gave stays.
    for (key, _, own) in DEFAULTS {
        host.sh_ok(&format!("sed -i 's|^{key}=.*|{key}={own}|' {ENV}"));
    }
    host.write(ENV, host.read(ENV) + OWN, 0o600);
    host.sh_ok(&format!("mkdir -p {DIR}/data/own/apps"));
    let given = |nth: usize, args: &[&str]| {
        let run = host.program(args.iter().copied());
        let run = GIVEN
            .iter()
            .fold(run, |run, (key, values)| run.env(key, values[nth]));
        run.run().expect_code(0);
        let kept = secrets.iter().zip(GENERATED);
        let kept = kept.filter(|(_, (key, ..))| *key != "ADMIN_PASS");
        has(&host, kept.map(|(value, (key, ..))| (*key, value)));
        has(&host, DEFAULTS.iter().map(|(key, _, own)| (*key, own)));
        has(&host, GIVEN.iter().map(|(key, values)| (*key, values[nth])));
        has(&host, COMPOSE.iter().copied());
        assert!(host.read(ENV).contains(OWN));
    };
    given(0, &[]);
    has(&host, derived(&ip));
    assert_eq!(
        host.status_of("http://127.0.0.1:3021/api/v1/health", &[]),
        "200"
    );
    assert_eq!(
        host.status_of(&format!("http://{ip}/api/v1/health"), &[]),
        "200"
    );
    let livekit = || {
        let lives = host.lives().into_iter();
        lives
            .filter(|l| l.starts_with("/streamhub-livekit"))
            .collect::<Vec<_>>()
    };
    let before = livekit();
    given(1, &["--domain", "live.example.com", "--no-tls"]);
    has(&host, derived("live.example.com"));
    assert_eq!(
        livekit(),
        before,
        "livekit has nothing to do with mail and names"
    );

    // Without flags: as it is. And everybody reads the same in it, the core too.
    let (env, lives) = (host.read(ENV), host.lives());
    let again = || {
        let run = host.program::<&str>([]).run().expect_code(0);
        run.expect_said(&[NOTHING]);
    };
    again();
    assert_eq!((host.read(ENV), host.lives()), (env.clone(), lives.clone()));
    let mut all = keys(&env);
    all.remove("MINE");
    let all: Vec<&str> = all.into_iter().collect();
    for (reader, found) in readers(&host, ENV, &all) {
        for key in &all {
            let value = host.setting(DIR, key);
            assert_eq!(found.get(*key), Some(&value), "{reader} of {key}");
        }
    }
    let inside = host.sh_ok(
        "docker inspect streamhub-core --format '{{range .Config.Env}}{{println .}}{{end}}'",
    );
    for (key, values) in GIVEN {
        let line = format!("{key}={}", values[1]);
        assert!(
            inside.lines().any(|l| l == line),
            "{line} is not in\n{inside}"
        );
    }
    let beat = "/etc/streamhub/heartbeat.env";
    let own = [
        ("STREAMHUB_HB_URL", "http://127.0.0.1:3021".to_owned()),
        (
            "STREAMHUB_HB_TOKEN",
            host.setting(DIR, "STREAMHUB_CLUSTER_TOKEN"),
        ),
        ("STREAMHUB_HB_NODE_ID", "origin".to_owned()),
    ];
    for (reader, found) in readers(&host, beat, &own.each_ref().map(|(key, _)| *key)) {
        for (key, value) in &own {
            assert_eq!(found.get(*key), Some(value), "{reader} of {key}");
        }
    }

    // What can't be written, or must not be, is refused before anything is changed.
    let is_as_it_was = || assert_eq!((host.read(ENV), host.lives()), (env.clone(), lives.clone()));
    for key in [
        "ADMIN_USER",
        "ADMIN_PASS",
        "STREAMHUB_SMTP_USER",
        "STREAMHUB_SMTP_PASS",
        "STREAMHUB_SMTP_FROM",
    ] {
        for bad in ["it's", "a\\b", "a\nB=c"] {
            let run = host.program::<&str>([]).env(key, bad).run().expect_code(2);
            run.expect_said(&[key]);
            assert!(!run.said().contains(bad), "{run:?}");
        }
    }
    is_as_it_was();
    let refused = |args: &[&str], words: &[&str]| {
        let output = host.program(args.iter().copied()).run().expect_code(2);
        output.expect_said(words);
    };
    for (bind, why) in [
        ("0.0.0.0", "every address"),
        ("203.0.113.10", "public"),
        ("10.99.99.99", "no address of this host"),
        ("redis.example.com", "no address"),
        ("127.0.0.1", "this host alone"),
    ] {
        refused(&["--cluster-redis-bind", bind], &[why, &ip]);
    }
    refused(&["--domain", "not a name"], &["--domain"]);
    is_as_it_was();

    // Lost, it is not made anew.
    host.sh_ok("mv /opt/streamhub/.env /root/env");
    for args in [&[][..], &["--admin-pass", "Example"], &["--dry-run"]] {
        let lost = host.program(args.iter().copied()).run().expect_code(3);
        lost.expect_said(&["is gone", "backup"]);
        assert!(!host.has(ENV));
    }
    host.sh_ok("mv /root/env /opt/streamhub/.env");
    again();

    // An empty value takes a key away, and with the server goes the mail; a default that is missing comes back.
    for (key, ..) in DEFAULTS {
        host.sh_ok(&format!("sed -i '/^{key}=/d' {ENV}"));
    }
    host.program(["--smtp-host", "", "--superadmin-email", ""])
        .run()
        .expect_code(0);
    has(&host, DEFAULTS.iter().map(|(key, value, _)| (*key, value)));
    let env = host.read(ENV);
    assert!(
        !env.contains("SMTP") && !env.contains("SUPERADMIN"),
        "{env}"
    );
    assert!(env.contains(OWN));
    again();
    // With a server alone come its defaults.
    host.program(["--smtp-host", "mail.example.com"])
        .run()
        .expect_code(0);
    let from = "StreamHub <no-reply@live.example.com>";
    has(
        &host,
        [
            ("STREAMHUB_SMTP_PORT", "587"),
            ("STREAMHUB_SMTP_FROM", from),
        ],
    );
}
