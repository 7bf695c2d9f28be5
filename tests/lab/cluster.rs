//! An origin and the edges that join it: the stand-in for the core, with a real redis beside it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::command::{HostCommand, Output};
use crate::host::Host;
use crate::images;
use crate::program::standin;

pub const TOKEN: &str = "clt_ExampleLabToken0123456789";
pub const API_TOKEN: &str = "sk_ExampleLabApiToken0123456789";
pub const REDIS_PASSWORD: &str = "ExampleLabRedisPassword";
pub const API_KEY: &str = "APIExampleLabKey";
pub const API_SECRET: &str = "ExampleLabLiveKitSecretOf40Characters000";
/// Every secret that a join brings to an edge, as the searches for leaks use them.
pub const SECRETS: &[&str] = &[TOKEN, REDIS_PASSWORD, API_KEY, API_SECRET];

/// How long a join may take before it counts as hung.
pub const JOIN_LIMIT: Duration = Duration::from_secs(240);

/// An origin: a host with redis on its address and the core's API on port 3020.
#[derive(Debug)]
pub struct Origin {
    pub host: Host,
}

impl Origin {
    pub fn boot(name: &str) -> Self {
        let host = Host::named(name).boot();
        host.push(&standin("origin"), "/root/origin");
        let origin = Self { host };
        origin.start_redis(REDIS_PASSWORD);
        origin.start_core(&origin.redis_url(REDIS_PASSWORD), "");
        origin
    }

    pub fn redis_url(&self, password: &str) -> String {
        format!("redis://:{password}@{}:6379", self.host.ip())
    }

    /// Starts redis for the network with this password.
    pub fn start_redis(&self, password: &str) {
        let ip = self.host.ip();
        self.host.sh_ok(&format!(
            "systemd-run --quiet --unit=lab-redis redis-server --bind 127.0.0.1 {ip} --requirepass {password} --save ''
             until redis-cli -h {ip} -a {password} ping 2>/dev/null | grep -q PONG; do sleep 0.05; done"
        ));
    }

    pub fn stop_redis(&self) {
        self.host.sh_ok("systemctl stop lab-redis");
    }

    /// Starts the stand-in for the core; it can be given more flags.
    pub fn start_core(&self, redis_url: &str, more: &str) {
        self.host.sh_ok(&format!(
            "systemd-run --quiet --unit=lab-core /root/origin --listen 0.0.0.0:3020 --control 127.0.0.1:3999 \
             --token {TOKEN} --api-token {API_TOKEN} --redis-url {redis_url} \
             --api-key {API_KEY} --api-secret {API_SECRET} {more}
             until curl --silent --output /dev/null http://127.0.0.1:3999/nodes; do sleep 0.05; done"
        ));
    }

    /// Tells the stand-in how to behave from now on: a rule or several, as its README lists them.
    pub fn behave(&self, rule: &Value) {
        self.control("behaviour", rule);
    }

    pub fn rotate(&self, rotation: &Value) {
        self.control("rotate", rotation);
    }

    /// Refuses connections.
    pub fn down(&self) {
        self.control("down", &json!({}));
    }

    pub fn up(&self) {
        self.control("up", &json!({}));
    }

    fn control(&self, what: &str, body: &Value) {
        self.host
            .command(["curl", "--silent", "--fail", "--data-binary", "@-"])
            .args([format!("http://127.0.0.1:3999/{what}")])
            .stdin(body.to_string())
            .ok();
    }

    /// The registry's rows.
    pub fn nodes(&self) -> Vec<Value> {
        nodes_at(&self.host)
    }

    /// The one row of this name.
    pub fn node(&self, name: &str) -> Value {
        node_at(&self.host, name)
    }

    /// Every request that the core has seen, oldest first.
    pub fn requests(&self) -> Vec<Value> {
        let text = self
            .host
            .sh_ok("curl --silent --fail http://127.0.0.1:3999/log");
        let rows: Value = serde_json::from_str(&text).expect("it is JSON");
        rows.as_array().expect("it is a list").clone()
    }

    /// How many joins the core has seen.
    pub fn joins(&self) -> usize {
        self.requests()
            .iter()
            .filter(|r| r["path"] == "/api/v1/cluster/join")
            .count()
    }
}

/// The rows of the registry on this host.
fn nodes_at(origin: &Host) -> Vec<Value> {
    let text = origin.sh_ok("curl --silent --fail http://127.0.0.1:3999/nodes");
    let rows: Value = serde_json::from_str(&text).expect("it is JSON");
    rows.as_array().expect("it is a list").clone()
}

/// The one row of this name there.
pub fn node_at(origin: &Host, name: &str) -> Value {
    let mut rows = nodes_at(origin);
    rows.retain(|row| row["name"] == name);
    assert_eq!(rows.len(), 1, "rows of {name}: {rows:?}");
    rows.remove(0)
}

/// A host with Docker and the stand-ins' images, and the program on it: with two cores, so that it says the same on
/// every machine.
pub fn edge(name: &str) -> Host {
    let host = Host::named(name)
        .with_cores(2)
        .with_docker()
        .with_images(images::livekit())
        .boot();
    host.push_program();
    host
}

impl Host {
    /// The program with these arguments; it asks nobody on the internet for its address.
    pub fn program<A: AsRef<str>>(&self, args: impl IntoIterator<Item = A>) -> HostCommand {
        self.command(["/root/streamhub-install"])
            .args(args.into_iter().map(|a| a.as_ref().to_owned()))
            .env("STREAMHUB_IP_LOOKUP_URL", "")
            .within(JOIN_LIMIT)
    }

    /// Puts the program where the ordinary user can run it; root's own home is closed to him.
    pub fn push_program_for_operator(&self) {
        self.push(
            &crate::program::program(),
            "/home/operator/streamhub-install",
        );
    }

    /// As [`Host::program`], by the ordinary user.
    pub fn operators_program<A: AsRef<str>>(
        &self,
        args: impl IntoIterator<Item = A>,
    ) -> HostCommand {
        self.command(["/home/operator/streamhub-install"])
            .args(args.into_iter().map(|a| a.as_ref().to_owned()))
            .env("STREAMHUB_IP_LOOKUP_URL", "")
            .by_operator()
    }

    /// The documented join, its token in the environment.
    pub fn join(&self, origin: &Origin) -> HostCommand {
        let ip = origin.host.ip().to_string();
        self.program(["--join", "--master-ip", &ip])
            .env("STREAMHUB_MASTER_TOKEN", TOKEN)
    }

    /// Joins, and panics with all that was said if that fails.
    #[track_caller]
    pub fn joined(&self, origin: &Origin) -> Output {
        self.join(origin).run().expect_code(0)
    }

    /// Container ids by name, of every container.
    pub fn containers(&self) -> Vec<String> {
        let listed = self
            .sh_ok("docker ps --all --no-trunc --format '{{.Names}} {{.ID}} {{.State}}' | sort");
        listed.lines().map(str::to_owned).collect()
    }

    /// Each container's name, id, start and how often it was restarted: equal as long as nobody touched one.
    pub fn lives(&self) -> Vec<String> {
        let listed = self.sh_ok(
            "docker inspect --format '{{.Name}} {{.Id}} {{.State.StartedAt}} {{.State.Status}} {{.RestartCount}}' \
             $(docker ps --all --quiet) | sort",
        );
        listed.lines().map(str::to_owned).collect()
    }

    /// What the engine did since this moment (of [`Host::moment`]), as `create livekit`: one word of `kinds`, and a
    /// service.
    pub fn engine_did(&self, since: &str, kinds: &[&str]) -> Vec<String> {
        let filters: String = kinds
            .iter()
            .map(|kind| format!(" --filter event={kind}"))
            .collect();
        let said = self.sh_ok(&format!(
            "docker events --since {since} --until $(date +%s.%N){filters} \
             --format '{{{{.Action}}}} {{{{index .Actor.Attributes \"com.docker.compose.service\"}}}}' | sort"
        ));
        said.lines().map(str::to_owned).collect()
    }

    /// Now, as the engine's events are asked for.
    pub fn moment(&self) -> String {
        self.sh_ok("date +%s.%N").trim().to_owned()
    }

    /// Whether livekit takes tokens that are signed with this key.
    pub fn takes_tokens_of(&self, key: &str, secret: &str) -> bool {
        let token = standins::jwt::token(key, secret);
        let url = format!("http://127.0.0.1:7880/rtc/validate?access_token={token}");
        self.run(["curl", "--silent", "--fail", &url]).stdout == "success"
    }
}

impl Output {
    /// Both streams.
    pub fn said(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// Panics unless it said all of this, on whichever stream.
    #[track_caller]
    pub fn expect_said(&self, words: &[&str]) -> &Self {
        let said = self.said();
        for word in words {
            assert!(said.contains(word), "{word:?} was not said:\n{said}");
        }
        self
    }

    /// The machine's events, where it was run with `--json`.
    pub fn events(&self) -> Vec<Value> {
        let lines = self.stdout.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
            .collect()
    }

    /// The last event.
    pub fn done(&self) -> Value {
        let done = self.events().pop().expect("it ends with an event");
        assert_eq!(done["event"], "done");
        done
    }
}
