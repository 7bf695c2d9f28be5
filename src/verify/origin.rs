//! Proof that an origin serves: its services, its redis for those who may and for nobody else, its site.

use std::net::IpAddr;
use std::time::Instant;

use super::services::{services_run, unwatched};
use super::{LIMIT, heartbeat_is_taken, timer_lives};
use crate::beat::Node;
use crate::env_file::EnvFile;
use crate::fault::Result;
use crate::host::{Host, Protocol, listeners};
use crate::origin_api::OriginApi;
use crate::redis_probe::{Answer, Redis};
use crate::roles::origin::{self, LOOPBACK, NODE_ID, REDIS_PORT};
use crate::secret::Secret;
use crate::settings::{Domain, Origin, Proxy, Settings};
use crate::unhealthy::unhealthy;
use crate::{http, signals};

/// Proves it, with the `.env` that stands now.
///
/// # Errors
/// [`crate::fault::Exit::Unhealthy`], naming what is wrong and showing the end of its log.
pub fn verify(host: &Host, settings: &Settings, asked: &Origin, env: &EnvFile) -> Result<()> {
    let end = Instant::now() + LIMIT;
    let services = origin::services(asked);
    services_run(host, settings, &services, end).map_err(unwatched)?;
    redis_answers(host, asked)?;
    core_beats(host, settings, asked, env)?;
    site_answers(asked, end)?;
    timer_lives()
}

/// With the password where it is meant to be reached, without it nowhere that others see.
fn redis_answers(host: &Host, asked: &Origin) -> Result<()> {
    let fix = "see its log (docker logs streamhub-redis) and run this again";
    let container = Some("streamhub-redis");
    let bind = asked.redis.bind.filter(|bind| is_here(host, *bind));
    for address in [Some(LOOPBACK), bind].into_iter().flatten() {
        let redis = origin::redis_on(asked, address);
        let answer = redis.ask();
        if answer != Answer::Pong {
            let what = format!(
                "redis on {} does not answer as it should: {answer:?}",
                redis.address()
            );
            return Err(unhealthy(&what, container, fix));
        }
    }
    // Whoever had it listen there: also a line of `.env` or a compose layer that nobody has judged.
    for held in listeners(host, &[(Protocol::Tcp, REDIS_PORT)])? {
        let ip = held.address.ip().to_canonical();
        // An address that this host lacks now is another host's, if anybody's.
        if ip.is_loopback() || !(ip.is_unspecified() || is_here(host, ip)) {
            continue;
        }
        if ip.is_unspecified() && bind.is_some() {
            let what = format!(
                "redis listens on every address of this host ({})",
                held.address
            );
            return Err(unhealthy(&what, container, fix));
        }
        let stranger = Redis {
            password: None,
            ..origin::redis_on(asked, ip)
        };
        let answer = stranger.ask();
        if answer != Answer::NeedsPassword {
            let place = stranger.address();
            let what = match answer {
                Answer::Pong => format!("redis on {place} answers without a password"),
                other => format!("redis on {place} does not ask for a password: {other:?}"),
            };
            return Err(unhealthy(&what, container, fix));
        }
    }
    Ok(())
}

/// The address may be absent now, and come later.
fn is_here(host: &Host, address: IpAddr) -> bool {
    host.addresses().is_ok_and(|own| own.contains(&address))
}

fn core_beats(host: &Host, settings: &Settings, asked: &Origin, env: &EnvFile) -> Result<()> {
    let url = origin::api(asked);
    let api = OriginApi::new(&url.parse()?, Vec::new())?;
    let token = Secret::new(env.get("STREAMHUB_CLUSTER_TOKEN")?.unwrap_or_default());
    let node = Node {
        id: NODE_ID,
        project: &settings.project,
    };
    heartbeat_is_taken(host, &api, &url, &token, &node)
}

/// What stands before the core leads to it: asked on loopback, by the name that the world uses.
///
/// # Errors
/// Why not.
pub fn ask_site(asked: &Origin) -> std::result::Result<(), String> {
    let name = match &asked.domain {
        Domain::Local => "localhost".to_owned(),
        other => other.in_url(),
    };
    let client = http::client(false, Vec::new()).map_err(|e| format!("{e:#}"))?;
    let answer = client
        .get("http://127.0.0.1/api/v1/health")
        .header("Host", &name)
        .send();
    match answer {
        // With a certificate it sends people on to https.
        Ok(answer) if answer.status().is_success() || answer.status().is_redirection() => Ok(()),
        Ok(answer) => Err(format!("it answers {}", answer.status())),
        Err(e) => Err(format!("{:#}", anyhow::Error::from(e))),
    }
}

fn site_answers(asked: &Origin, end: Instant) -> Result<()> {
    loop {
        let Err(why) = ask_site(asked) else {
            return Ok(());
        };
        if Instant::now() >= end {
            let (container, fix) = match asked.proxy {
                Proxy::Nginx => (
                    None,
                    "see what nginx says (nginx -t; journalctl -u nginx) and run this again",
                ),
                Proxy::Caddy => (
                    Some("streamhub-caddy"),
                    "its log above says why; when that is mended, run this again",
                ),
            };
            let what = format!(
                "{} before the core does not lead to it: {why}",
                asked.proxy.name()
            );
            return Err(unhealthy(&what, container, fix));
        }
        signals::sleep(std::time::Duration::from_millis(250))?;
    }
}
