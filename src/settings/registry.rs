//! Which origin's registry an operator means, and with which token it is asked.

use std::net::IpAddr;
use std::path::Path;

use anyhow::Context;
use url::Url;

use super::Saved;
use super::address::address;
use super::edge::{API_PORT, API_TAKES, authorities, default_url};
use super::files::read;
use super::tokens::api_token;
use crate::cli::OriginAccess;
use crate::env_file::EnvFile;
use crate::fault::{Exit, Fault, Result};
use crate::host::Host;
use crate::origin_api::OriginApi;
use crate::receipt::{Receipt, Role};
use crate::secret::Secret;

/// An origin's registry.
#[derive(Clone, Debug)]
pub struct Registry {
    /// The origin's address, without a final slash.
    pub url: String,
    pub api: OriginApi,
    token: Option<Secret>,
    /// Whether it was named for this command: it may then be another one than this host's.
    pub is_named: bool,
    /// On an edge: its own row.
    pub itself: Option<Itself>,
}

/// The row of the edge that this host is.
#[derive(Clone, Debug)]
pub struct Itself {
    pub name: String,
    pub id: String,
}

impl Registry {
    /// What was given, else what this host knows: an edge its origin, an origin itself with its own token.
    ///
    /// # Errors
    /// [`Exit::Usage`] where nothing tells which origin; [`Exit::NotReady`] where only root may look.
    pub fn resolve(access: &OriginAccess, host: &Host) -> Result<Self> {
        let saved = Saved::load(host, None)?;
        let token = api_token(access.api_token_file.as_deref())?;
        if saved.unreadable && (access.master_url.is_none() || token.is_none()) {
            return Err(Fault::new(
                Exit::NotReady,
                "only root may read which origin this host belongs to",
            )
            .fix("run it as root: sudo streamhub-install nodes …, or pass --master-url and --api-token-file")
            .into());
        }
        let asked = access.master_url.as_deref();
        let asked = asked.map(|url| address("--master-url", url, &["http", "https"], API_TAKES));
        let asked = asked.transpose()?;
        let kept_ca = saved.settings().master_ca_file.map(|path| host.path(path));
        let ca_file = access.master_ca_file.clone().or(kept_ca);
        let more = ca_file.as_deref().map(authorities).transpose()?;
        let (url, token, itself) = match &saved.receipt {
            Some(receipt) if receipt.role == Role::Origin => {
                let (url, token) = origin(host, receipt, asked, token)?;
                (Some(url), token, None)
            }
            Some(receipt) => {
                let known = receipt.settings.clone();
                let dir = receipt.dir.clone();
                let itself = itself(saved, host, &dir)?;
                let url = match (asked, known.master_url, known.master_ip) {
                    (Some(url), ..) => Some(url),
                    (None, Some(url), _) => {
                        Some(Url::parse(&url).context("the receipt's master_url")?)
                    }
                    (None, None, Some(ip)) => Some(default_url(ip.parse()?)?),
                    (None, None, None) => None,
                };
                (url, token, itself)
            }
            None => (asked, token, None),
        };
        let url = url.ok_or_else(|| {
            Fault::new(Exit::Usage, "nothing tells which origin is meant")
                .why("this host is no node: --master-url is missing")
                .fix("pass --master-url https://… and --api-token-file <file>, or run it on the origin")
        })?;
        Ok(Self {
            api: OriginApi::new(&url, more.map(|(_, found)| found).unwrap_or_default())?,
            url: url.as_str().trim_end_matches('/').to_owned(),
            token,
            is_named: access.master_url.is_some(),
            itself,
        })
    }

    /// The API token.
    ///
    /// # Errors
    /// [`Exit::Usage`]: there is none.
    pub fn token(&self) -> Result<&Secret> {
        let missing = || {
            let what = "this needs an operator's API token: --api-token-file is missing";
            Fault::new(Exit::Usage, what).fix(format!(
                "pass --api-token-file <file>, or set STREAMHUB_API_TOKEN: a token of global scope (sk_…) of the origin at {}",
                self.url
            ))
        };
        Ok(self.token.as_ref().ok_or_else(missing)?)
    }

    /// Whether it can be asked at all.
    pub fn has_token(&self) -> bool {
        self.token.is_some()
    }
}

/// An origin asks itself, with its own token; that one goes nowhere else, and another origin needs one of its own.
fn origin(
    host: &Host,
    receipt: &Receipt,
    asked: Option<Url>,
    token: Option<Secret>,
) -> Result<(Url, Option<Secret>)> {
    let env = read(host, &receipt.dir.join(".env"))?;
    let value = |key: &str| -> Result<Option<String>> {
        let value = env.as_ref().map(|env: &EnvFile| env.get(key)).transpose()?;
        Ok(value.flatten().filter(|v| !v.is_empty()).map(str::to_owned))
    };
    let port: u16 = match value("PORT")? {
        Some(port) => port.parse().context("PORT in the origin's .env")?,
        None => API_PORT,
    };
    let public = value("STREAMHUB_PUBLIC_URL")?;
    let bind = receipt.settings.cluster_redis_bind.as_deref();
    let is_other = |url: &Url| !is_own(url, port, public.as_deref(), bind);
    if let Some(url) = asked.filter(|url| token.is_some() || is_other(url)) {
        return Ok((url, token));
    }
    let url =
        Url::parse(&format!("http://127.0.0.1:{port}")).context("the origin's own address")?;
    Ok((
        url,
        token.or(value("STREAMHUB_API_TOKEN")?.map(Secret::new)),
    ))
}

/// Whether an address is that of the origin on this host, whose core listens on `port`: on loopback, where the world
/// reaches it, or where edges do.
fn is_own(url: &Url, port: u16, public: Option<&str>, bind: Option<&str>) -> bool {
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_matches(['[', ']']);
    let is_here = host == "localhost"
        || bind == Some(host)
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let is_public = public.is_some_and(|public| Url::parse(public).is_ok_and(|own| own == *url));
    is_public || is_here && url.port_or_known_default() == Some(port)
}

fn itself(saved: Saved, host: &Host, dir: &Path) -> Result<Option<Itself>> {
    let name = saved.settings().node_name;
    let joined = saved.with_join(host, dir)?.joined;
    Ok(name.zip(joined).map(|(name, joined)| Itself {
        name,
        id: joined.answer.node_id,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_knows_its_own_addresses() {
        let own = |url: &str| {
            let public = Some("https://media.example.com");
            is_own(&Url::parse(url).unwrap(), 3020, public, Some("10.0.0.10"))
        };
        for url in [
            "http://127.0.0.1:3020",
            "http://localhost:3020",
            "http://[::1]:3020/",
            "http://10.0.0.10:3020",
            "https://media.example.com/",
        ] {
            assert!(own(url), "{url}");
        }
        for url in [
            "https://other.example.com",
            "http://127.0.0.1:3021",
            "http://10.0.0.11:3020",
            "http://media.example.com",
        ] {
            assert!(!own(url), "{url}");
        }
    }
}
