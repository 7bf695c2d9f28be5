//! Rotations that are killed wherever they record a step, and while compose is at work: the secret is then the old one
//! or the new one, and the next run, be it a plain one or the same again, makes it the only one everywhere.

use std::time::{Duration, Instant};

use crate::campaign::{tell, times};
use crate::cluster::JOIN_LIMIT;
use crate::command::HostCommand;
use crate::host::Host;
use crate::images::CORE;
use crate::origin_host::origin_host;
use crate::wait;

const DIR: &str = "/opt/streamhub";
const RENAMES: &str = "rename,renameat,renameat2";
/// Of each secret's boundaries; `STREAMHUB_LAB_KILLS=9` plays them all.
const KILLS: usize = 3;
/// What can be rotated, the key that tells one value from the next, and how often `.env` has that value.
const SECRETS: &[(&str, &str, usize)] = &[
    ("redis-password", "REDIS_PASSWORD", 4),
    ("livekit-keys", "LIVEKIT_API_SECRET", 1),
    ("cluster-token", "STREAMHUB_CLUSTER_TOKEN", 1),
];

/// The secrets of one moment, as `.env` has them.
struct Secrets {
    password: String,
    keys: (String, String),
    token: String,
}

impl Secrets {
    fn of(host: &Host) -> Self {
        let value = |key| host.setting(DIR, key);
        Self {
            password: value("REDIS_PASSWORD"),
            keys: (value("LIVEKIT_API_KEY"), value("LIVEKIT_API_SECRET")),
            token: value("STREAMHUB_CLUSTER_TOKEN"),
        }
    }

    fn all(&self) -> [&String; 4] {
        [&self.password, &self.keys.0, &self.keys.1, &self.token]
    }
}

/// The rotation under strace, which watches the program alone and is told the rest.
fn traced(host: &Host, secret: &str, how: &[&str]) -> HostCommand {
    host.command(["strace", "--quiet=all", "--trace", RENAMES])
        .args(how)
        .args(["/root/streamhub-install", "rotate", secret, "--yes"])
        .env("STREAMHUB_IP_LOOKUP_URL", "")
        .within(JOIN_LIMIT)
}

/// Everything has the secrets of `.env`, and nothing those before that are no more.
#[track_caller]
fn is_whole(host: &Host, before: &Secrets, when: &str) {
    let now = Secrets::of(host);
    let env = host.read("/opt/streamhub/.env");
    let gone: Vec<&String> = before
        .all()
        .into_iter()
        .filter(|old| !now.all().contains(old))
        .collect();
    let heartbeat = host.read("/etc/streamhub/heartbeat.env");
    let core = host.sh_ok("docker inspect --format '{{json .Config.Env}}' streamhub-core");
    for (place, text) in [
        (".env", &env),
        ("heartbeat.env", &heartbeat),
        ("the core", &core),
    ] {
        let old = gone.iter().find(|old| text.contains(**old));
        assert_eq!(old, None, "after {when}: an old secret in {place}");
    }
    for (secret, key, count) in SECRETS {
        let value = host.setting(DIR, key);
        assert_eq!(
            env.matches(&value).count(),
            *count,
            "after {when}: {secret} in .env"
        );
        assert!(
            core.contains(&value),
            "after {when}: the core has another {key}"
        );
    }
    assert!(
        core.contains(&now.keys.0),
        "after {when}: the core has another key"
    );
    assert!(
        heartbeat.contains(&now.token),
        "after {when}: the heartbeat has another token"
    );
    // One that the core refuses fails the beat.
    host.program(["heartbeat"]).run().expect_code(0);
    let ping = |password: &str| {
        let ask = format!(
            "REDISCLI_AUTH={password} redis-cli -h {} ping 2>&1",
            host.ip()
        );
        host.sh(&ask).stdout
    };
    assert!(ping(&now.password).contains("PONG"), "after {when}");
    let takes = |keys: &(String, String)| host.takes_tokens_of(&keys.0, &keys.1);
    assert!(takes(&now.keys), "after {when}: livekit has another key");
    if before.password != now.password {
        assert!(
            !ping(&before.password).contains("PONG"),
            "after {when}: redis takes the old password"
        );
    }
    if before.keys != now.keys {
        assert!(
            !takes(&before.keys),
            "after {when}: livekit takes the old key"
        );
    }
    // ingress and egress have it too, or this would change them.
    let again = host.program(["--json", "--dry-run"]).run().expect_code(0);
    assert_eq!(again.done()["changed"], false, "after {when}: {again:?}");
}

/// What follows a kill: by turns a plain run, which keeps what stands in `.env`, and the same rotation again.
#[track_caller]
fn converges(
    host: &Host,
    (secret, key, _): (&str, &str, usize),
    before: &Secrets,
    nth: usize,
    when: &str,
) {
    let between = host.setting(DIR, key);
    if nth.is_multiple_of(2) {
        let again = host.program(["rotate", secret, "--yes"]).run();
        assert_eq!(again.code, 0, "after {when}: {again:?}");
        assert_ne!(
            host.setting(DIR, key),
            between,
            "after {when}: it was not rotated again"
        );
    } else {
        let again = host.program::<&str>([]).run();
        assert_eq!(again.code, 0, "after {when}: {again:?}");
        assert_eq!(
            host.setting(DIR, key),
            between,
            "after {when}: what stands in .env counts"
        );
    }
    is_whole(host, before, when);
}

#[test]
fn a_killed_rotation_is_the_old_secret_or_the_new_one() {
    let origin = origin_host("origin");
    let ip = origin.ip().to_string();
    origin
        .program(["--domain", &ip, "--core-image", CORE, "--non-interactive"])
        .args(["--cluster-redis-bind", &ip])
        .run()
        .expect_code(0);
    for &(secret, key, count) in SECRETS {
        let start = Instant::now();
        let before = Secrets::of(&origin);
        traced(&origin, secret, &["--output=/run/renames"])
            .run()
            .expect_code(0);
        is_whole(&origin, &before, secret);
        let renames = origin.read("/run/renames");
        let to = |line: &str| line.rsplit('"').nth(1).map(str::to_owned);
        let boundaries: Vec<String> = renames.lines().filter_map(to).collect();
        // Two for each change and one for each file.
        assert!(boundaries.len() >= 5, "{boundaries:?}");

        let kills = (KILLS * times()).min(boundaries.len());
        for nth in 0..kills {
            // Spread evenly, the first and the last among them.
            let at = 1 + nth * (boundaries.len() - 1) / (kills - 1);
            let when = format!(
                "a kill of {secret} at boundary {at} of {}, {}",
                boundaries.len(),
                boundaries[at - 1]
            );
            let before = Secrets::of(&origin);
            let inject = format!("inject={RENAMES}:signal=SIGKILL:when={at}");
            let cut = traced(&origin, secret, &["--output=/dev/null", "-e", &inject]).run();
            assert_eq!(cut.code, 137, "{when}: {cut:?}");
            converges(&origin, (secret, key, count), &before, nth, &when);
        }

        // Between two boundaries, where what it has started works on without it.
        let before = Secrets::of(&origin);
        let mut run = origin.program(["rotate", secret, "--yes"]).spawn();
        let at_work = || origin.sh("pgrep --full '[c]ompose .* up '").code == 0;
        assert!(
            wait::until(Duration::from_secs(60), at_work),
            "compose was not started"
        );
        run.kill(false);
        let when = format!("a kill of {secret} while compose is at work");
        run.wait().expect_code(137);
        assert_ne!(
            before.all().map(String::clone),
            Secrets::of(&origin).all().map(String::clone),
            "{when}"
        );
        converges(&origin, (secret, key, count), &before, 1, &when);
        tell(&format!(
            "{secret}: {} kills, {} boundaries, {:.0} s",
            kills + 1,
            boundaries.len(),
            start.elapsed().as_secs_f64()
        ));
    }
}
