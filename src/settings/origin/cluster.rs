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
        let kept = saved.settings().cluster_redis_bind;
        let taken_back = flags.no_cluster_redis || was_cut_off(saved, env)?;
        if flags.no_cluster_redis && flags.cluster_redis_bind.is_some() {
            return Err(Fault::new(
                Exit::Usage,
                format!("{FLAG} and --no-cluster-redis exclude each other"),
            )
            .fix("pass one of them")
            .into());
        }
        let bind = if flags.no_cluster_redis {
            None
        } else {
            match (&flags.cluster_redis_bind, kept) {
                (Some(asked), kept) if kept.as_ref() != Some(asked) => {
                    Some(checked(asked, host, flags.allow_public_redis)?)
                }
                (_, Some(kept)) if saved.is_inferred => Some(adopted(&kept)?),
                // It was checked when it was new, and may be absent at a boot.
                (_, Some(kept)) => Some(parse(&kept)?),
                (_, None) => None,
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
            taken_back: taken_back && bind.is_none(),
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

/// Whether a run that took the redis back ended before `.env` said so: the receipt has no address any more, and
/// `.env` has all that an earlier run put there for one, which nobody writes by hand.
fn was_cut_off(saved: &Saved, env: &EnvFile) -> Result<bool> {
    let settings = saved.settings();
    let is_ours = !saved.is_inferred && settings.domain.is_some();
    let bind = env.get("REDIS_BIND")?.unwrap_or_default();
    let Some(address) = bind.strip_prefix("127.0.0.1 ") else {
        return Ok(false);
    };
    let offered = env.get("STREAMHUB_CLUSTER_REDIS_URL")?.unwrap_or_default();
    let has_password = env.get("REDIS_PASSWORD")?.is_some();
    let is_whole = has_password && offered.contains(address);
    Ok(is_ours && is_whole && settings.cluster_redis_bind.is_none())
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
        // redis's own words for every address.
        Err(_) => matches!(*a, "*" | "::*"),
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

/// RFC 1918, 100.64/10 and fc00::/7.
fn is_for_clusters(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            ip.is_private() || (a == 100 && (64..128).contains(&b))
        }
        IpAddr::V6(ip) => ip.is_unique_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_encoded_in_an_address() {
        let redis = Redis {
            bind: None,
            taken_back: false,
            password: Some(Secret::unregistered("a@b:c/d")),
        };
        assert_eq!(
            redis.url("10.0.0.10".parse().unwrap()),
            "redis://:a%40b%3Ac%2Fd@10.0.0.10:6379"
        );
        assert_eq!(
            redis.url("fd00::1".parse().unwrap()),
            "redis://:a%40b%3Ac%2Fd@[fd00::1]:6379"
        );
    }

    #[test]
    fn every_address_that_redis_listens_on_is_known() {
        for (bind, beyond) in [
            ("127.0.0.1 -::1", ""),
            ("127.0.0.1 10.0.0.10", "10.0.0.10"),
            ("0.0.0.0", "0.0.0.0"),
            ("* -::*", "* ::*"),
            ("127.0.0.1 10.0.0.10 203.0.113.10", "10.0.0.10 203.0.113.10"),
        ] {
            assert_eq!(beyond_loopback(bind), beyond, "{bind}");
        }
    }

    #[test]
    fn an_adopted_bind_is_one_address() {
        assert!(adopted("10.0.0.10").is_ok() && adopted("203.0.113.10").is_ok());
        for text in ["0.0.0.0", "::", "* ::*", "10.0.0.10 203.0.113.10"] {
            let refusal = format!("{:#}", adopted(text).unwrap_err());
            assert!(refusal.contains(text), "{refusal}");
        }
    }

    #[test]
    fn only_private_addresses_are_for_clusters() {
        for ip in [
            "10.0.0.10",
            "172.31.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "fd00::1",
        ] {
            assert!(is_for_clusters(ip.parse().unwrap()), "{ip}");
        }
        for ip in [
            "203.0.113.10",
            "127.0.0.1",
            "169.254.0.1",
            "2001:db8::1",
            "fe80::1",
        ] {
            assert!(!is_for_clusters(ip.parse().unwrap()), "{ip}");
        }
    }
}
