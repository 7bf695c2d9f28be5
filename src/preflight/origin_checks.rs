//! What is asked of the origin, registering nothing.

use std::net::IpAddr;

use url::{Host, Url};

use super::{Finding, Scene};
use crate::fault::{Exit, Result};
use crate::host::local_address_towards;
use crate::origin_api::Refusal;
use crate::redis_probe::{Answer, Redis};
use crate::settings::{Edge, Settings};
use crate::ui::Severity;

impl Scene<'_> {
    /// On a node that has joined, the origin's troubles stop nothing.
    fn judged(&self, mut finding: Finding) -> Finding {
        if self.is_joined() {
            finding.severity = Severity::Warning;
        }
        finding
    }
}

pub(super) fn origin(scene: &Scene<'_>, edge: &Edge) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    if edge.master_url.scheme() == "http" {
        findings.push(in_clear(&edge.master_url, edge.origin()));
    }
    if let Err(refusal) = scene.health(edge)? {
        let refused =
            matches!(refusal, Refusal::Unreachable(why) if why.contains("Connection refused"));
        let fix = if edge.uses_default_url() && refused {
            format!(
                "an origin's core listens on loopback unless it was prepared for edges. On the origin run:\n  {}\nor pass its public address: --master-url https://…",
                bind_command(scene.settings, edge)
            )
        } else {
            refusal.fix().to_owned()
        };
        let what = format!("the origin at {}: {refusal}", edge.origin());
        // Whatever stands in the way of a health check, this is not an origin that can be joined.
        findings.push(scene.judged(Finding::error(Exit::OriginUnreachable, what, fix)));
    }
    Ok(findings)
}

/// Whether what is sent to this address stays on a private network.
pub(crate) fn stays_private(address: &Url) -> bool {
    match address.host() {
        Some(Host::Ipv4(ip)) => is_private(ip.into()),
        Some(Host::Ipv6(ip)) => is_private(ip.into()),
        // A name may lead anywhere.
        Some(Host::Domain(_)) | None => false,
    }
}

/// That an origin's address is plain http.
pub(crate) fn in_clear(address: &Url, url: &str) -> Finding {
    if stays_private(address) {
        return Finding::warning(
            format!(
                "{url} is plain http: the join token and every key cross that network in clear"
            ),
            "use an https --master-url where others share that network",
        );
    }
    Finding::warning(
        format!(
            "DANGER: {url} is plain http to a public address: the join token and every key of the cluster cross the internet in clear, for anyone on the way to read"
        ),
        "pass --master-url https://…, and rotate the token if it was sent this way before",
    )
}

pub(super) fn token(scene: &Scene<'_>, edge: &Edge) -> Result<Vec<Finding>> {
    if scene.health(edge)?.is_err() {
        return Ok(vec![Finding::unknown(
            "not asked: the origin does not answer",
        )]);
    }
    let Some(token) = &edge.token else {
        return Ok(vec![Finding::unknown(
            "needs root: only root may read the saved token",
        )]);
    };
    let refusal = match edge.api()?.check_token(token) {
        Ok(()) => return Ok(Vec::new()),
        Err(refusal) => refusal,
    };
    let exit = match &refusal {
        // Every other answer to a heartbeat is not an origin's.
        Refusal::Rejected { .. } | Refusal::Invalid(_) => Exit::OriginUnreachable,
        other => other.exit(),
    };
    let what = format!("the join token at {}: {refusal}", edge.origin());
    Ok(vec![scene.judged(Finding::error(
        exit,
        what,
        refusal.fix(),
    ))])
}

pub(super) fn redis(scene: &Scene<'_>, edge: &Edge) -> Result<Vec<Finding>> {
    let redis = match &scene.settings.saved.joined {
        // The way there is what is looked at; the credentials come with the answer.
        Some(joined) => Redis {
            username: None,
            password: None,
            ..joined.answer.redis.clone()
        },
        None => Redis {
            host: edge.master_ip.to_string(),
            port: 6379,
            tls: false,
            username: None,
            password: None,
        },
    };
    let why = match redis.ask() {
        Answer::Pong | Answer::NeedsPassword => return Ok(Vec::new()),
        Answer::Refused(said) => format!("it answers: {said}"),
        Answer::Silent(why) => why,
    };
    let what = format!("the origin's redis at {}: {why}", redis.address());
    if is_private(edge.master_ip) {
        let fix = redis_fix(scene.settings, edge);
        return Ok(vec![scene.judged(Finding::error(
            Exit::NotReady,
            what,
            fix,
        ))]);
    }
    Ok(vec![Finding::warning(
        format!(
            "{what}; the origin may name another address, which is checked before anything is written"
        ),
        redis_fix(scene.settings, edge),
    )])
}

/// The two commands for the origin, with this host's own address.
pub fn redis_fix(settings: &Settings, edge: &Edge) -> String {
    let master = edge.master_ip;
    let own = local_address_towards(master)
        .map_or_else(|| "<this host's address>".to_owned(), |ip| ip.to_string());
    let bind = bind_command(settings, edge);
    let allow = settings.elsewhere.command(&format!("allow-edge {own}"));
    format!("on the origin run:\n  {bind}\n  {allow}")
}

/// What prepares the origin, which an older script may have set up: it brings this program along.
fn bind_command(settings: &Settings, edge: &Edge) -> String {
    let bind = format!("--cluster-redis-bind {}", edge.master_ip);
    settings.elsewhere.command(&bind)
}

/// An address that the internet does not route: RFC 1918, 100.64/10, loopback, link-local, fc00::/7.
fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || (a == 100 && (64..128).contains(&b))
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::is_private;

    #[test]
    fn private_addresses_are_told_from_public_ones() {
        for ip in [
            "10.0.0.10",
            "172.31.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "127.0.0.1",
            "fd00::1",
            "::1",
        ] {
            assert!(is_private(ip.parse().unwrap()), "{ip}");
        }
        for ip in ["203.0.113.10", "172.32.0.1", "100.128.0.1", "2001:db8::1"] {
            assert!(!is_private(ip.parse().unwrap()), "{ip}");
        }
    }
}
