//! An origin as the install.sh script left it. Its `.env` was recorded from real ones (`fixtures/predecessor/`); the rest is
//! made anew from what is known of it.

use crate::acme::Acme;
use crate::host::Host;
use crate::predecessor::{OPERATORS_OWN, RECORDING, write_units};
use crate::source::Source;

const ENV: &str = include_str!("../../fixtures/predecessor/origin.env");
const CLUSTER_ENV: &str = include_str!("../../fixtures/predecessor/origin-cluster.env");
const SITE: &str = include_str!("../../fixtures/predecessor/site.conf");
/// The recorded origin's address.
const RECORDED: &str = "10.0.0.10";
/// Of the recorded `.env`.
pub const API_TOKEN: &str = "sk_Example012345678901234567890123456789012345";
pub const TOKEN: &str = "clt_Example0123456789012345678901234";

/// In which ways origins that the script made differ.
#[derive(Clone, Copy)]
pub struct Shape<'a> {
    /// Its source was cloned, and has its `.git`; else it came as a tarball.
    pub git: bool,
    /// It was prepared for edges by `--cluster-redis-bind`, and sends mail.
    pub cluster: bool,
    /// It has a certificate for this name, which certbot put into its site; else it is known by its address and has none.
    pub certificate: Option<(&'a Acme<'a>, &'a str)>,
}

/// Makes of a host ([`crate::origin_host::origin_host`]) what the script would have, its services running.
pub fn lay_out(host: &Host, source: &Source, dir: &str, shape: Shape) {
    let get = if shape.git {
        format!("git clone --quiet {} {dir}", source.git_url())
    } else {
        let tarball = source.tarball_url();
        format!(
            "mkdir -p {dir}; curl --silent --fail {tarball} | tar -xz -C {dir} --strip-components 1"
        )
    };
    host.sh_ok(&get);
    let env = env(host, shape);
    host.write(
        &format!("{dir}/.env"),
        format!("{env}# ours\n{OPERATORS_OWN}\n"),
        0o600,
    );
    host.write(&format!("{dir}/{RECORDING}"), "a recording", 0o644);
    host.sh_ok(&format!("chmod 0775 {dir}/data/apps"));
    write_units(host, "http://127.0.0.1:3020", TOKEN, "origin");
    serve(host, shape);
    host.sh_ok(&format!(
        "cd {dir} && docker compose build core 2>&1 && docker compose up -d redis livekit ingress egress core 2>&1
         for try in $(seq 300); do
             curl --silent --fail --output /dev/null http://127.0.0.1:3020/api/v1/health && exit
             sleep 0.1
         done
         docker logs streamhub-core >&2; exit 1"
    ));
    host.command(["docker", "exec", "-i", "streamhub-core", "node"])
        .args(["deploy/seed-token.js", "-", "bootstrap"])
        .stdin(API_TOKEN)
        .ok();
}

/// By what it is known.
fn domain(host: &Host, shape: Shape) -> String {
    let address = || host.ip().to_string();
    shape
        .certificate
        .map_or_else(address, |(_, name)| name.to_owned())
}

fn env(host: &Host, shape: Shape) -> String {
    let recorded = if shape.cluster { CLUSTER_ENV } else { ENV };
    let ip = host.ip();
    // Where it stands for the private address, whatever the origin's name.
    let mut env = recorded
        .replace(&format!("@{RECORDED}:6379"), &format!("@{ip}:6379"))
        .replace(&format!("127.0.0.1 {RECORDED}"), &format!("127.0.0.1 {ip}"));
    if shape.certificate.is_some() {
        env = env
            .replace(
                &format!("ws://{RECORDED}:7880"),
                &format!("wss://{RECORDED}"),
            )
            .replace(
                &format!("http://{RECORDED}"),
                &format!("https://{RECORDED}"),
            );
    }
    env.replace(RECORDED, &domain(host, shape))
}

fn serve(host: &Host, shape: Shape) {
    let domain = domain(host, shape);
    let site = format!("/etc/nginx/sites-available/{domain}");
    host.write(&site, SITE.replace(RECORDED, &domain), 0o644);
    host.sh_ok(&format!(
        "ln -s {site} /etc/nginx/sites-enabled/; rm -f /etc/nginx/sites-enabled/default
         nginx -t 2>&1 && systemctl reload nginx"
    ));
    if let Some((acme, name)) = shape.certificate {
        acme.lead(name, host);
        let run = host.script(
            "REQUESTS_CA_BUNDLE=$STREAMHUB_ACME_CA_FILE certbot --nginx --redirect --non-interactive --agree-tos \
             --email admin@$NAME --server $STREAMHUB_ACME_DIRECTORY --domain $NAME 2>&1",
        );
        acme.given_to(host, run.env("NAME", name)).ok();
    }
}
