//! Origins that the install.sh script set up, taken over by a run without flags.

use crate::cluster::edge;
use crate::host::Host;
use crate::origin_host::{as_origin, origin_host};
use crate::predecessor::{OPERATORS_OWN, RECORDING, SCRIPT};
use crate::predecessor_origin::{API_TOKEN, Shape, TOKEN, lay_out};
use crate::source::Source;
use crate::uninstall::{NOTHING, difference, of_others, others, strangers, uninstall};

/// The lines that each recorded key has.
fn pairs(env: &str) -> Vec<&str> {
    env.lines()
        .filter(|line| line.contains('=') && !line.starts_with('#'))
        .collect()
}

#[test]
fn an_origin_of_the_script_is_taken_over_with_all_that_it_has() {
    let elsewhere = Host::named("source").with_origin_packages().boot();
    let source = Source::serve(&elsewhere);
    for (git, cluster) in [(true, true), (false, false)] {
        let dir = "/opt/streamhub";
        let host = origin_host("origin");
        strangers(&host);
        let (before, neighbours) = (host.tree(), others(&host));
        let shape = Shape {
            git,
            cluster,
            certificate: None,
        };
        lay_out(&host, &source, dir, shape);
        let auth = if cluster {
            "REDISCLI_AUTH=Exampleabcdefghijabcdefghijabcde"
        } else {
            "REDISCLI_AUTH="
        };
        host.sh_ok(&format!("{auth} redis-cli set kept yes"));
        let env = host.read(&format!("{dir}/.env"));
        let tree = |host: &Host| {
            host.sh_ok(&format!("cd {dir} && find . -type f -not -path './.env' -not -path './.git/*' -not -name 'docker-compose.streamhub.yml' -not -path './data/*' | sort | xargs sha256sum"))
        };
        let files = tree(&host);

        let plan = host.program(["--dry-run"]).run().expect_code(0);
        let ip = host.ip().to_string();
        plan.expect_said(&[
            "taken over",
            &format!("domain: {ip}"),
            "proxy: nginx",
            "role: origin",
        ]);
        assert!(!plan.said().contains(API_TOKEN), "{}", plan.said());
        assert_eq!(host.read(&format!("{dir}/.env")), env);
        let since = host.moment();
        host.program::<&str>([]).run().expect_code(0);

        let now = host.read(&format!("{dir}/.env"));
        for line in pairs(&env) {
            // What single-quoting makes safe for every reader may be written anew, with the same value.
            let (key, value) = line.split_once('=').unwrap();
            let value = value.trim_matches('\'');
            if key != "OPERATORS_OWN" {
                assert_eq!(host.setting(dir, key), value, "{key}");
            }
        }
        assert!(now.contains(OPERATORS_OWN), "{now}");
        assert_eq!(tree(&host), files, "StreamHub's tree stays as it is");
        assert_eq!(host.read(&format!("{dir}/{RECORDING}")), "a recording");
        assert_ne!(host.sh(&format!("test -e {SCRIPT}")).code, 0);
        assert_eq!(
            host.sh_ok(&format!("{auth} redis-cli get kept")).trim(),
            "yes"
        );
        let made = host.engine_did(&since, &["create"]);
        for service in ["core", "egress", "ingress", "livekit", "redis"] {
            let create = format!("create {service}");
            assert!(
                made.iter().filter(|did| **did == create).count() <= 1,
                "{made:?}"
            );
        }
        let bearer = format!("Authorization: Bearer {API_TOKEN}");
        let nodes = "http://127.0.0.1:3020/api/v1/cluster/nodes";
        assert_eq!(host.status_of(nodes, &["--header", &bearer]), "200");
        host.program::<&str>([])
            .run()
            .expect_code(0)
            .expect_said(&["nothing to change"]);
        host.sh_ok(&format!("cd {dir} && docker compose up -d 2>&1"));
        host.program::<&str>([])
            .run()
            .expect_code(0)
            .expect_said(&["nothing to change"]);
        let origin = as_origin(host);
        if cluster {
            let far = edge("edge-1");
            far.program(["--join", "--master-ip", &ip])
                .env("STREAMHUB_MASTER_TOKEN", TOKEN)
                .run()
                .expect_code(0);
            assert_eq!(origin.node("edge-1")["status"], "active");
        }

        // What the script made goes as what this program makes.
        let host = origin.host;
        uninstall(&host, &["--purge"]).expect_code(0);
        uninstall(&host, &["--purge"])
            .expect_code(0)
            .expect_said(&[NOTHING]);
        let mut left = difference(&before, &host.tree());
        left.retain(|path| !of_others(path));
        assert_eq!(left, [""; 0]);
        assert_eq!(others(&host), neighbours);
        assert_eq!(host.status_of("http://127.0.0.1/", &[]), "200");
    }
}
