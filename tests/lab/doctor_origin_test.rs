//! `doctor` and `status` on an origin: whole, nothing is reported; with one thing broken, exactly that, and the fix mends
//! it.

use std::time::Duration;

use serde_json::Value;

use crate::images::CORE;
use crate::origin_host::origin_host;
use crate::wait;

#[test]
fn what_is_broken_on_an_origin_is_named_and_the_fix_mends_it() {
    let host = origin_host("origin");
    let ip = host.ip().to_string();
    host.sh_ok("ufw allow 22/tcp; ufw --force enable");
    host.program(["--domain", &ip, "--core-image", CORE, "--non-interactive"])
        .args(["--cluster-redis-bind", &ip, "--allow-edge", "10.9.9.9"])
        .run()
        .expect_code(0);
    let well = host.program(["doctor"]).run().expect_code(0);
    assert_eq!(
        (well.stdout.as_str(), well.stderr.as_str()),
        ("All is well.\n", "")
    );
    let status = host.program(["status", "--json"]).run().expect_code(0);
    let status: Value = serde_json::from_str(&status.stdout).expect("it is JSON");
    assert_eq!(status["role"], "origin");
    assert_eq!(status["ok"], true, "{status:#}");
    let services = status["services"].as_array().expect("it is a list");
    assert_eq!(services.len(), 5, "{status:#}");

    for (breaks, check, words) in [
        ("docker stop streamhub-core", "services", &["core"][..]),
        ("docker stop streamhub-egress", "services", &["egress"]),
        (
            "chmod 644 /opt/streamhub/.env",
            "secrets",
            &["/opt/streamhub/.env"],
        ),
        (
            "systemctl disable --now streamhub-heartbeat.timer",
            "timer",
            &["timer"],
        ),
        (
            "sed -i 's/^LOG_LEVEL=.*/LOG_LEVEL=debug/' /opt/streamhub/.env",
            "settings",
            &["core"],
        ),
        ("ufw allow 6379/tcp", "firewall", &["DANGER", "6379"]),
        (
            "ufw default allow incoming",
            "firewall",
            &["DANGER", "whatever no rule is about"],
        ),
        (
            "ufw --force disable",
            "firewall",
            &["DANGER", "ufw is switched off"],
        ),
        // Its sockets take what comes, and nothing answers.
        (
            "kill -STOP $(docker inspect --format '{{.State.Pid}}' streamhub-livekit)",
            "ports",
            &["livekit", "does not answer"],
        ),
        (
            "ufw --force delete allow from 10.9.9.9 to any port 6379 proto tcp",
            "managed",
            &["10.9.9.9"],
        ),
        (
            "rm /etc/nginx/sites-enabled/streamhub-cluster && systemctl reload nginx",
            "managed",
            &["nginx"],
        ),
    ] {
        host.sh_ok(breaks);
        let fix = host.suffers(check, words);
        host.paste(&fix);
        // The fix of a stopped core is a run that waits for it; others look right after.
        let is_well = || host.findings().is_empty();
        assert!(
            wait::until(Duration::from_secs(90), is_well),
            "{breaks}: {:#?}",
            host.findings()
        );
    }

    // Without its redis much falls over; with it, and a minute to hold out, all is well again.
    host.sh_ok("docker stop streamhub-redis");
    let found = host.findings();
    let redis = found.iter().find(|one| {
        one["what"]
            .as_str()
            .is_some_and(|what| what.contains("redis"))
    });
    let fix = redis.unwrap_or_else(|| panic!("{found:#?}"))["fix"]
        .as_str()
        .expect("it has one")
        .to_owned();
    host.paste(&fix);
    host.gets_well();

    // It can't read its own data, and falls over again and again: that is told, of redis and of nobody else.
    let at = "docker inspect --format '{{range .Mounts}}{{if eq .Destination \"/data\"}}{{.Source}}{{end}}{{end}}' streamhub-redis";
    let data = host.sh_ok(at).trim().to_owned();
    host.sh_ok(&format!(
        "docker stop streamhub-redis && mv {data} {data}.kept && mkdir --mode 777 --parents {data}/appendonlydir \
         && echo broken >{data}/appendonlydir/appendonly.aof.manifest && chmod --recursive a+rwX {data} \
         && docker start streamhub-redis"
    ));
    let falls = || {
        let found = host.findings();
        found
            .iter()
            .any(|one| one.to_string().contains("redis falls over again and again"))
    };
    assert!(
        wait::until(Duration::from_secs(60), falls),
        "{:#?}",
        host.findings()
    );
    let others = [
        "core falls",
        "livekit falls",
        "ingress falls",
        "egress falls",
    ];
    let found = format!("{:?}", host.findings());
    assert!(!others.iter().any(|other| found.contains(other)), "{found}");
    host.sh_ok(&format!(
        "docker stop streamhub-redis && rm -r {data} && mv {data}.kept {data} && docker start streamhub-redis"
    ));
    host.gets_well();

    host.sh_ok("systemctl stop nginx");
    let found = host.findings();
    let nginx = found.iter().find(|one| one.to_string().contains("nginx"));
    let fix = nginx.unwrap_or_else(|| panic!("{found:#?}"))["fix"]
        .as_str()
        .expect("it has one")
        .to_owned();
    host.paste(&fix);
    host.gets_well();
}
