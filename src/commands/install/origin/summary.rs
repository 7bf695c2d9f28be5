//! What an operator needs next, once an origin serves.

use std::net::SocketAddr;

use crate::env_file::EnvFile;
use crate::roles::origin::REDIS_PORT;
use crate::settings::{CORE_PORT, Origin, Settings};
use crate::ui;

/// Says it. Secrets are shown to a person at a terminal, and to nobody else.
pub(super) fn show(
    settings: &Settings,
    asked: &Origin,
    env: &EnvFile,
    has_certificate: bool,
    changes: usize,
) {
    let elsewhere = format!("(see {}/.env)", settings.dir.display());
    let tls = match (asked.tls, has_certificate) {
        (false, _) => "plain HTTP",
        (true, true) => "with a certificate",
        (true, false) => "without a valid certificate yet, as the warning above says",
    };
    let text = |secret: &dyn Fn(&str) -> String| text(settings, asked, env, tls, changes, secret);
    ui::disclose(
        &text(&|value| value.to_owned()),
        &text(&|_| elsewhere.clone()),
    );
}

fn text(
    settings: &Settings,
    asked: &Origin,
    env: &EnvFile,
    tls: &str,
    changes: usize,
    secret: &dyn Fn(&str) -> String,
) -> String {
    let value = |key: &str| env.get(key).ok().flatten().unwrap_or_default();
    let dir = settings.dir.display();
    let changes = match changes {
        0 => "nothing".to_owned(),
        1 => "1 thing".to_owned(),
        n => format!("{n} things"),
    };
    let edges = edges(settings, asked, &secret(value("STREAMHUB_CLUSTER_TOKEN")));
    format!(
        "
The origin {domain} serves.
  dashboard  {url}
  login      {user}, password {password}
  API token  {api_token}
  media      {ws} (RTMP: {rtmp}, port 1935)
  proxy      {proxy}, {tls}
  directory  {dir} (`docker compose ps` and `logs` work there)
  heartbeat  every 20 s, as the node `origin`
  changed    {changes}
  settings   {dir}/.env; run streamhub-install again after changing it
{edges}",
        domain = asked.domain,
        url = value("STREAMHUB_PUBLIC_URL"),
        user = value("ADMIN_USER"),
        password = secret(value("ADMIN_PASS")),
        api_token = secret(value("STREAMHUB_API_TOKEN")),
        ws = value("PUBLIC_WS_URL"),
        rtmp = value("RTMP_PUBLIC_HOST"),
        proxy = asked.proxy.name(),
    )
}

/// How the next edge joins.
fn edges(settings: &Settings, asked: &Origin, token: &str) -> String {
    let Some(bind) = asked.redis.bind else {
        return "
To have edges, offer them redis on a private address of this host:
  streamhub-install --cluster-redis-bind <address> --allow-edge <address of the edge>"
            .to_owned();
    };
    let api = match asked.port {
        CORE_PORT => String::new(),
        port => format!(" --master-url http://{}", SocketAddr::new(bind, port)),
    };
    let join = settings.elsewhere.command(&format!(
        "--join --master-ip {bind}{api} --master-token-file <file with the join token>"
    ));
    format!(
        "
To join an edge, let it in here, and run the second command there:
  streamhub-install allow-edge <address of the edge>
  {join}
The join token: {token}
It uses redis on {bind}:{REDIS_PORT} and the cluster's API on {bind}:{port}.",
        port = asked.port
    )
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::cli::Given;
    use crate::host::Host;

    #[test]
    fn an_edge_is_told_of_another_port() {
        let root = tempfile::tempdir().unwrap();
        let receipt = r#"{"version":1,"written_by":"0.1.0","role":"origin","dir":"/opt/streamhub","settings":{"domain":"localhost","cluster_redis_bind":"10.0.0.10"},"owned":[]}"#;
        for dir in ["etc/streamhub", "opt/streamhub"] {
            fs::create_dir_all(root.path().join(dir)).unwrap();
        }
        fs::write(root.path().join("etc/streamhub/receipt.json"), receipt).unwrap();
        for (env, told) in [
            (
                "PORT=4020\n",
                "--master-ip 10.0.0.10 --master-url http://10.0.0.10:4020 ",
            ),
            ("PORT=3020\n", "--master-ip 10.0.0.10 --master-token-file "),
        ] {
            fs::write(root.path().join("opt/streamhub/.env"), env).unwrap();
            let given = Given::nothing().unwrap();
            let settings = Settings::resolve(&given, &Host::new(root.path())).unwrap();
            let text = edges(&settings, settings.origin().unwrap(), "clt_Example");
            assert!(text.contains(told), "{text}");
        }
    }
}
