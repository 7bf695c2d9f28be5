//! An origin: its core, its redis, its site, and who else can reach them, as far as one host can tell.

use std::net::IpAddr;
use std::time::Duration;

use super::{AGAIN, Findings, wrong};
use crate::beat::{Node, beat};
use crate::check::{Finding, Scene};
use crate::engine::of_service;
use crate::fault::Result;
use crate::host::{Protocol, listeners};
use crate::origin_api::{OriginApi, Refusal};
use crate::redis_probe::{Answer, Redis};
use crate::resource::certificate_ends;
use crate::roles::origin::{self, LOOPBACK, NODE_ID, REDIS_PORT};
use crate::secret::Secret;
use crate::settings::{Origin, Proxy};
use crate::verify::origin::ask_site;

/// certbot renews 30 days before; one that has not been by then is not going to be.
const SHORT: Duration = Duration::from_secs(21 * 86_400);

/// redis reads its password as it starts, and no run restarts one whose definition has not changed.
const RESTARTED: &str = "docker restart streamhub-redis && streamhub-install";

/// Whether a service runs; one that does not is told of by another check.
fn runs(scene: &Scene<'_>, service: &str) -> Result<bool> {
    let Some(engine) = scene.engine()? else {
        return Ok(false);
    };
    let containers = engine.containers()?;
    Ok(of_service(&containers, &scene.settings.project, service)
        .is_some_and(|container| container.state == "running"))
}

pub(super) fn core(scene: &Scene<'_>, asked: &Origin) -> Findings {
    if !runs(scene, "core")? || !runs(scene, "redis")? {
        return Ok(Vec::new());
    }
    let url = origin::api(asked);
    let api = OriginApi::new(&url.parse()?, Vec::new())?;
    if let Err(refusal) = api.health() {
        return Ok(vec![wrong(
            format!("the core at {url}: {refusal}"),
            "docker restart streamhub-core   # docker logs --tail 20 streamhub-core says more",
        )]);
    }
    let token = asked.env.get("STREAMHUB_CLUSTER_TOKEN")?;
    let token = Secret::new(token.unwrap_or_default());
    let node = Node {
        id: NODE_ID,
        project: &scene.settings.project,
    };
    Ok(match beat(scene.host, &api, &token, &node) {
        Ok(()) => Vec::new(),
        Err(refusal @ (Refusal::BadToken(_) | Refusal::JoiningDisabled)) => vec![wrong(
            format!("the core does not take the cluster token of .env: {refusal}"),
            format!("docker restart streamhub-core && {AGAIN}"),
        )],
        Err(refusal) => vec![wrong(
            format!("the core took no heartbeat of this origin: {refusal}"),
            AGAIN,
        )],
    })
}

pub(super) fn redis(scene: &Scene<'_>, asked: &Origin) -> Findings {
    if !runs(scene, "redis")? {
        return Ok(Vec::new());
    }
    let own = scene.host.addresses()?;
    let bind = asked.redis.bind;
    let mut findings = Vec::new();
    if let Some(absent) = bind.filter(|bind| !own.contains(bind)) {
        findings.push(wrong(
            format!("redis is for edges on {absent}, and this host does not have that address now"),
            "ip -brief address   # shows what it has; bring the address back, or streamhub-install --cluster-redis-bind <ip>",
        ));
    }
    let here = bind.filter(|bind| own.contains(bind));
    for address in [Some(LOOPBACK), here].into_iter().flatten() {
        let redis = origin::redis_on(asked, address);
        let place = redis.address();
        let restart = "docker restart streamhub-redis";
        match redis.ask() {
            Answer::Pong => {}
            Answer::Silent(why) => {
                findings.push(wrong(format!("redis on {place}: {why}"), restart));
            }
            Answer::Refused(said) => findings.push(wrong(
                format!("redis on {place} refuses the password of .env: {said}"),
                RESTARTED,
            )),
            Answer::NeedsPassword => findings.push(wrong(
                format!("redis on {place} wants a password, and .env has none"),
                AGAIN,
            )),
        }
    }
    if let Some(here) = here {
        let stranger = Redis {
            password: None,
            ..origin::redis_on(asked, here)
        };
        if stranger.ask() == Answer::Pong {
            findings.push(wrong(
                format!(
                    "DANGER: redis on {} takes anybody without a password",
                    stranger.address()
                ),
                RESTARTED,
            ));
        }
    }
    Ok(findings)
}

pub(super) fn site(scene: &Scene<'_>, asked: &Origin) -> Findings {
    // A core that is away can't be led to.
    if !runs(scene, "core")? {
        return Ok(Vec::new());
    }
    let Err(why) = ask_site(asked) else {
        return Ok(Vec::new());
    };
    let fix = match asked.proxy {
        Proxy::Nginx => "nginx -t && systemctl restart nginx",
        Proxy::Caddy => "docker restart streamhub-caddy",
    };
    Ok(vec![wrong(
        format!(
            "{} before the core does not lead to it: {why}",
            asked.proxy.name()
        ),
        fix,
    )])
}

/// Caddy renews its own, and shows what it serves to nobody on this host.
pub(super) fn certificate(scene: &Scene<'_>, asked: &Origin) -> Findings {
    if !asked.tls || asked.proxy == Proxy::Caddy {
        return Ok(Vec::new());
    }
    let domain = asked.domain.to_string();
    // One that is missing or no longer valid is among what is managed.
    let Some(left) = certificate_ends(scene.host, &domain)? else {
        return Ok(Vec::new());
    };
    if left >= SHORT {
        return Ok(Vec::new());
    }
    Ok(vec![Finding::warning(
        format!(
            "the certificate of {domain} ends in {} days, and was not renewed",
            left.as_secs() / 86_400
        ),
        format!("certbot renew --no-random-sleep-on-renew --cert-name {domain}"),
    )])
}

/// The two ports that are never for everybody.
pub(super) fn strangers(scene: &Scene<'_>, asked: &Origin) -> Findings {
    let mut wanted = vec![(Protocol::Tcp, REDIS_PORT)];
    // One that is exposed on purpose is told of with the firewall, which stands before it.
    if asked.exposed_on.is_none() {
        wanted.push((Protocol::Tcp, asked.port));
    }
    let is_meant =
        |ip: IpAddr| ip.to_canonical().is_loopback() || Some(ip.to_canonical()) == asked.redis.bind;
    let held = listeners(scene.host, &wanted)?;
    let open = held.iter().filter(|l| !is_meant(l.address.ip()));
    let mut findings: Vec<Finding> = open
        .map(|listener| {
            let (what, key) = match listener.address.port() {
                REDIS_PORT => ("redis", "REDIS_BIND"),
                _ => ("the core's API", "HOST"),
            };
            let env = scene.settings.dir.join(".env");
            wrong(
                format!(
                    "DANGER: {what} listens on {}, where strangers may reach it",
                    listener.address
                ),
                format!("sed -i '/^{key}=/d' {} && {AGAIN}", env.display()),
            )
        })
        .collect();
    findings.dedup_by(|a, b| a.fix == b.fix);
    Ok(findings)
}
