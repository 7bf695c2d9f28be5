//! An edge as the install.sh script left it. Its `.env` was recorded from a real one (`fixtures/predecessor/`); the rest
//! is made anew from what is known of it.

use serde_json::{Value, json};

use crate::cluster::{API_KEY, API_SECRET, Origin, REDIS_PASSWORD, TOKEN, edge};
use crate::host::Host;

const ENV: &str = include_str!("../../fixtures/predecessor/edge.env");
const COMPOSE: &str = include_str!("../../fixtures/predecessor/docker-compose.yml");
pub const SCRIPT: &str = "/usr/local/bin/streamhub-heartbeat.sh";
const HEARTBEAT: &str = "#!/bin/sh\n. /etc/streamhub/heartbeat.env\nexit 0\n";
const SERVICE: &str = "[Unit]\nDescription=StreamHub heartbeat\n
[Service]\nType=oneshot\nExecStart=/usr/local/bin/streamhub-heartbeat.sh\n";
const TIMER: &str = "[Unit]\nDescription=StreamHub heartbeat\n
[Timer]\nOnBootSec=30\nOnUnitActiveSec=30\n\n[Install]\nWantedBy=timers.target\n";
/// A line of an operator's own at the end of `.env`, without a line end.
pub const OPERATORS_OWN: &str = "OPERATORS_OWN=a b #c";
/// What nobody has a copy of.
pub const RECORDING: &str = "data/apps/live/recording.mp4";
const SYSCTL: &str = "net.core.rmem_max=16777216\nnet.core.wmem_max=16777216\n";

/// The name that the recorded `.env` has.
pub const NAME: &str = "edge-ams-1";
pub const REGION: &str = "eu-west";

/// A host that the script has joined to this origin, in `dir`, with what an operator has added since.
pub fn predecessors_edge(origin: &Origin, dir: &str) -> Host {
    let host = edge("server-7");
    lay_out(&host, origin, dir);
    start(&host, dir);
    host
}

/// The services, as the script starts them.
pub fn start(host: &Host, dir: &str) {
    host.sh_ok(&format!(
        "cd {dir} && docker compose up --detach --no-deps livekit ingress egress 2>&1"
    ));
}

/// What the script was told of an edge's origin, and what that one answered.
pub struct Join<'a> {
    pub origin: &'a Host,
    /// Its API, from another host.
    pub url: &'a str,
    pub token: &'a str,
    pub api_key: &'a str,
    pub api_secret: &'a str,
    pub redis_password: &'a str,
}

/// Makes of a host what the script would have, but for the services.
pub fn lay_out(host: &Host, origin: &Origin, dir: &str) {
    let join = Join {
        origin: &origin.host,
        url: &format!("http://{}:3020", origin.host.ip()),
        token: TOKEN,
        api_key: API_KEY,
        api_secret: API_SECRET,
        redis_password: REDIS_PASSWORD,
    };
    lay_out_of(host, &join, dir);
}

/// The same of any origin's edge.
pub fn lay_out_of(host: &Host, join: &Join, dir: &str) {
    let row = registered(join, host);
    let env = ENV
        .replace("http://10.0.0.10:3020", join.url)
        .replace("10.0.0.10", &join.origin.ip().to_string())
        .replace("APIexamplekey01", join.api_key)
        .replace("ExampleLiveKitSecretOf40CharactersLong00", join.api_secret)
        .replace("ExampleRedisPassword", join.redis_password);
    let write = |name: &str, text: &str, mode| host.write(&format!("{dir}/{name}"), text, mode);
    write(".env", &format!("{env}# ours\n{OPERATORS_OWN}"), 0o600);
    write("docker-compose.yml", COMPOSE, 0o644);
    write(".git/HEAD", "ref: refs/heads/main\n", 0o644);
    write("deploy/backup.sh", "#!/bin/sh\n", 0o755);
    write("server/package.json", "{}\n", 0o644);
    host.sh_ok(&format!(
        "ln -sf server/package.json {dir}/package.json; mkdir -p {dir}/empty"
    ));
    write(RECORDING, "a recording", 0o644);
    host.sh_ok(&format!("chmod 0775 {dir}/data/apps"));
    write_units(host, join.url, join.token, &row);
}

/// The heartbeat of a node of either role, and what else the script left outside its directory.
pub fn write_units(host: &Host, url: &str, token: &str, node: &str) {
    host.sh_ok("install -d -m 0700 /etc/streamhub");
    let beat = format!(
        "STREAMHUB_HB_URL={url}\nSTREAMHUB_HB_TOKEN={token}\nSTREAMHUB_HB_NODE_ID={node}\n"
    );
    host.write("/etc/streamhub/heartbeat.env", beat, 0o600);
    host.write(SCRIPT, HEARTBEAT, 0o755);
    host.write(
        "/etc/systemd/system/streamhub-heartbeat.service",
        SERVICE,
        0o644,
    );
    host.write(
        "/etc/systemd/system/streamhub-heartbeat.timer",
        TIMER,
        0o644,
    );
    host.write("/etc/sysctl.d/99-streamhub-webrtc.conf", SYSCTL, 0o644);
    host.sh_ok("systemctl daemon-reload; systemctl enable --quiet --now streamhub-heartbeat.timer");
}

/// Registers the node as the script did, and returns its id.
fn registered(join: &Join, host: &Host) -> String {
    let body = json!({ "name": NAME, "ip": host.ip(), "region": REGION });
    let said = join
        .origin
        .command(["curl", "--silent", "--fail", "--data-binary", "@-"])
        .args(["--header", "Content-Type: application/json"])
        .args(["--header", &format!("X-Cluster-Token: {}", join.token)])
        .args(["http://127.0.0.1:3020/api/v1/cluster/join"])
        .stdin(body.to_string())
        .ok();
    let said: Value = serde_json::from_str(&said).expect("it is JSON");
    said["data"]["nodeId"]
        .as_str()
        .expect("it has one")
        .to_owned()
}
