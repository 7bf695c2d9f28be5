//! An origin's settings.

mod cluster;
mod domain;
mod edges;
mod left;
mod listen;
mod source;

use std::net::IpAddr;
use std::path::Path;

use url::Url;

pub use cluster::{Redis, beyond_loopback, is_for_clusters};
pub use domain::Domain;
pub use edges::edge_addresses;
pub use left::Left;
pub(super) use left::is_without_tls;
pub use listen::{CORE_PORT, api_port};
use listen::{core_port, exposed_on};
pub use source::Core;
pub(super) use source::cloned_from;

use super::address::address;
use super::files::read;
use super::{Saved, usage, variable};
use crate::cli::{Given, RotatedSecret};
use crate::env_file::EnvFile;
use crate::fault::{Exit, Fault, Result, is_permission_denied};
use crate::host::Host;
use crate::receipt;
use crate::resource::{operators_layer, site_name};
use crate::secret::Secret;

/// What stands before the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proxy {
    Nginx,
    Caddy,
}

impl Proxy {
    /// As `--proxy` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Caddy => "caddy",
        }
    }
}

/// What an origin is asked to be.
#[derive(Clone, Debug)]
pub struct Origin {
    pub domain: Domain,
    /// What the file of its site in nginx is called.
    pub site: String,
    /// Whether a certificate is wanted; never for an address or a test install.
    pub tls: bool,
    /// `--no-tls` was given, now or before, for whichever domain.
    no_tls: bool,
    /// `--no-tls` was given now: a site with TLS loses it. Later runs leave alone what an operator has certbot do there.
    pub drops_tls: bool,
    pub proxy: Proxy,
    /// The ACME server, where it is another than Let's Encrypt.
    pub acme_directory: Option<Url>,
    /// It was named now, not saved by an earlier run.
    pub acme_is_named: bool,
    /// The text of a PEM file with the authorities to trust for it, beside the system's.
    pub acme_ca_file: Option<String>,
    pub core: Core,
    /// The port that the core listens on, from `.env`.
    pub port: u16,
    /// Where it listens beyond loopback by an operator's own `HOST` in `.env`.
    pub exposed_on: Option<String>,
    /// How the redis is offered to the cluster.
    pub redis: Redis,
    /// Edges that the firewall lets in: those of earlier runs, and those of this one.
    pub edges: Vec<IpAddr>,
    /// The secret that is made anew.
    pub rotated: Option<RotatedSecret>,
    /// What goes into `.env` as it was given; the rest stays as it is there.
    pub given: Answers,
    /// The `.env` of an earlier run.
    pub env: EnvFile,
    /// An operator's own compose layer, by its name in the directory.
    pub operators_layer: Option<&'static str>,
}

/// What an operator may give and `.env` keeps: `None` where nothing was given, empty where it is to go.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    pub email: Option<String>,
    pub admin_user: Option<String>,
    pub admin_pass: Option<Secret>,
    pub superadmin_email: Option<String>,
    pub smtp_host: Option<String>,
    pub smtp_port: Option<u16>,
    pub smtp_user: Option<String>,
    pub smtp_pass: Option<Secret>,
    pub smtp_from: Option<String>,
}

impl Origin {
    pub(super) fn resolve(given: &Given, host: &Host, dir: &Path, saved: &Saved) -> Result<Self> {
        let flags = &given.cli.install;
        if flags.admin_pass.as_deref() == Some("") {
            let why = "it is empty, and nobody could log in";
            return Err(usage(
                "--admin-pass",
                "",
                why,
                "a password; left out, the one of .env stays",
            ));
        }
        let kept = saved.settings();
        let path = dir.join(".env");
        let env = read(host, &path).map_err(|e| needs_root(e, &path))?;
        refuse_lost_env(saved, dir, env.is_some())?;
        let env = env.unwrap_or_default();
        keep_from_output(&env)?;
        let left = Left::behind(&env)?;
        let kept_no_tls = match kept.domain {
            Some(_) => kept.no_tls,
            None => left.no_tls,
        };
        let no_tls = !flags.tls && (flags.no_tls || kept_no_tls);
        let core = Core::resolve(given, &kept)?;
        let asked = flags.domain.clone().or(kept.domain).or(left.domain);
        let domain = Domain::parse(asked.as_deref().unwrap_or_default())?;
        let asked = flags.proxy.clone().or(kept.proxy);
        let proxy = match asked.as_deref() {
            Some("caddy") => Proxy::Caddy,
            Some(_) => Proxy::Nginx,
            None => left.proxy.unwrap_or(Proxy::Nginx),
        };
        let directory = flags.acme_directory.clone().or(kept.acme_directory);
        let mut edges = kept_edges(&kept.allow_edge)?;
        edges.extend(edge_addresses("--allow-edge", &flags.allow_edge)?);
        edges.sort_unstable();
        edges.dedup();
        Ok(Self {
            tls: !no_tls && domain.can_have_certificate(),
            site: site_name(host, &domain.to_string())?,
            domain,
            no_tls,
            drops_tls: flags.no_tls && !flags.tls,
            proxy,
            acme_directory: directory.as_deref().map(acme_directory).transpose()?,
            acme_is_named: flags.acme_directory.is_some(),
            acme_ca_file: variable("STREAMHUB_ACME_CA_FILE").or(kept.acme_ca_file),
            core,
            port: core_port(&env)?,
            exposed_on: exposed_on(&env)?,
            redis: Redis::resolve(given, host, saved, &env)?,
            edges,
            rotated: given.rotated,
            given: Answers {
                email: flags.email.clone(),
                admin_user: flags.admin_user.clone(),
                admin_pass: flags.admin_pass.clone().map(Secret::new),
                superadmin_email: flags.superadmin_email.clone(),
                smtp_host: flags.smtp_host.clone(),
                smtp_port: flags.smtp_port,
                smtp_user: flags.smtp_user.clone(),
                smtp_pass: flags.smtp_pass.clone().map(Secret::new),
                smtp_from: flags.smtp_from.clone(),
            },
            env,
            operators_layer: operators_layer(host, dir)?,
        })
    }

    /// Where the proxy offers the cluster's API to edges: nowhere where the core itself listens for them.
    pub fn cluster_api(&self) -> Option<IpAddr> {
        self.redis.bind.filter(|_| self.exposed_on.is_none())
    }

    pub(super) fn to_keep(&self) -> receipt::Saved {
        receipt::Saved {
            domain: Some(self.domain.to_string()),
            no_tls: self.no_tls,
            proxy: Some(self.proxy.name().to_owned()),
            acme_directory: self.acme_directory.as_ref().map(Url::to_string),
            acme_ca_file: self.acme_ca_file.clone(),
            cluster_redis_bind: self.redis.bind.map(|ip| ip.to_string()),
            taking_redis_back: self.redis.taken_back && self.env.has("REDIS_BIND"),
            allow_edge: self.edges.iter().map(ToString::to_string).collect(),
            ..self.core.to_keep()
        }
    }
}

/// The keys of `.env` whose values nobody may see.
pub const SECRET_KEYS: &[&str] = &[
    "LIVEKIT_API_KEY",
    "LIVEKIT_API_SECRET",
    "STREAMHUB_JWT_SECRET",
    "STREAMHUB_API_TOKEN",
    "METRICS_TOKEN",
    "STREAMHUB_CLUSTER_TOKEN",
    "ADMIN_PASS",
    "STREAMHUB_SMTP_PASS",
    "REDIS_PASSWORD",
    "LIVEKIT_REDIS_PASSWORD",
    "REDIS_URL",
    "STREAMHUB_CLUSTER_REDIS_URL",
];

/// A service's log or compose's complaint may hold what an earlier run has made.
fn keep_from_output(env: &EnvFile) -> Result<()> {
    for key in SECRET_KEYS {
        // A redis without a password has an address that is none.
        let value = env
            .get(key)?
            .filter(|value| !key.ends_with("URL") || value.contains('@'));
        value.map(Secret::new);
    }
    Ok(())
}

/// What an ordinary user's dry run is told of an installed origin: all that it is stands in `.env`.
fn needs_root(error: anyhow::Error, path: &Path) -> anyhow::Error {
    if !is_permission_denied(&error) {
        return error;
    }
    let what = format!(
        "only root may read {}, which says what this origin is",
        path.display()
    );
    Fault::new(Exit::NotReady, what)
        .fix("run it as root: sudo streamhub-install …")
        .into()
}

/// New secrets in the place of lost ones would cut off every edge, and make what the old ones signed worthless.
fn refuse_lost_env(saved: &Saved, dir: &Path, is_there: bool) -> Result<()> {
    let path = dir.join(".env");
    let was_written = saved.receipt.iter().any(|receipt| {
        receipt.owned.iter().any(|entry| {
            !entry.pending && entry.thing == receipt::Owned::File { path: path.clone() }
        })
    });
    if is_there || !was_written {
        return Ok(());
    }
    let path = path.display();
    Err(Fault::new(
        Exit::NotReady,
        format!("{path} is gone, and with it every secret of this origin"),
    )
    .fix("put it back from a backup; where there is none, `streamhub-install uninstall --keep-data` and a new install make new ones, and every edge has to join again")
    .into())
}

fn kept_edges(kept: &[String]) -> Result<Vec<IpAddr>> {
    use anyhow::Context;
    kept.iter()
        .map(|ip| {
            ip.parse()
                .with_context(|| format!("the receipt's allow_edge {ip}"))
        })
        .collect()
}

fn acme_directory(text: &str) -> Result<Url> {
    address(
        "--acme-directory",
        text,
        &["https"],
        "the address of an ACME directory, such as https://acme-v02.api.letsencrypt.org/directory",
    )
}

#[cfg(test)]
mod tests;
