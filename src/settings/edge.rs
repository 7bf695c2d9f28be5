//! An edge's settings.

use std::net::IpAddr;
use std::path::Path;
use std::sync::OnceLock;

use anyhow::Context;
use reqwest::Certificate;
use url::Url;

use super::address::address;
use super::tokens::{api_token, join_token};
use super::{Saved, usage};
use crate::cli::Given;
use crate::fault::{Exit, Fault, Result};
use crate::host::Host;
use crate::http;
use crate::origin_api::OriginApi;
use crate::receipt;
use crate::secret::Secret;

/// Where the core listens.
pub(super) const API_PORT: u16 = 3020;
pub(super) const API_TAKES: &str =
    "an address such as https://media.example.com or http://10.0.0.10:3020";
const IP_LOOKUP: &str = "https://api.ipify.org";

/// The copy of `--master-ca-file` that later runs and the heartbeat read.
pub const MASTER_CA: &str = "/etc/streamhub/master-ca.pem";

/// What an edge is asked to be.
#[derive(Clone, Debug)]
pub struct Edge {
    /// `None` only in a dry run by a user who may not read the saved one.
    pub token: Option<Secret>,
    pub api_token: Option<Secret>,
    pub master_ip: IpAddr,
    pub master_url: Url,
    /// Whether the address was given, now or before; else it follows from the IP.
    master_url_is_default: bool,
    /// The text of a PEM file with more certificate authorities to trust for the origin.
    pub master_ca: Option<String>,
    authorities: Vec<Certificate>,
    api: OnceLock<OriginApi>,
    pub node_name: String,
    pub node_ip: Option<IpAddr>,
    pub region: Option<String>,
    /// The origin may know one that this host does not: the predecessor kept none, and none was given.
    pub region_is_unknown: bool,
    /// Who tells this host its public address; `None` when that is switched off.
    pub ip_lookup: Option<Url>,
}

impl Edge {
    pub(super) fn resolve(given: &Given, host: &Host, saved: &Saved) -> Result<Self> {
        let flags = &given.cli.install;
        let kept = saved.settings();
        let kept_ip = kept.master_ip.as_deref().map(str::parse).transpose();
        let kept_ip = kept_ip.context("the receipt's master_ip")?;
        let token = join_token(given)?.or_else(|| saved.token.clone());
        // A dry run by an ordinary user can't know whether one is saved.
        let may_lack_token = saved.unreadable && flags.dry_run;
        let master_ip = flags.master_ip.or(kept_ip);
        let (Some(master_ip), true) = (master_ip, token.is_some() || may_lack_token) else {
            return Err(first_join_needs(master_ip.is_none(), token.is_none()));
        };
        let asked_url = flags.master_url.clone().or(kept.master_url);
        let master_url = match &asked_url {
            Some(url) => address("--master-url", url, &["http", "https"], API_TAKES)?,
            None => default_url(master_ip)?,
        };
        let kept_ca = kept.master_ca_file.map(|path| host.path(path));
        let ca_file = flags.master_ca_file.clone().or(kept_ca);
        let (master_ca, authorities) = ca_file.as_deref().map(authorities).transpose()?.unzip();
        let asked_name = flags.node_name.clone().or(kept.node_name);
        let name = match asked_name {
            None if saved.joined.is_some() => return Err(nameless()),
            asked => node_name(asked, host)?,
        };
        Ok(Self {
            token,
            api_token: api_token(flags.api_token_file.as_deref())?,
            master_ip,
            master_url,
            master_url_is_default: asked_url.is_none(),
            master_ca,
            authorities: authorities.unwrap_or_default(),
            api: OnceLock::new(),
            node_name: name,
            node_ip: match (flags.node_ip, kept.node_ip) {
                (Some(ip), _) => Some(ip),
                (None, Some(ip)) => Some(ip.parse().context("the receipt's node_ip")?),
                (None, None) => None,
            },
            region: region(flags.region.clone().or(kept.region))?,
            region_is_unknown: kept.region_is_unknown && flags.region.is_none(),
            ip_lookup: ip_lookup()?,
        })
    }

    /// The origin's API: one for the whole run, so that its questions share a connection.
    ///
    /// # Errors
    /// If the TLS library refuses the certificates.
    pub fn api(&self) -> Result<&OriginApi> {
        if let Some(api) = self.api.get() {
            return Ok(api);
        }
        let api = OriginApi::new(&self.master_url, self.authorities.clone())?;
        Ok(self.api.get_or_init(|| api))
    }

    /// The API's address without a final slash: it may lie below a path of its own.
    pub fn origin(&self) -> &str {
        self.master_url.as_str().trim_end_matches('/')
    }

    /// Whether the API's address was left to its default.
    pub fn uses_default_url(&self) -> bool {
        self.master_url_is_default
    }

    /// The redis of an origin that names none.
    pub fn default_redis(&self) -> String {
        match self.master_ip {
            IpAddr::V4(ip) => format!("redis://{ip}:6379"),
            IpAddr::V6(ip) => format!("redis://[{ip}]:6379"),
        }
    }

    pub(super) fn to_keep(&self) -> receipt::Saved {
        receipt::Saved {
            master_ip: Some(self.master_ip.to_string()),
            master_url: (!self.master_url_is_default).then(|| self.master_url.to_string()),
            // The copy: the operator's own file may go, and a service may not be let in where it lies.
            master_ca_file: self.master_ca.as_ref().map(|_| MASTER_CA.to_owned()),
            node_name: Some(self.node_name.clone()),
            node_ip: self.node_ip.map(|ip| ip.to_string()),
            region: self.region.clone(),
            ..receipt::Saved::default()
        }
    }
}

/// Under another name it would become a second row, and the first one stay for ever.
fn nameless() -> anyhow::Error {
    Fault::new(
        Exit::Usage,
        "this node has joined, and nothing here tells under which name",
    )
    .fix("pass --node-name with the name that the origin's dashboard shows for it")
    .into()
}

fn first_join_needs(ip: bool, token: bool) -> anyhow::Error {
    let needed = [
        (ip, "--master-ip", "the origin's IP address"),
        (
            token,
            "--master-token-file",
            "a file with the origin's join token, - for standard input; or set STREAMHUB_MASTER_TOKEN",
        ),
    ];
    let needed = needed.iter().filter(|(is_missing, ..)| *is_missing);
    let flags: Vec<&str> = needed.clone().map(|(_, flag, _)| *flag).collect();
    let fixes: Vec<String> = needed
        .map(|(_, flag, what)| format!("{flag}: {what}"))
        .collect();
    Fault::new(
        Exit::Usage,
        format!("a first join needs {}", flags.join(" and ")),
    )
    .fix(format!("pass {}", fixes.join("\nand ")))
    .into()
}

pub(super) fn authorities(path: &Path) -> Result<(String, Vec<Certificate>)> {
    let read = || -> Result<_> {
        let text = std::fs::read_to_string(path)?;
        let found = http::certificates(&text)?;
        Ok((text, found))
    };
    read().map_err(|e| {
        let what = format!("--master-ca-file {} can't be used", path.display());
        Fault::new(Exit::Usage, what)
            .because(&e)
            .fix("--master-ca-file takes a PEM file with the CA that signed the origin's certificate")
            .into()
    })
}

/// Where an origin's core listens, on this address.
pub(super) fn default_url(master_ip: IpAddr) -> Result<Url> {
    let host = match master_ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    Url::parse(&format!("http://{host}:{API_PORT}")).context("the origin's default address")
}

fn node_name(asked: Option<String>, host: &Host) -> Result<String> {
    let name = match asked {
        Some(name) => name,
        None => host.short_name()?,
    };
    let takes = "1 to 64 of A-Z a-z 0-9 . _ -, and not `origin`";
    if name.is_empty() || name.len() > 64 {
        return Err(usage(
            "--node-name",
            &name,
            "it has not 1 to 64 characters",
            takes,
        ));
    }
    if let Some(c) = name
        .chars()
        .find(|c| !(c.is_ascii_alphanumeric() || "._-".contains(*c)))
    {
        return Err(usage(
            "--node-name",
            &name,
            &format!("it holds {c:?}"),
            takes,
        ));
    }
    if name == "origin" {
        return Err(usage(
            "--node-name",
            &name,
            "that is the origin's own row",
            takes,
        ));
    }
    Ok(name)
}

/// An empty one is none: that is how it is cleared.
fn region(asked: Option<String>) -> Result<Option<String>> {
    let Some(region) = asked.filter(|region| !region.is_empty()) else {
        return Ok(None);
    };
    let takes = "at most 64 characters";
    if region.chars().count() > 64 {
        return Err(usage("--region", &region, "it is longer", takes));
    }
    if region.chars().any(char::is_control) {
        return Err(usage(
            "--region",
            &region,
            "it holds a control character",
            takes,
        ));
    }
    Ok(Some(region))
}

fn ip_lookup() -> Result<Option<Url>> {
    let text = match std::env::var("STREAMHUB_IP_LOOKUP_URL") {
        Ok(text) if text.is_empty() => return Ok(None),
        Ok(text) => text,
        Err(_) => IP_LOOKUP.to_owned(),
    };
    Url::parse(&text).map(Some).map_err(|e| {
        usage(
            "STREAMHUB_IP_LOOKUP_URL",
            &text,
            &e.to_string(),
            "an http or https address, or nothing to switch it off",
        )
    })
}
