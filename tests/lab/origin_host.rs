//! Hosts that are to become origins by the program itself.

use crate::cluster::Origin;
use crate::host::Host;
use crate::images;

/// The keys of `.env` whose values an origin makes up: those that nobody can give, the login's, and with redis for the
/// cluster the last.
pub const GENERATED: &[&str] = &[
    "LIVEKIT_API_KEY",
    "LIVEKIT_API_SECRET",
    "STREAMHUB_JWT_SECRET",
    "STREAMHUB_API_TOKEN",
    "METRICS_TOKEN",
    "STREAMHUB_CLUSTER_TOKEN",
    "ADMIN_PASS",
    "REDIS_PASSWORD",
];

/// A host with everything that an origin behind nginx needs, so that no test waits for apt or a registry, and the program
/// on it: with two cores, so that it says the same on every machine.
///
/// The core's images take orders on 127.0.0.1:3999, so once one runs, [`as_origin`] sees and tells it what to do.
pub fn origin_host(name: &str) -> Host {
    origin_host_with(name, images::origin())
}

/// The same with other images: [`images::caddy`] beside, or a core that never gets healthy
/// (`images::core(CORE).with_change("ENV STANDIN_HEALTH=never")`).
pub fn origin_host_with(name: &str, images: Vec<images::Image>) -> Host {
    let host = Host::named(name)
        .with_cores(2)
        .with_origin_packages()
        .with_images(images)
        .boot();
    host.push_program();
    host
}

/// A host on which an origin was installed, for what tests ask of one. Its tokens are those of its `.env`.
pub fn as_origin(host: Host) -> Origin {
    Origin { host }
}

impl Host {
    /// A value of an installed node's `.env`; panics where it has none.
    #[track_caller]
    pub fn setting(&self, dir: &str, key: &str) -> String {
        let env = self.read(&format!("{dir}/.env"));
        let mut values = env.lines().filter_map(|line| line.split_once('='));
        let value = values.rfind(|(name, _)| *name == key);
        let value = value.unwrap_or_else(|| panic!("no {key} in {dir}/.env")).1;
        value.trim_matches('\'').to_owned()
    }

    /// What a request to this address is answered, as `200`; `000` when nobody answers.
    pub fn status_of(&self, url: &str, options: &[&str]) -> String {
        let quiet = ["--silent", "--output", "/dev/null", "--max-time", "10"];
        self.command(["curl"])
            .args(quiet)
            .args(["--write-out", "%{http_code}"])
            .args(options)
            .args([url])
            .run()
            .stdout
    }

    /// Asks for a websocket and returns what comes in the first two seconds: the answer's head, and with a 101 what
    /// livekit says then.
    pub fn websocket(&self, url: &str, options: &[&str]) -> String {
        let ask = [
            "--silent",
            "--include",
            "--no-buffer",
            "--http1.1",
            "--max-time",
            "2",
        ];
        let upgrade = [
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ];
        let headers = upgrade.iter().flat_map(|header| ["--header", header]);
        self.command(["curl"])
            .args(ask)
            .args(headers)
            .args(options)
            .args([url])
            .run()
            .stdout
    }
}
