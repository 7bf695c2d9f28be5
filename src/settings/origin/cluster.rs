//! How an origin's redis is offered to the cluster.

use std::net::IpAddr;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::super::{Saved, usage};
use crate::cli::{Given, RotatedSecret};
use crate::env_file::EnvFile;
use crate::fault::{Exit, Fault, Result};
use crate::host::Host;
use crate::secret::Secret;
use crate::ui;

const FLAG: &str = "--cluster-redis-bind";
const PASSWORD_LENGTH: usize = 32;

/// The redis that an origin and its edges share.
#[derive(Clone, Debug)]
pub struct Redis {
    /// Where edges reach it; loopback alone where there is none.
    pub bind: Option<IpAddr>,
    /// `--no-cluster-redis`: what an earlier bind left in `.env` goes.
    pub taken_back: bool,
    /// What every client needs: kept from `.env`, or made for a first bind.
    pub password: Option<Secret>,
}

impl Redis {
    pub(super) fn resolve(
        given: &Given,
        host: &Host,
        saved: &Saved,
        env: &EnvFile,
    ) -> Result<Self> {
        let flags = &given.cli.install;
        if flags.no_cluster_redis && flags.cluster_redis_bind.is_some() {
            return Err(Fault::new(
                Exit::Usage,
                format!("{FLAG} and --no-cluster-redis exclude each other"),
            )
            .fix("pass one of them")
            .into());
        }
        let kept = saved.settings();
        let was_cut_off = kept.taking_redis_back && flags.cluster_redis_bind.is_none();
        let taken_back = flags.no_cluster_redis || was_cut_off;
        let bind = if taken_back {
            None
        } else {
            match (&flags.cluster_redis_bind, kept.cluster_redis_bind) {
                (Some(asked), kept) if kept.as_ref() != Some(asked) => {
                    Some(checked(asked, host, flags.allow_public_redis)?)
                }
                (_, Some(kept)) if saved.is_inferred => Some(adopted(&kept)?),
                // It was checked when it was new, and may be absent at a boot.
                (_, Some(kept)) => Some(parse(&kept)?),
                (_, None) => left_in_env(env, &host.addresses()?)?,
            }
        };
        let found = env.get("REDIS_PASSWORD")?.map(Secret::new);
        if bind.is_some() && found.is_none() && env.has("REDIS_PASSWORD") {
            return Err(Fault::new(Exit::NotReady, "REDIS_PASSWORD in .env is empty: redis would let anyone in on the cluster's address")
                .fix("write a password there, or remove the line: one is made then")
                .into());
        }
        let password = match (bind, found) {
            (None, _) if taken_back => None,
            (Some(_), _) if given.rotated == Some(RotatedSecret::RedisPassword) => {
                Some(Secret::generate("", PASSWORD_LENGTH)?)
            }
            (_, Some(found)) => Some(found),
            (Some(_), None) => Some(Secret::generate("", PASSWORD_LENGTH)?),
            (None, None) => None,
        };
        Ok(Self {
            bind,
            taken_back,
            password,
        })
    }

    /// The address by which clients on `host` reach it, with the password in it.
    pub fn url(&self, host: IpAddr) -> String {
        let host = match host {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        let login = self.password.as_ref().map_or_else(String::new, |password| {
            format!(
                ":{}@",
                utf8_percent_encode(password.expose(), NON_ALPHANUMERIC)
            )
        });
        format!("redis://{login}{host}:6379")
    }
}

/// What `.env` alone tells, after `uninstall --keep-data` or from a backup: an earlier run wrote it whole, with a password
/// and the address that edges are handed. Anything less was put there by hand, and would let anyone in.
fn left_in_env(env: &EnvFile, own: &[IpAddr]) -> Result<Option<IpAddr>> {
    let bind = env.get("REDIS_BIND")?.unwrap_or_default();
    let beyond = beyond_loopback(bind);
    if beyond.is_empty() {
        return Ok(None);
    }
    let offered = env.get("STREAMHUB_CLUSTER_REDIS_URL")?.unwrap_or_default();
    if env.get("REDIS_PASSWORD")?.is_none() || !offered.contains(&beyond) {
        return Err(Fault::new(
            Exit::NotReady,
            format!("REDIS_BIND={bind} in .env offers redis on {beyond}, as nobody has asked for"),
        )
        .why("without a password whoever reaches it reads and changes everything")
        .fix(format!(
            "pass {FLAG} <one private address of this host>, which gives it one, or remove that line from .env"
        ))
        .into());
    }
    let ip = adopted(&beyond)?;
    if own.contains(&ip) {
        return Ok(Some(ip));
    }
    Err(Fault::new(
        Exit::NotReady,
        format!("REDIS_BIND={bind} in .env offers redis on {ip}, which is no address of this host"),
    )
    .fix(format!(
        "pass {FLAG} <the private address that this host has now>, or --no-cluster-redis"
    ))
    .into())
}

fn parse(text: &str) -> Result<IpAddr> {
    text.parse::<IpAddr>()
        .map(|ip| ip.to_canonical())
        .map_err(|_| bad(text, "it is no address", &[]))
}

/// Where redis listens beside loopback, as it stands there: more than one, or every address, is for an operator to judge.
pub fn beyond_loopback(bind: &str) -> String {
    let is_meant = |a: &&str| match a.parse::<IpAddr>() {
        Ok(ip) => !ip.to_canonical().is_loopback(),
        // redis's own words for every address, or a name, which may lead anywhere.
        Err(_) => *a != "localhost",
    };
    let addresses = bind.split_whitespace().map(|a| a.trim_start_matches('-'));
    addresses.filter(is_meant).collect::<Vec<_>>().join(" ")
}

/// The one on which the script's redis listens for the cluster; nobody has checked it before.
fn adopted(text: &str) -> Result<IpAddr> {
    let ip = parse(text).ok().filter(|ip| !ip.is_unspecified());
    let Some(ip) = ip else {
        return Err(Fault::new(
            Exit::NotReady,
            format!("REDIS_BIND in .env offers redis on more than one address: {text}"),
        )
        .why("edges use one of them, and it has to be a private one")
        .fix(format!(
            "say which: {FLAG} <one private address of this host>, or --no-cluster-redis"
        ))
        .into());
    };
    if !is_for_clusters(ip) {
        ui::warn(&format!(
            "redis listens on {ip}, a public address: only the firewall and its password stand before it"
        ));
    }
    Ok(ip)
}

/// A new one: private, and an address of this host.
fn checked(text: &str, host: &Host, may_be_public: bool) -> Result<IpAddr> {
    let own = host.addresses()?;
    let candidates: Vec<IpAddr> = own
        .iter()
        .copied()
        .filter(|ip| is_for_clusters(*ip))
        .collect();
    let refuse = |why: &str| Err(bad(text, why, &candidates));
    let Ok(ip) = parse(text) else {
        return refuse("it is no address");
    };
    if ip.is_unspecified() {
        return refuse("it is every address of this host, the public ones included");
    }
    if ip.is_loopback() {
        return refuse("it is this host alone, where redis listens anyway");
    }
    if !is_for_clusters(ip) {
        if !may_be_public {
            return refuse("it is a public address: redis must not be reachable from the internet");
        }
        ui::warn(&format!(
            "redis is going to listen on {ip}, a public address, as --allow-public-redis asks: only the firewall and its password stand before it"
        ));
    }
    if !own.contains(&ip) {
        return refuse("it is no address of this host");
    }
    Ok(ip)
}

fn bad(text: &str, why: &str, candidates: &[IpAddr]) -> anyhow::Error {
    let takes = match candidates {
        [] => {
            "a private address of this host, and it has none (`ip address` lists them)".to_owned()
        }
        some => {
            let some: Vec<String> = some.iter().map(ToString::to_string).collect();
            format!("a private address of this host: {}", some.join(", "))
        }
    };
    usage(FLAG, text, why, &takes)
}

/// Whether redis may be offered there: RFC 1918, 100.64/10 and fc00::/7.
pub fn is_for_clusters(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            ip.is_private() || (a == 100 && (64..128).contains(&b))
        }
        IpAddr::V6(ip) => ip.is_unique_local(),
    }
}

#[cfg(test)]
mod tests;
