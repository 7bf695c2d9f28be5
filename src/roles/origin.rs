//! An origin: everything that StreamHub is, and redis and the cluster's API for its edges.
//!
//! [`wanted`] is the whole install, in the order in which one would do it by hand.

mod env;
mod front;

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use minijinja::context;
use url::Url;

pub use front::certificate;

use super::edge;
use super::node::{adoption, file, heartbeat, unit};
use crate::fault::Result;
use crate::host::Protocol::Tcp;
use crate::receipt::Owned;
use crate::redis_probe::Redis;
use crate::render::render;
use crate::resource::{
    Absent, Adoption, BASE, Base, CLUSTER_PATHS, ComposeFile, CoreImage, Data, Definition,
    Directory, EdgeRules, Env, Firewall, LAYER, Port, PrebuiltFile, Program, Resources, Seed,
    Service, SourceTree, Stack, StackImages, Sysctl, Timer, site_files, site_path,
};
use crate::settings::{Core, HEARTBEAT_SCRIPT, Origin, Proxy, Settings};

/// What an origin is in the registry of its own core.
pub const NODE_ID: &str = "origin";
pub const REDIS_PORT: u16 = 6379;

/// Everything on disk, then everything started.
///
/// # Errors
/// If a template can't be rendered, or the kernel gives no random bytes.
pub fn wanted(settings: &Settings, origin: &Origin, cores: usize) -> Result<Resources> {
    let dir = &settings.dir;
    let env = env::env(settings, origin, cores)?;
    let stack = definition(settings, origin, env.clone())?;
    let mut wanted = Resources::new();
    if let Some(adoption) = adopted(settings, origin) {
        wanted.push(Box::new(adoption));
    }
    wanted.push(Box::new(settings.docker.clone()));
    wanted.extend(front::packages(origin));
    wanted.extend::<Resources>(vec![
        Box::new(Sysctl {
            nonlocal_bind: origin.redis.bind.is_some(),
        }),
        Box::new(Firewall::open(PUBLIC_PORTS)),
        Box::new(EdgeRules::new(&origin.edges, origin.port)),
        Box::new(Program),
        Box::new(Directory::new(dir, 0o755)),
    ]);
    match &origin.core {
        Core::Built(upstream) => wanted.push(Box::new(SourceTree::new(
            dir,
            upstream.clone(),
            settings.refresh,
        ))),
        Core::Image(image) => {
            wanted.push(Box::new(PrebuiltFile(file(dir.join(BASE), base(image)?))));
        }
    }
    wanted.extend::<Resources>(vec![
        Box::new(env.clone()),
        Box::new(heartbeat(
            settings,
            &api(origin),
            Some(&env::cluster_token(origin, &env)),
            NODE_ID,
        )),
        Box::new(Data::new(env.clone(), dir)),
        Box::new(ComposeFile(stack.clone())),
        Box::new(unit("streamhub-heartbeat.service")?),
        Box::new(unit("streamhub-heartbeat.timer")?),
        Box::new(StackImages {
            definition: stack.clone(),
            refresh: settings.refresh,
        }),
    ]);
    if stack.builds_core() {
        wanted.push(Box::new(CoreImage {
            definition: stack.clone(),
            refresh: settings.refresh,
        }));
    }
    wanted.extend(front::no_cluster_site(origin));
    wanted.push(Box::new(Stack::new(
        stack,
        settings.drain,
        settings.refresh,
    )));
    wanted.push(Box::new(Seed {
        env,
        project: settings.project.clone(),
        port: origin.port,
        refused: (settings.saved.receipt.as_ref()).and_then(|r| r.refused_token.clone()),
    }));
    wanted.extend(front::site(settings, origin)?);
    wanted.push(Box::new(Timer));
    wanted.push(Box::new(Absent {
        path: HEARTBEAT_SCRIPT,
        why: "the timer runs streamhub-install now",
    }));
    Ok(wanted)
}

/// The services.
///
/// # Errors
/// As [`wanted`].
pub fn stack(settings: &Settings, origin: &Origin, cores: usize) -> Result<Stack> {
    let env = env::env(settings, origin, cores)?;
    Ok(Stack::new(
        definition(settings, origin, env)?,
        settings.drain,
        settings.refresh,
    ))
}

/// What an origin runs besides Caddy. Which image each runs, StreamHub's own compose file says; these are for a core
/// that is a prebuilt image, and for a plan before there is a source tree.
pub const SERVICES: &[Service] = &[
    Service {
        name: "redis",
        image: "redis:7-alpine",
    },
    edge::SERVICES[0],
    edge::SERVICES[1],
    edge::SERVICES[2],
    Service {
        name: "core",
        image: "streamhub-core:local",
    },
];

/// Its profile is called the same.
const CADDY: Service = Service {
    name: "caddy",
    image: "caddy:2-alpine",
};

/// The services of this origin.
pub fn services(origin: &Origin) -> Vec<Service> {
    let caddy = (origin.proxy == Proxy::Caddy).then_some(CADDY);
    SERVICES.iter().copied().chain(caddy).collect()
}

/// The ports that everybody may reach, and what for.
pub const PUBLIC_PORTS: &[Port] = &[
    Port(80, Tcp, "HTTP"),
    Port(443, Tcp, "HTTPS"),
    edge::PUBLIC_PORTS[0],
    edge::PUBLIC_PORTS[1],
    edge::PUBLIC_PORTS[2],
    edge::PUBLIC_PORTS[3],
    edge::PUBLIC_PORTS[4],
    edge::PUBLIC_PORTS[5],
];

/// The ports that this host uses, and edges that the firewall lets in: the core listens where `.env` says.
pub fn own_ports(core: u16) -> [Port; 2] {
    [
        Port(core, Tcp, "the core's API"),
        Port(REDIS_PORT, Tcp, "redis"),
    ]
}

fn definition(settings: &Settings, origin: &Origin, env: Env) -> Result<Definition> {
    Ok(Definition {
        role: "origin",
        file: LAYER,
        base: Some(match &origin.core {
            Core::Built(_) => Base::OfSource,
            Core::Image(image) => Base::Ours(base(image)?),
        }),
        dir: settings.dir.clone(),
        project: settings.project.clone(),
        services: services(origin),
        values: context! {
            redis => context! { password => origin.redis.password.is_some() },
            caddy => caddy(origin),
        },
        env,
    })
}

/// What Caddy's templates are told; nothing where nginx stands before the core.
fn caddy(origin: &Origin) -> Option<minijinja::Value> {
    (origin.proxy == Proxy::Caddy).then(|| {
        context! {
            tls => origin.tls,
            acme_directory => origin.acme_directory.as_ref().map(Url::as_str),
            acme_ca => origin.acme_ca_file.as_deref(),
            cluster => origin.cluster_api().map(|ip| ip.to_string()),
            cluster_paths => CLUSTER_PATHS.to_vec(),
        }
    })
}

/// The compose file in the place of StreamHub's own, where the core is a prebuilt image.
fn base(core: &str) -> Result<String> {
    let [_, livekit, ingress, egress, _] = SERVICES else {
        anyhow::bail!("an origin has five services");
    };
    let images = context! {
        livekit => livekit.image,
        ingress => ingress.image,
        egress => egress.image,
        core => core,
    };
    render("origin/docker-compose.yml", context! { images })
}

/// The taking over of an origin that the script set up.
pub fn adopted(settings: &Settings, origin: &Origin) -> Option<Adoption> {
    adoption(settings, left_by_predecessor(settings, origin))
}

/// What the script made besides what every node has.
fn left_by_predecessor(settings: &Settings, origin: &Origin) -> Vec<Owned> {
    let file = |path: PathBuf| Owned::File { path };
    let mut left = vec![Owned::SourceTree {
        path: settings.dir.clone(),
    }];
    if origin.proxy == Proxy::Nginx {
        if origin.tls {
            let name = origin.domain.to_string();
            left.push(Owned::Certificate { name });
        }
        left.push(file(site_path(&origin.site)));
        let enabled = Path::new("/etc/nginx/sites-enabled");
        left.push(file(enabled.join(&origin.site)));
        // It took the distribution's own site away, which comes back when this one goes.
        left.push(Owned::Unlinked {
            path: enabled.join("default"),
            target: site_path("default"),
        });
    }
    left
}

/// The core's API, from this host.
pub fn api(origin: &Origin) -> String {
    format!("http://127.0.0.1:{}", origin.port)
}

/// The redis on this address, with the password that every client needs.
pub fn redis_on(origin: &Origin, address: IpAddr) -> Redis {
    Redis {
        host: address.to_string(),
        port: REDIS_PORT,
        tls: false,
        username: None,
        password: origin.redis.password.clone(),
    }
}

/// Where this host's own services find redis.
pub const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Every file that an origin writes, for a look at each before anything is changed.
pub fn files(settings: &Settings, origin: &Origin) -> Vec<PathBuf> {
    let mut files = super::node::files();
    files.extend([LAYER, ".env"].map(|name| settings.dir.join(name)));
    if matches!(origin.core, Core::Image(_)) {
        files.push(settings.dir.join(BASE));
    }
    if origin.proxy == Proxy::Nginx {
        files.extend(site_files(&origin.site));
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cores_port_is_the_one_in_its_env() {
        let ports = own_ports(4020).map(|Port(port, ..)| port);
        assert_eq!(ports, [4020, REDIS_PORT]);
    }
}
