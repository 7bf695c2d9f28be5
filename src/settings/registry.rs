//! Which origin's registry an operator means, and with which token it is asked.

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

/// An origin asks itself, with its own token; that one goes nowhere else.
fn origin(
    host: &Host,
    receipt: &Receipt,
    asked: Option<Url>,
    token: Option<Secret>,
) -> Result<(Url, Option<Secret>)> {
    if let Some(url) = asked.filter(|_| token.is_some()) {
        return Ok((url, token));
    }
    let env = read(host, &receipt.dir.join(".env"))?;
    let value = |key: &str| -> Result<Option<String>> {
        let value = env.as_ref().map(|env: &EnvFile| env.get(key)).transpose()?;
        Ok(value.flatten().filter(|v| !v.is_empty()).map(str::to_owned))
    };
    let port: u16 = match value("PORT")? {
        Some(port) => port.parse().context("PORT in the origin's .env")?,
        None => API_PORT,
    };
    let url =
        Url::parse(&format!("http://127.0.0.1:{port}")).context("the origin's own address")?;
    Ok((
        url,
        token.or(value("STREAMHUB_API_TOKEN")?.map(Secret::new)),
    ))
}

fn itself(saved: Saved, host: &Host, dir: &Path) -> Result<Option<Itself>> {
    let name = saved.settings().node_name;
    let joined = saved.with_join(host, dir)?.joined;
    Ok(name.zip(joined).map(|(name, joined)| Itself {
        name,
        id: joined.answer.node_id,
    }))
}
