//! A node that the predecessor, the install.sh script, set up. It stored little of what it was asked for;
//! the rest is inferred from what it left, so that a run takes the node over as if it were its own.

use std::net::{IpAddr, ToSocketAddrs};
use std::path::Path;

use url::Url;

use super::edge::default_url;
use super::files::{HEARTBEAT_ENV, read};
use super::origin::{beyond_loopback, cloned_from, is_without_tls};
use super::{DEFAULT_DIR, Proxy};
use crate::engine::{Container, Engine, PROJECT, container_name};
use crate::env_file::EnvFile;
use crate::fault::{Exit, Fault, Result};
use crate::host::{Found, Host};
use crate::receipt::{self, Receipt, Role};

/// What its timer runs, and nothing else installs.
pub const HEARTBEAT_SCRIPT: &str = "/usr/local/bin/streamhub-heartbeat.sh";

/// The services that its nodes have; the last three only an origin.
const SERVICES: &[&str] = &["livekit", "ingress", "egress", "redis", "core", "caddy"];

/// What it left, as an earlier run of this program would have noted it: its traces are the heartbeat that it
/// installed, and its containers. `None` where there are none, or nothing but remains.
///
/// # Errors
/// If a file of its is damaged, or its directory can't be found.
pub(super) fn inferred_receipt(host: &Host, asked_dir: Option<&Path>) -> Result<Option<Receipt>> {
    let beat = read(host, Path::new(HEARTBEAT_ENV))?.unwrap_or_default();
    let has_joined = beat.get("STREAMHUB_HB_NODE_ID")?.is_some();
    let has_script = !matches!(host.find(Path::new(HEARTBEAT_SCRIPT))?, Found::Nothing);
    let containers = its_containers(host);
    let has_its_own = containers.iter().any(|c| c.digest().is_none());
    if !has_joined && !has_script && !has_its_own {
        return Ok(None);
    }
    let container = containers.first();
    let by_label = container.and_then(Container::directory);
    let places = [by_label, Some(Path::new(DEFAULT_DIR)), asked_dir];
    for dir in places.into_iter().flatten() {
        let env = read(host, &dir.join(".env"))?.unwrap_or_default();
        if env.get("STREAMHUB_DOMAIN")?.is_none() {
            continue;
        }
        let known = [
            container.and_then(Container::project),
            beat.get("STREAMHUB_HB_PROJECT")?,
            env.get("COMPOSE_PROJECT_NAME")?,
        ];
        let project = match known.into_iter().flatten().next() {
            Some(project) => project.to_owned(),
            None if has_script => project_of(dir),
            // A node of this program's own, whose receipt was moved away.
            None => PROJECT.to_owned(),
        };
        let role = role(&env)?;
        let mut receipt = Receipt::new(role, dir);
        receipt.settings = receipt::Saved {
            project: Some(project).filter(|project| project != PROJECT),
            ..match role {
                Role::Edge => edges_settings(&env, &beat)?,
                Role::Origin => {
                    let dockerfile = host.find(&dir.join("deploy/Dockerfile"))?;
                    let has_source = !matches!(dockerfile, Found::Nothing);
                    receipt::Saved {
                        repo_url: cloned_from(host, dir)?,
                        ..origins_settings(&env, &containers, has_source)?
                    }
                }
            }
        };
        return Ok(Some(receipt));
    }
    // Whoever installs beside it overwrites the only copy of its node id and token.
    if has_joined || has_script {
        return Err(nowhere().into());
    }
    Ok(None)
}

/// The containers of compose's that have one of the fixed names.
fn its_containers(host: &Host) -> Vec<Container> {
    // Where the engine can't be asked, the files tell enough.
    let engine = Engine::find(host).ok().flatten();
    let containers = engine.and_then(|engine| engine.containers().ok());
    let is_service = |c: &Container| {
        let mut names = SERVICES.iter().map(|service| container_name(service));
        c.project().is_some() && names.any(|name| name == c.name())
    };
    let all = containers.unwrap_or_default().into_iter();
    all.filter(is_service).collect()
}

/// What compose calls a project that is not named otherwise: its directory's last part, in lower case, without what
/// is no letter, digit, `_` or `-`, and without the last two at its start.
fn project_of(dir: &Path) -> String {
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    let kept = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let name: String = name.to_lowercase().chars().filter(kept).collect();
    match name.trim_start_matches(['_', '-']) {
        "" => PROJECT.to_owned(),
        project => project.to_owned(),
    }
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
    // Where the heartbeat's file is lost, livekit still posts its events there.
    let webhook = env.get("LIVEKIT_WEBHOOK_URL")?;
    let posted_to = webhook.and_then(|url| url.strip_suffix("/api/v1/webhooks/livekit"));
    let url = beat.get("STREAMHUB_HB_URL")?.or(posted_to);
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

/// What only an origin has.
fn origins_settings(
    env: &EnvFile,
    containers: &[Container],
    has_source: bool,
) -> Result<receipt::Saved> {
    let container = |service: &str| {
        let name = container_name(service);
        containers.iter().find(move |c| c.name() == name)
    };
    let proxy = match container("caddy") {
        Some(_) => Proxy::Caddy,
        None => Proxy::Nginx,
    };
    let bind = env.get("REDIS_BIND")?.map(beyond_loopback);
    let core = container("core").filter(|_| !has_source);
    Ok(receipt::Saved {
        domain: env.get("STREAMHUB_DOMAIN")?.map(str::to_owned),
        no_tls: is_without_tls(env)?,
        proxy: Some(proxy.name().to_owned()),
        core_image: core.map(|core| core.image.clone()),
        cluster_redis_bind: bind.filter(|bind| !bind.is_empty()),
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
        "a StreamHub node was set up here before, and its directory is not found",
    )
    .why(format!(
        "{HEARTBEAT_ENV} or {HEARTBEAT_SCRIPT} is of it; {DEFAULT_DIR} has no .env of its, and no container tells another place"
    ))
    .fix(format!(
        "pass --dir <its directory>, or start Docker if it is stopped (systemctl start docker.service);\n\
         where nothing else is left of it: rm -f {HEARTBEAT_ENV} {HEARTBEAT_SCRIPT}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(text: &str) -> EnvFile {
        EnvFile::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_project_is_named_as_compose_names_it() {
        for (dir, project) in [
            ("/opt/streamhub", "streamhub"),
            ("/srv/live.media", "livemedia"),
            ("/srv/_Live-2", "live-2"),
            ("/srv/...", "streamhub"),
        ] {
            assert_eq!(project_of(Path::new(dir)), project, "{dir}");
        }
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
    fn an_origins_settings_are_in_its_files() {
        let plain = env(include_str!("../../fixtures/predecessor/origin.env"));
        let found = origins_settings(&plain, &[], true).unwrap();
        assert_eq!(found.domain.as_deref(), Some("10.0.0.10"));
        assert_eq!(found.proxy.as_deref(), Some("nginx"));
        assert!(found.cluster_redis_bind.is_none() && found.core_image.is_none());
        // Given a name, it is to have a certificate.
        assert!(!found.no_tls, "an address has none anyway");
        let cluster = env(include_str!(
            "../../fixtures/predecessor/origin-cluster.env"
        ));
        let found = origins_settings(&cluster, &[], true).unwrap();
        assert_eq!(found.cluster_redis_bind.as_deref(), Some("10.0.0.10"));
        let with_tls =
            env("STREAMHUB_DOMAIN=media.example.com\nPUBLIC_WS_URL=wss://media.example.com\n");
        assert!(!origins_settings(&with_tls, &[], true).unwrap().no_tls);
        let without =
            env("STREAMHUB_DOMAIN=media.example.com\nPUBLIC_WS_URL=ws://media.example.com:7880\n");
        assert!(origins_settings(&without, &[], true).unwrap().no_tls);
    }

    #[test]
    fn an_origin_is_where_room_events_go_when_the_heartbeats_file_is_lost() {
        let edge = include_str!("../../fixtures/predecessor/edge.env");
        let line = edge.lines().find(|l| l.starts_with("LIVEKIT_WEBHOOK_URL="));
        let moved = "LIVEKIT_WEBHOOK_URL=https://media.example.com/api/v1/webhooks/livekit";
        let edge = env(&edge.replace(line.unwrap(), moved));
        let found = edges_settings(&edge, &EnvFile::default()).unwrap();
        let url = found.master_url.as_deref();
        assert_eq!(url, Some("https://media.example.com"));
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
