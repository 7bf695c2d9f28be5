//! What a join leaves on a host: exactly these files, modes and lines, and services that run what they say.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use standins::jwt;

use crate::cluster::{API_KEY, API_SECRET, Origin, REDIS_PASSWORD, SECRETS, edge};
use crate::host::Host;
use crate::tree::Tree;

/// What our files may be, by path: kind, mode and owner.
const LEFT: &[(&str, &str)] = &[
    ("/etc/streamhub", "directory 0700 0:0"),
    ("/etc/streamhub/heartbeat.env", "file 0600 0:0"),
    ("/etc/streamhub/receipt.json", "file 0600 0:0"),
    ("/etc/sysctl.d/99-streamhub-webrtc.conf", "file 0644 0:0"),
    (
        "/etc/systemd/system/streamhub-heartbeat.service",
        "file 0644 0:0",
    ),
    (
        "/etc/systemd/system/streamhub-heartbeat.timer",
        "file 0644 0:0",
    ),
    (
        "/etc/systemd/system/timers.target.wants/streamhub-heartbeat.timer",
        "link 0777 0:0",
    ),
    ("/opt/streamhub", "directory 0755 0:0"),
    ("/opt/streamhub/.env", "file 0600 0:0"),
    ("/opt/streamhub/data", "directory 0755 0:0"),
    ("/opt/streamhub/data/apps", "directory 0775 0:0"),
    ("/opt/streamhub/docker-compose.yml", "file 0644 0:0"),
    ("/usr/local/bin/streamhub-install", "file 0755 0:0"),
    ("/var/log/streamhub-install.log", "file 0600 0:0"),
];

/// The paths that are new or changed, each with its kind, mode and owner.
pub fn changed(before: &Tree, after: &Tree) -> BTreeMap<String, String> {
    let is_new = |(path, now): &(&std::path::PathBuf, &String)| before.get(*path) != Some(now);
    let look = |now: &str| now.split(' ').take(3).collect::<Vec<_>>().join(" ");
    after
        .iter()
        .filter(is_new)
        .map(|(path, now)| (path.display().to_string(), look(now)))
        .collect()
}

/// [`LEFT`], as [`changed`] says it.
pub fn left() -> BTreeMap<String, String> {
    LEFT.iter()
        .map(|(path, now)| ((*path).to_owned(), (*now).to_owned()))
        .collect()
}

/// The lines that are settings.
fn settings(text: &str) -> Vec<&str> {
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect()
}

#[test]
fn a_join_leaves_these_files_and_no_other() {
    let origin = Origin::boot("origin");
    let edge = edge("edge-1");
    let before = edge.tree();
    edge.joined(&origin);
    assert_eq!(changed(&before, &edge.tree()), left());
    let ip = origin.host.ip();

    let env = edge.read("/opt/streamhub/.env");
    let cores: f64 = edge.sh_ok("nproc").trim().parse().expect("it is a number");
    let (egress, ingress) = (cores.min(4.0), cores.min(1.5));
    let wanted = [
        "STREAMHUB_DOMAIN=join-edge-1".to_owned(),
        "ACME_EMAIL=none@localhost".to_owned(),
        format!("LIVEKIT_API_KEY={API_KEY}"),
        format!("LIVEKIT_API_SECRET={API_SECRET}"),
        format!("REDIS_URL={}", origin.redis_url(REDIS_PASSWORD)),
        format!("LIVEKIT_REDIS_ADDRESS={ip}:6379"),
        format!("LIVEKIT_REDIS_PASSWORD={REDIS_PASSWORD}"),
        format!("LIVEKIT_WEBHOOK_URL=http://{ip}:3020/api/v1/webhooks/livekit"),
        "DATA_DIR=/data".to_owned(),
        "STREAMHUB_HOST_DATA_DIR=./data".to_owned(),
        format!("EGRESS_CPUS={egress}"),
        format!("INGRESS_CPUS={ingress}"),
    ];
    assert_eq!(settings(&env), wanted);

    let id = origin.node("edge-1")["id"].clone();
    let id = id.as_str().expect("it has one");
    let beat = edge.read("/etc/streamhub/heartbeat.env");
    let wanted = [
        format!("STREAMHUB_HB_URL=http://{ip}:3020"),
        format!("STREAMHUB_HB_TOKEN={}", crate::cluster::TOKEN),
        format!("STREAMHUB_HB_NODE_ID={id}"),
    ];
    assert_eq!(settings(&beat), wanted);

    let sysctl = edge.read("/etc/sysctl.d/99-streamhub-webrtc.conf");
    for line in settings(&sysctl) {
        let (name, bytes) = line.split_once(" = ").expect("name = value");
        assert!(["net.core.rmem_max", "net.core.wmem_max"].contains(&name));
        assert!(bytes.parse::<u64>().expect("it is a number") >= 16_777_216);
    }
    assert_eq!(settings(&sysctl).len(), 2);
    // The program that the timer runs is the one that was run here.
    edge.sh_ok("cmp /root/streamhub-install /usr/local/bin/streamhub-install");
    assert_that_units_are_right(&edge);
    assert_that_secrets_stay_where_they_belong(&edge);
}

#[track_caller]
fn assert_that_units_are_right(edge: &Host) {
    edge.sh_ok("systemd-analyze verify /etc/systemd/system/streamhub-heartbeat.*");
    let show = |unit: &str, property: &str| {
        let line = edge.run(["systemctl", "show", "--value", "--property", property, unit]);
        line.ok().trim().to_owned()
    };
    let (service, timer) = ("streamhub-heartbeat.service", "streamhub-heartbeat.timer");
    assert!(
        show(service, "ExecStart").contains("argv[]=/usr/local/bin/streamhub-install heartbeat ;")
    );
    assert_eq!(show(service, "TimeoutStartUSec"), "18s");
    assert_eq!(show(service, "ProtectSystem"), "strict");
    assert_eq!(show(timer, "UnitFileState"), "enabled");
    assert_eq!(show(timer, "ActiveState"), "active");
    assert_eq!(show(timer, "AccuracyUSec"), "1s");
    assert_eq!(show(timer, "FixedRandomDelay"), "yes");
    let calendar = show(timer, "TimersCalendar");
    assert!(
        calendar.contains("OnCalendar=*-*-* *:*:00/20"),
        "{calendar}"
    );
    // A kind of timer that can stop for good.
    assert_eq!(show(timer, "TimersMonotonic"), "");
}

/// In `.env` and `heartbeat.env`, which only root may read; nowhere else that a join has touched, not even there.
#[track_caller]
fn assert_that_secrets_stay_where_they_belong(edge: &Host) {
    let may_hold = ["/opt/streamhub/.env", "/etc/streamhub/heartbeat.env"];
    for (path, kind) in LEFT {
        if !kind.starts_with("file") || may_hold.contains(path) {
            continue;
        }
        let text = edge.sh_ok(&format!("strings --all {path} 2>/dev/null || cat {path}"));
        for secret in SECRETS {
            assert!(!text.contains(secret), "{path} holds a secret");
        }
    }
    let receipt = edge.read("/etc/streamhub/receipt.json");
    let receipt: Value = serde_json::from_str(&receipt).expect("it is JSON");
    assert_eq!(receipt["role"], "edge");
    let owned = receipt["owned"].as_array().expect("it is a list");
    assert!(owned.iter().all(|thing| thing["pending"] == false));
}

#[test]
fn the_services_run_with_the_keys_of_the_origin_and_docker_compose_by_hand_changes_nothing() {
    let origin = Origin::boot("origin");
    let edge = edge("edge-1");
    edge.joined(&origin);

    let validate = |key: &str, secret: &str| {
        let url = format!(
            "http://127.0.0.1:7880/rtc/validate?access_token={}",
            jwt::token(key, secret)
        );
        edge.sh_ok(&format!(
            "curl --silent --output /dev/null --write-out '%{{http_code}}' '{url}'"
        ))
    };
    assert_eq!(validate(API_KEY, API_SECRET), "200");
    assert_eq!(
        validate(API_KEY, "ExampleOtherSecretOf40Characters00000000"),
        "401"
    );
    assert_eq!(validate("APIExampleOther", API_SECRET), "401");

    // Readable by the user that each service runs as, and by nobody else.
    for (service, path, mode) in [
        ("livekit", "/etc/livekit.yaml", "-r--------"),
        ("ingress", "/etc/ingress.yaml", "-r--r-----"),
        ("egress", "/etc/egress.yaml", "-r--r-----"),
    ] {
        let listed = edge.sh_ok(&format!(
            "docker cp streamhub-{service}:{path} - | tar --list --verbose --numeric-owner --file=-"
        ));
        assert!(listed.starts_with(&format!("{mode} 0/0")), "{listed}");
        let inspected = edge.sh_ok(&format!("docker inspect streamhub-{service}"));
        for secret in SECRETS {
            assert!(!inspected.contains(secret), "{service} shows a secret");
        }
    }
    // The stand-in tries this when it starts, as the real one's user.
    let egress = edge.sh_ok("docker logs streamhub-egress 2>&1");
    assert!(egress.contains("service ready"), "{egress}");
    assert!(!egress.contains("cannot write recordings"), "{egress}");
    edge.sh_ok(
        "setpriv --reuid=1001 --regid=0 --clear-groups touch /opt/streamhub/data/apps/recording",
    );
    let elsewhere = "setpriv --reuid=1001 --regid=0 --clear-groups touch /opt/streamhub/data/x";
    assert_ne!(edge.sh(elsewhere).code, 0);

    let (containers, tree) = (edge.containers(), edge.tree());
    let listed = edge
        .sh_ok("cd /opt/streamhub && docker compose ps --format '{{.Service}} {{.State}}' | sort");
    assert_eq!(listed, "egress running\ningress running\nlivekit running\n");
    edge.sh_ok("cd /opt/streamhub && docker compose up --detach");
    assert_eq!(edge.containers(), containers);
    assert_eq!(edge.tree(), tree);
    // Nor does the program see anything to do afterwards.
    let said = edge.program::<&str>([]).run().expect_code(0);
    assert!(said.stdout.contains("changed    nothing"), "{said:?}");
    assert_eq!(edge.containers(), containers);
    assert!(edge.tree().contains_key(Path::new("/opt/streamhub/.env")));
}
