//! A node that the predecessor, the install.sh script, set up. It stored little of what it was asked for;
//! the rest is inferred from what it left, so that a run takes the node over as if it were its own.

use std::net::{IpAddr, ToSocketAddrs};
use std::path::Path;

use url::Url;

use super::DEFAULT_DIR;
use super::edge::default_url;
use super::saved::{HEARTBEAT_ENV, read};
use crate::engine::{Container, Engine, PROJECT, container_name};
use crate::env_file::EnvFile;
use crate::exec;
use crate::fault::{Exit, Fault, Result};
use crate::host::{Found, Host};
use crate::receipt::{self, Receipt, Role};

/// What its timer runs, and nothing else installs.
pub const HEARTBEAT_SCRIPT: &str = "/usr/local/bin/streamhub-heartbeat.sh";

/// The services that every node of its has.
const SERVICES: &[&str] = &["livekit", "ingress", "egress"];

/// What it left, as an earlier run of this program would have noted it: its traces are the heartbeat that it
/// installed, and its containers. `None` where there are none, or nothing but remains.
///
/// # Errors
/// If a file of its is damaged, or its directory can't be found.
pub(super) fn inferred_receipt(host: &Host, asked_dir: Option<&Path>) -> Result<Option<Receipt>> {
    let beat = read(host, Path::new(HEARTBEAT_ENV))?;
    let script = host.find(Path::new(HEARTBEAT_SCRIPT))?;
    let container = its_container(host);
    if beat.is_none() && matches!(script, Found::Nothing) && container.is_none() {
        return Ok(None);
    }
    let by_label = container.as_ref().and_then(Container::directory);
    let places = [by_label, Some(Path::new(DEFAULT_DIR)), asked_dir];
    for dir in places.into_iter().flatten() {
        let env = read(host, &dir.join(".env"))?.unwrap_or_default();
        if env.get("STREAMHUB_DOMAIN")?.is_none() {
            continue;
        }
        let mut receipt = Receipt::new(role(&env)?, dir);
        let project = container.as_ref().and_then(Container::project);
        receipt.settings = receipt::Saved {
            project: project.filter(|p| *p != PROJECT).map(str::to_owned),
            ..edges_settings(&env, &beat.unwrap_or_default())?
        };
        return Ok(Some(receipt));
    }
    // Only its containers know a directory of another name.
    if exec::is_installed("dockerd") && Engine::find(host).is_ok_and(|engine| engine.is_none()) {
        return Err(nowhere().into());
    }
    Ok(None)
}

/// A container that has one of the fixed names, that compose made, and this program did not.
fn its_container(host: &Host) -> Option<Container> {
    // Where the engine can't be asked, the files tell enough.
    let engine = Engine::find(host).ok().flatten()?;
    engine.containers().ok()?.into_iter().find(|c| {
        SERVICES
            .iter()
            .any(|service| c.name() == container_name(service))
            && c.project().is_some()
            && c.digest().is_none()
    })
}

/// An edge posts room events to its origin and hands out no join token; an origin does.
fn role(env: &EnvFile) -> Result<Role> {
    let posts_events = env.get("LIVEKIT_WEBHOOK_URL")?.is_some();
    let hands_out_token = env.get("STREAMHUB_CLUSTER_TOKEN")?.is_some();
    Ok(if posts_events && !hands_out_token {
        Role::Edge
    } else {
        Role::Origin
    })
}

/// What only an edge has.
fn edges_settings(env: &EnvFile, beat: &EnvFile) -> Result<receipt::Saved> {
    let url = beat.get("STREAMHUB_HB_URL")?;
    let ip = origin_ip(env.get("REDIS_URL")?, url);
    let is_default = |url: &str| match ip.map(default_url) {
        Some(Ok(default)) => default.as_str().trim_end_matches('/') == url.trim_end_matches('/'),
        _ => false,
    };
    let name = env.get("STREAMHUB_DOMAIN")?;
    Ok(receipt::Saved {
        master_ip: ip.map(|ip| ip.to_string()),
        master_url: url.filter(|url| !is_default(url)).map(str::to_owned),
        node_name: name
            .and_then(|domain| domain.strip_prefix("join-"))
            .map(str::to_owned),
        region_is_unknown: true,
        ..receipt::Saved::default()
    })
}

/// The address in the redis's URL, which is where edges share it; else that of the API, looked up if it is a name.
fn origin_ip(redis_url: Option<&str>, api_url: Option<&str>) -> Option<IpAddr> {
    let hosts: Vec<String> = [redis_url, api_url]
        .into_iter()
        .flatten()
        .filter_map(|url| Some(Url::parse(url).ok()?.host_str()?.to_owned()))
        .collect();
    let address = |host: &String| host.trim_matches(['[', ']']).parse().ok();
    let look_up = |host: &String| Some((host.as_str(), 0).to_socket_addrs().ok()?.next()?.ip());
    hosts
        .iter()
        .find_map(address)
        .or_else(|| hosts.iter().rev().find_map(look_up))
}

fn nowhere() -> Fault {
    Fault::new(
        Exit::NotReady,
        "the install.sh script has set up a node here, and its directory is not found",
    )
    .why(format!(
        "{DEFAULT_DIR} has no .env of its, and only its containers know another place: Docker does not answer"
    ))
    .fix("start Docker (systemctl start docker.service), or pass --dir <its directory>")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(text: &str) -> EnvFile {
        EnvFile::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn the_recorded_files_tell_the_role() {
        let edge = include_str!("../../fixtures/predecessor/edge.env");
        assert_eq!(role(&env(edge)).unwrap(), Role::Edge);
        for origin in [
            include_str!("../../fixtures/predecessor/origin.env"),
            include_str!("../../fixtures/predecessor/origin-cluster.env"),
        ] {
            assert_eq!(role(&env(origin)).unwrap(), Role::Origin);
        }
    }

    #[test]
    fn an_edges_name_and_origin_are_in_its_files() {
        let edge = env(include_str!("../../fixtures/predecessor/edge.env"));
        let found =
            edges_settings(&edge, &env("STREAMHUB_HB_URL=http://10.0.0.10:3020\n")).unwrap();
        assert_eq!(found.node_name.as_deref(), Some("edge-ams-1"));
        assert_eq!(found.master_ip.as_deref(), Some("10.0.0.10"));
        assert_eq!(found.master_url, None, "it is the default for that address");
        let found =
            edges_settings(&edge, &env("STREAMHUB_HB_URL=https://media.example.com\n")).unwrap();
        assert_eq!(
            found.master_url.as_deref(),
            Some("https://media.example.com")
        );
    }

    #[test]
    fn the_origins_address_is_where_its_redis_is() {
        let ip = |text: &str| text.parse::<IpAddr>().ok();
        let redis = Some("redis://:Example@10.0.0.10:6379");
        assert_eq!(
            origin_ip(redis, Some("http://10.0.0.9:3020")),
            ip("10.0.0.10")
        );
        let named = Some("redis://:Example@redis.example.com:6379");
        assert_eq!(
            origin_ip(named, Some("http://[2001:db8::9]:3020")),
            ip("2001:db8::9")
        );
        assert_eq!(
            origin_ip(Some("redis://localhost"), None).map(|ip| ip.is_loopback()),
            Some(true)
        );
        assert_eq!(origin_ip(None, None), None);
    }
}
