//! An origin's settings over several runs: each key of `.env` by its rule, what is refused, and the way back.

use crate::host::Host;
use crate::images::CORE;
use crate::origin_host::origin_host;

const DIR: &str = "/opt/streamhub";
const GENERATED: &[&str] = &[
    "LIVEKIT_API_KEY",
    "LIVEKIT_API_SECRET",
    "STREAMHUB_JWT_SECRET",
    "STREAMHUB_API_TOKEN",
    "METRICS_TOKEN",
    "STREAMHUB_CLUSTER_TOKEN",
];

fn all(host: &Host, keys: &[&str]) -> Vec<String> {
    keys.iter().map(|key| host.setting(DIR, key)).collect()
}

#[test]
fn each_key_of_an_origins_env_keeps_to_its_rule() {
    let host = origin_host("origin");
    let ip = host.ip().to_string();
    host.program(["--domain", &ip, "--core-image", CORE, "--non-interactive"])
        .args(["--smtp-host", "mail.example.com"])
        .args(["--superadmin-email", "root@example.com"])
        .env("STREAMHUB_SMTP_PASS", "a b#c$d\"e")
        .env("ADMIN_PASS", "Example pass")
        .run()
        .expect_code(0);
    let made = all(&host, GENERATED);
    for (value, form) in made.iter().zip([
        ("API", 15),
        ("", 48),
        ("", 48),
        ("sk_", 46),
        ("mtk_", 32),
        ("clt_", 36),
    ]) {
        assert!(
            value.starts_with(form.0) && value.len() == form.1,
            "{value}"
        );
        assert!(
            value.starts_with(|c: char| c.is_ascii_alphabetic()),
            "{value}"
        );
    }
    for (key, value) in [
        ("STREAMHUB_DOMAIN", ip.as_str()),
        ("PUBLIC_WS_URL", &format!("ws://{ip}:7880")),
        ("STREAMHUB_PUBLIC_URL", &format!("http://{ip}")),
        ("HOST", "127.0.0.1"),
        ("PORT", "3020"),
        ("ADMIN_USER", "admin"),
        ("ADMIN_PASS", "Example pass"),
        ("ACME_EMAIL", &format!("admin@{ip}")),
        ("STREAMHUB_SMTP_PORT", "587"),
        ("STREAMHUB_SMTP_PASS", "a b#c$d\"e"),
        ("STREAMHUB_SMTP_FROM", &format!("StreamHub <no-reply@{ip}>")),
        ("REDIS_URL", "redis://127.0.0.1:6379"),
    ] {
        assert_eq!(host.setting(DIR, key), value, "{key}");
    }
    // What the core gets is what was meant.
    let inside = host.sh_ok("docker exec streamhub-core printenv STREAMHUB_SMTP_PASS 2>/dev/null || docker inspect streamhub-core --format '{{json .Config.Env}}'");
    assert!(inside.contains("a b#c$d"), "{inside}");

    // Other flags, an operator's own line, and a value of his: the rest stays byte for byte.
    host.sh_ok("sed -i 's/^LOG_LEVEL=.*/LOG_LEVEL=debug/; s/^EGRESS_CPUS=.*/EGRESS_CPUS=1/' /opt/streamhub/.env && printf 'MINE=x # y' >> /opt/streamhub/.env");
    let livekit = |lives: Vec<String>| {
        lives
            .into_iter()
            .find(|l| l.starts_with("/streamhub-livekit"))
    };
    let before = livekit(host.lives());
    host.program([
        "--smtp-port",
        "2525",
        "--admin-user",
        "boss",
        "--superadmin-email",
        "",
    ])
    .run()
    .expect_code(0);
    assert_eq!(all(&host, GENERATED), made);
    assert_eq!(host.setting(DIR, "STREAMHUB_SMTP_PORT"), "2525");
    assert_eq!(host.setting(DIR, "ADMIN_USER"), "boss");
    assert_eq!(host.setting(DIR, "ADMIN_PASS"), "Example pass");
    assert_eq!(host.setting(DIR, "LOG_LEVEL"), "debug");
    let env = host.read("/opt/streamhub/.env");
    assert!(
        env.contains("MINE=x # y") && !env.contains("STREAMHUB_SUPERADMIN_EMAIL=root"),
        "{env}"
    );
    assert_eq!(
        livekit(host.lives()),
        before,
        "livekit has nothing to do with mail"
    );

    // Without flags: as it is.
    let lives = host.lives();
    host.program::<&str>([])
        .run()
        .expect_code(0)
        .expect_said(&["nothing to change"]);
    assert_eq!(host.read("/opt/streamhub/.env"), env);
    assert_eq!(host.lives(), lives);

    // What can't be written, or must not be, is refused before anything is changed.
    let refused = |args: &[&str], words: &[&str]| {
        let output = host.program(args.iter().copied()).run().expect_code(2);
        output.expect_said(words);
        assert_eq!(host.read("/opt/streamhub/.env"), env);
        assert_eq!(host.lives(), lives);
    };
    refused(&["--smtp-from", "it's me"], &["STREAMHUB_SMTP_FROM"]);
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
    refused(
        &["--master-ip", "10.0.0.1"],
        &["--master-ip", "belongs to an edge"],
    );
    refused(&["--join"], &["this host is an origin", "uninstall"]);
    refused(&["--dir", "/opt/elsewhere"], &["/opt/streamhub"]);

    // Nobody asked for a redis that everybody reaches: not by `.env`, and not past it.
    host.sh_ok(&format!(
        "cp /opt/streamhub/.env /root/env && printf \"\\nREDIS_BIND='127.0.0.1 {ip}'\\n\" >>/opt/streamhub/.env"
    ));
    let output = host.program::<&str>([]).run().expect_code(3);
    output.expect_said(&["REDIS_BIND=127.0.0.1", "--cluster-redis-bind"]);
    assert_eq!(host.lives(), lives);
    host.sh_ok("cp /root/env /opt/streamhub/.env");
    let layer = "/opt/streamhub/docker-compose.override.yml";
    let open = format!(
        "services:\n  redis:\n    command: [redis-server, --bind, 127.0.0.1, {ip}, --protected-mode, 'no']\n"
    );
    host.write(layer, open, 0o644);
    host.program::<&str>([])
        .run()
        .expect_code(6)
        .expect_said(&["answers without a password"]);
    host.sh_ok(&format!("rm {layer}"));
    host.program::<&str>([]).run().expect_code(0);

    // Lost, it is not made anew.
    host.sh_ok("mv /opt/streamhub/.env /root/env");
    host.program::<&str>([])
        .run()
        .expect_code(3)
        .expect_said(&["is gone", "backup"]);
    host.sh_ok("mv /root/env /opt/streamhub/.env");
    host.program::<&str>([])
        .run()
        .expect_code(0)
        .expect_said(&["nothing to change"]);
}

#[test]
fn the_clusters_redis_comes_and_goes_and_may_come_late_at_a_boot() {
    let mut host = origin_host("origin");
    let ip = host.ip().to_string();
    host.program(["--domain", &ip, "--core-image", CORE, "--non-interactive"])
        .run()
        .expect_code(0);
    // A second address, which is there later.
    let bind = "10.77.0.10";
    let add = format!("ip address add {bind}/24 dev host0");
    host.sh_ok(&add);
    let since = host.moment();
    let output = host
        .program(["--cluster-redis-bind", bind])
        .run()
        .expect_code(0);
    output.expect_said(&["ufw"]);
    let made = host.engine_did(&since, &["create"]);
    for service in ["core", "egress", "ingress", "livekit", "redis"] {
        let create = format!("create {service}");
        assert_eq!(
            made.iter().filter(|did| **did == create).count(),
            1,
            "{made:?}"
        );
    }
    let password = host.setting(DIR, "REDIS_PASSWORD");
    let ping = |host: &Host, address: &str, password: &str| {
        host.sh(&format!(
            "REDISCLI_AUTH={password} redis-cli -h {address} ping 2>&1"
        ))
        .stdout
    };
    assert_eq!(ping(&host, bind, &password).trim(), "PONG");
    assert!(ping(&host, bind, "").contains("NOAUTH"));
    assert!(ping(&host, "127.0.0.1", "").contains("NOAUTH"));
    assert!(
        !ping(&host, &ip, &password).contains("PONG"),
        "only loopback and the bind"
    );
    let cluster =
        |host: &Host, path: &str| host.status_of(&format!("http://{bind}:3020{path}"), &[]);
    assert_eq!(cluster(&host, "/api/v1/health"), "200");
    assert_eq!(cluster(&host, "/"), "404");
    assert_eq!(cluster(&host, "/api/v1/cluster/nodes"), "404");
    host.program::<&str>([])
        .run()
        .expect_code(0)
        .expect_said(&["nothing to change"]);

    // Absent at a boot, the rest serves; once it is there, it does too.
    host.reboot();
    let serves = || host.status_of(&format!("http://{ip}/api/v1/health"), &[]) == "200";
    assert!(crate::wait::until(
        std::time::Duration::from_secs(60),
        serves
    ));
    assert_eq!(ping(&host, "127.0.0.1", &password).trim(), "PONG");
    host.sh_ok(&add);
    assert_eq!(ping(&host, bind, &password).trim(), "PONG");
    assert_eq!(cluster(&host, "/api/v1/health"), "200");

    host.program(["--no-cluster-redis"]).run().expect_code(0);
    assert!(ping(&host, "127.0.0.1", "").contains("PONG"));
    assert!(!ping(&host, bind, "").contains("PONG"));
    assert_eq!(cluster(&host, "/api/v1/health"), "000");
    assert!(!host.read("/opt/streamhub/.env").contains(&password));
    host.program::<&str>([])
        .run()
        .expect_code(0)
        .expect_said(&["nothing to change"]);
}
