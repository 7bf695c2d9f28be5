//! The redis of a cluster on an origin: an address comes, is another one, is late at a boot, and goes again.

use crate::host::Host;
use crate::images::CORE;
use crate::origin_host::origin_host;
use crate::origin_settings_test::{has, keys};

const DIR: &str = "/opt/streamhub";
const ENV: &str = "/opt/streamhub/.env";
const NOTHING: &str = "nothing to change";

#[test]
fn the_clusters_redis_comes_and_goes_and_may_come_late_at_a_boot() {
    let mut host = origin_host("origin");
    let ip = host.ip().to_string();
    host.program(["--domain", &ip, "--core-image", CORE, "--non-interactive"])
        .run()
        .expect_code(0);
    let lives = host.lives();
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

    // Nor with a password that is none.
    host.sh_ok("echo REDIS_PASSWORD= >>/opt/streamhub/.env");
    let bind = ["--cluster-redis-bind", ip.as_str()];
    let output = host.program(bind).run().expect_code(3);
    output.expect_said(&["REDIS_PASSWORD in .env is empty"]);
    host.sh_ok("cp /root/env /opt/streamhub/.env");

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
    assert!(password.len() == 32 && password.starts_with(|c: char| c.is_ascii_alphabetic()));
    let with_bind = |bind: &str| {
        [
            ("REDIS_BIND", format!("127.0.0.1 {bind}")),
            ("REDIS_PASSWORD", password.clone()),
            ("LIVEKIT_REDIS_PASSWORD", password.clone()),
            ("REDIS_URL", format!("redis://:{password}@127.0.0.1:6379")),
            (
                "STREAMHUB_CLUSTER_REDIS_URL",
                format!("redis://:{password}@{bind}:6379"),
            ),
        ]
    };
    has(&host, with_bind(bind));
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
        .expect_said(&[NOTHING]);
    has(&host, with_bind(bind));

    // A core that listens on every address takes that one too, and gives it back.
    for (own, dashboard) in [("0.0.0.0", "200"), ("127.0.0.1", "404")] {
        host.sh_ok(&format!(
            "sed -i 's/^HOST=.*/HOST={own}/' /opt/streamhub/.env"
        ));
        host.program::<&str>([]).run().expect_code(0);
        assert_eq!(cluster(&host, "/api/v1/health"), "200", "{own}");
        assert_eq!(cluster(&host, "/"), dashboard, "{own}");
        host.program::<&str>([])
            .run()
            .expect_code(0)
            .expect_said(&["nothing to change"]);
    }

    // Absent at a boot, the rest serves; once it is there, it does too.
    host.reboot();
    let serves = || host.status_of(&format!("http://{ip}/api/v1/health"), &[]) == "200";
    assert!(crate::wait::until(
        std::time::Duration::from_secs(60),
        serves
    ));
    assert_eq!(ping(&host, "127.0.0.1", &password).trim(), "PONG");
    host.program::<&str>([]).run().expect_code(0);
    host.sh_ok(&add);
    assert_eq!(ping(&host, bind, &password).trim(), "PONG");
    assert_eq!(cluster(&host, "/api/v1/health"), "200");

    // Another address, with the same password.
    let other = ["--cluster-redis-bind", &ip];
    host.program(other).run().expect_code(0);
    has(&host, with_bind(&ip));
    assert_eq!(ping(&host, &ip, &password).trim(), "PONG");
    assert!(!ping(&host, bind, &password).contains("PONG"));

    host.program(["--no-cluster-redis"]).run().expect_code(0);
    has(&host, [("REDIS_URL", "redis://127.0.0.1:6379")]);
    assert!(ping(&host, "127.0.0.1", "").contains("PONG"));
    assert!(!ping(&host, bind, "").contains("PONG"));
    assert_eq!(cluster(&host, "/api/v1/health"), "000");
    let env = host.read(ENV);
    let taken_back = with_bind("").map(|(key, _)| key);
    let left = taken_back
        .into_iter()
        .filter(|key| keys(&env).contains(key));
    assert_eq!(left.collect::<Vec<_>>(), ["REDIS_URL"]);
    assert!(!env.contains(&password));
    host.program::<&str>([])
        .run()
        .expect_code(0)
        .expect_said(&[NOTHING]);
}
