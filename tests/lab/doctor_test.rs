//! `doctor`: a node in which one thing is broken at a time. It names exactly that, and what it says mends it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::cluster::{API_TOKEN, JOIN_LIMIT, Origin, REDIS_PASSWORD, SECRETS, TOKEN, edge};
use crate::diagnosis;
use crate::host::Host;
use crate::wait;

const OTHER_PASSWORD: &str = "ExampleOtherRedisPassword";
const OTHER_TOKEN: &str = "clt_ExampleOtherToken0123456789";

impl Host {
    #[track_caller]
    pub fn findings(&self) -> Vec<Value> {
        let said = self.program(["doctor", "--json"]).run();
        said.expect_none_of(SECRETS);
        said.expect_none_of(&[OTHER_PASSWORD, OTHER_TOKEN]);
        diagnosis::findings(&said.stdout, said.code)
    }

    /// A service that fell over without its redis has to hold out for a minute.
    #[track_caller]
    pub fn gets_well(&self) {
        wait::until(Duration::from_secs(150), || self.findings().is_empty());
        self.is_well();
    }

    #[track_caller]
    pub fn is_well(&self) {
        let found = self.findings();
        assert!(found.is_empty(), "{found:#?}");
    }

    /// The one finding is this check's and says this; gives its fix.
    #[track_caller]
    pub fn suffers(&self, check: &str, words: &[&str]) -> String {
        let found = self.findings();
        let [one] = found.as_slice() else {
            panic!("not {check} alone: {found:#?}");
        };
        assert_eq!(one["check"], check, "{one:#}");
        let what = one["what"].as_str().expect("it is text");
        for word in words {
            assert!(what.contains(word), "{word:?} is missing: {one:#}");
        }
        one["fix"].as_str().expect("it has a fix").to_owned()
    }

    /// Pastes a fix.
    #[track_caller]
    pub fn paste(&self, fix: &str) {
        let run = self.command(["bash", "-c", fix]).within(JOIN_LIMIT).run();
        assert_eq!(run.code, 0, "{fix}: {}", run.said());
    }
}

#[test]
fn what_is_broken_on_an_edge_is_named_and_the_fix_mends_it() {
    let origin = Origin::boot("origin");
    let edge = edge("edge-1");
    let none = edge.program(["doctor"]).run().expect_code(1);
    none.expect_said(&["no node is installed on this host"]);
    edge.joined(&origin);

    let well = edge.program(["doctor"]).run().expect_code(0);
    assert_eq!(
        (well.stdout.as_str(), well.stderr.as_str()),
        ("All is well.\n", "")
    );
    edge.is_well();

    // Somebody who helps from afar sees that too, and no secret.
    let run = edge
        .program(["support-bundle", "--output", "/root/bundle.tar.gz"])
        .run();
    run.expect_code(0).expect_none_of(SECRETS);
    let listed = edge.sh_ok(
        "tar -xzf /root/bundle.tar.gz && cat streamhub-support/doctor && ls -R streamhub-support",
    );
    for part in [
        "All is well.",
        "journal",
        "streamhub-livekit.json",
        "streamhub-egress.log",
    ] {
        assert!(listed.contains(part), "{part}: {listed}");
    }
    for secret in SECRETS {
        let found = edge.run([
            "grep",
            "--recursive",
            "--fixed-strings",
            "--regexp",
            secret,
            "streamhub-support",
        ]);
        assert_eq!(found.code, 1, "{}", found.stdout);
    }

    for (breaks, check, words) in [
        (
            "systemctl stop streamhub-heartbeat.timer",
            "timer",
            &["does not run"][..],
        ),
        (
            "cd /etc/systemd/system; systemctl disable --now streamhub-heartbeat.timer
             ln -sf /dev/null streamhub-heartbeat.timer; systemctl daemon-reload",
            "timer",
            &["masked", "streamhub-heartbeat.timer"],
        ),
        (
            "sed -i 's/^OnCalendar=.*/OnCalendar=monthly/' /etc/systemd/system/streamhub-heartbeat.timer
             systemctl daemon-reload",
            "managed",
            &["streamhub-heartbeat.timer", "OnCalendar"],
        ),
        (
            "chmod 644 /opt/streamhub/.env",
            "secrets",
            &["/opt/streamhub/.env", "0644"],
        ),
        (
            "chmod 640 /etc/streamhub/receipt.json",
            "secrets",
            &["receipt.json", "0640"],
        ),
        (
            "docker kill streamhub-livekit",
            "services",
            &["livekit is exited"],
        ),
        (
            "docker rm --force streamhub-egress",
            "services",
            &["egress has no container"],
        ),
        (
            "docker pause streamhub-ingress",
            "services",
            &["ingress is paused"],
        ),
        (
            "sed -i 's/^EGRESS_CPUS=.*/EGRESS_CPUS=1/' /opt/streamhub/.env",
            "settings",
            &["/opt/streamhub/.env", "egress"],
        ),
        (
            "sed -i 's|^LIVEKIT_WEBHOOK_URL=.*|LIVEKIT_WEBHOOK_URL=http://10.9.9.9/x|' /opt/streamhub/.env",
            "managed",
            &["/opt/streamhub/.env", "LIVEKIT_WEBHOOK_URL"],
        ),
        (
            "ufw allow 22/tcp; ufw --force enable",
            "managed",
            &["firewall", "ufw allow 7880/tcp"],
        ),
        (
            "ufw deny 7881/tcp",
            "managed",
            &["firewall", "ufw allow 7881/tcp"],
        ),
    ] {
        edge.sh_ok(breaks);
        let fix = edge.suffers(check, words);
        edge.paste(&fix);
        let left = edge.findings();
        assert!(left.is_empty(), "{breaks}\nmended by {fix}\nleft {left:#?}");
    }
}

#[test]
fn what_is_broken_between_an_edge_and_its_origin_is_named() {
    let origin = Origin::boot("origin");
    let edge = edge("edge-1");
    edge.joined(&origin);
    edge.is_well();

    origin.behave(&json!({"act": "skew", "seconds": 31_536_000}));
    let fix = edge.suffers("skew", &["1 year behind"]);
    assert!(fix.starts_with("timedatectl set-ntp true"), "{fix}");
    origin.behave(&json!({"act": "skew", "seconds": 20}));
    edge.is_well();
    origin.behave(&json!({"act": "normal"}));

    origin.down();
    edge.suffers("origin", &["Connection refused"]);
    origin.up();

    // No way, another password and no password are three things.
    origin.stop_redis();
    let fix = edge.suffers("redis", &["no way", "connection refused"]);
    let ip = origin.host.ip();
    assert!(fix.contains(&format!("--cluster-redis-bind {ip}")), "{fix}");
    assert!(fix.contains(&format!("allow-edge {}", edge.ip())), "{fix}");
    origin.start_redis(REDIS_PASSWORD);
    edge.gets_well();
    origin
        .host
        .sh_ok("ufw allow 3020/tcp; ufw deny 6379/tcp; ufw --force enable");
    edge.suffers("redis", &["no way", "no answer within"]);
    origin.host.sh_ok("ufw --force disable");
    origin.host.sh_ok(&format!(
        "redis-cli -a {REDIS_PASSWORD} config set protected-mode no
         redis-cli -a {REDIS_PASSWORD} config set requirepass ''"
    ));
    edge.suffers("redis", &["DANGER", "takes anybody"]);
    origin.stop_redis();
    origin.start_redis(OTHER_PASSWORD);
    origin.rotate(&json!({"redis_url": origin.redis_url(OTHER_PASSWORD)}));
    let fix = edge.suffers("redis", &["refuses the saved password"]);
    edge.paste(&fix);
    edge.gets_well();

    origin.rotate(&json!({"token": OTHER_TOKEN}));
    let fix = edge.suffers("token", &["was changed there"]);
    let (command, _) = fix.split_once('<').expect("it names a file");
    edge.write("/root/token", OTHER_TOKEN, 0o600);
    edge.paste(&format!("{command} /root/token"));
    edge.is_well();

    let id = origin.node("edge-1")["id"].clone();
    origin.host.sh_ok(&format!(
        "curl --silent --fail --request DELETE --header 'Authorization: Bearer {API_TOKEN}' \
         http://127.0.0.1:3020/api/v1/cluster/nodes/{}",
        id.as_str().expect("it is text")
    ));
    let fix = edge.suffers("node", &["does not know this node", "edge-1"]);
    edge.paste(&fix);
    edge.gets_well();
    assert_ne!(TOKEN, OTHER_TOKEN);
}
