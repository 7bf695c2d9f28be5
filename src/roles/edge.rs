//! An edge: livekit, ingress and egress that share an origin's redis.
//!
//! [`prepare`] is what any host needs before it is worth registering. Then the origin is asked
//! ([`crate::register`]), and its answer decides what [`serve`] wants. Both are in the order in which
//! one would do it by hand.

use std::path::PathBuf;

use minijinja::context;

use super::node::{adoption, file, heartbeat, unit};
use crate::fault::Result;
use crate::host::Protocol::{Tcp, Udp};
use crate::origin_api::Answer;
use crate::receipt::Owned;
use crate::render::source;
use crate::resource::{
    Absent, BASE, ComposeFile, Data, Definition, Directory, Env, Firewall, Image, Kept, Port,
    Program, Resources, Rule, Service, Stack, Sysctl, Timer,
};
use crate::secret::Secret;
use crate::settings::{Edge, HEARTBEAT_SCRIPT, MASTER_CA, Settings};

/// What must stand before the origin hears of this host.
pub fn prepare(settings: &Settings) -> Resources {
    let dir = &settings.dir;
    let mut wanted = Resources::new();
    let compose_file = Owned::File {
        path: dir.join(BASE),
    };
    // The script put the whole tree on edges too; the receipt drops it where there is none.
    let tree = Owned::SourceTree { path: dir.clone() };
    if let Some(adoption) = adoption(settings, vec![compose_file, tree]) {
        wanted.push(Box::new(adoption));
    }
    wanted.extend::<Resources>(vec![
        Box::new(settings.docker.clone()),
        Box::new(Sysctl {
            nonlocal_bind: false,
        }),
        Box::new(Firewall::open(PUBLIC_PORTS)),
        Box::new(Program),
        Box::new(Directory::new(dir, 0o755)),
    ]);
    for service in SERVICES {
        wanted.push(Box::new(Image {
            name: service.image.to_owned(),
            refresh: settings.refresh,
        }));
    }
    wanted
}

/// What the origin's answer makes of it: everything on disk, then everything started.
///
/// # Errors
/// If a template can't be rendered: a mistake of ours.
pub fn serve(settings: &Settings, edge: &Edge, answer: &Answer, cores: usize) -> Result<Resources> {
    let stack = definition(settings, edge, answer, cores);
    let mut wanted: Resources = vec![
        Box::new(stack.env.clone()),
        Box::new(heartbeat(
            settings,
            edge.origin(),
            edge.token.as_ref(),
            &answer.node_id,
        )),
        Box::new(Data::new(stack.env.clone(), &settings.dir)),
        Box::new(Kept { of: stack.path() }),
        Box::new(ComposeFile(stack.clone())),
        Box::new(unit("streamhub-heartbeat.service")?),
        Box::new(unit("streamhub-heartbeat.timer")?),
    ];
    if let Some(text) = &edge.master_ca {
        wanted.push(Box::new(file(MASTER_CA, text.clone())));
    }
    wanted.push(Box::new(services(settings, stack)));
    wanted.push(Box::new(Timer));
    wanted.push(Box::new(Absent {
        path: HEARTBEAT_SCRIPT,
        why: "the timer runs streamhub-install now",
    }));
    Ok(wanted)
}

/// The services, as the origin's answer makes them.
pub fn stack(settings: &Settings, edge: &Edge, answer: &Answer, cores: usize) -> Stack {
    services(settings, definition(settings, edge, answer, cores))
}

fn services(settings: &Settings, definition: Definition) -> Stack {
    let services = Stack::new(definition, settings.drain, settings.refresh);
    if settings.is_drained() {
        // Started, it would take new rooms.
        services.leaving(DRAINED)
    } else {
        services
    }
}

/// The service that a drained node does without.
pub const DRAINED: &str = "livekit";

/// What an edge runs. All nodes of a cluster should run the same versions.
pub const SERVICES: &[Service] = &[
    Service {
        name: "livekit",
        image: "livekit/livekit-server:v1.8.4",
    },
    Service {
        name: "ingress",
        image: "livekit/ingress:latest",
    },
    Service {
        name: "egress",
        image: "livekit/egress:latest",
    },
];

/// The ports that everybody may reach, and what for.
pub const PUBLIC_PORTS: &[Port] = &[
    Port(1935, Tcp, "RTMP"),
    Port(7880, Tcp, "signaling"),
    Port(7881, Tcp, "media over TCP"),
    Port(8080, Tcp, "WHIP"),
    Port(7882, Udp, "media"),
    Port(7885, Udp, "WHIP media"),
];

/// The ports that only this host uses.
pub const LOCAL_PORTS: &[Port] = &[
    Port(9090, Tcp, "ingress relay"),
    Port(6789, Tcp, "livekit metrics"),
    Port(6790, Tcp, "ingress metrics"),
    Port(6791, Tcp, "egress metrics"),
];

fn definition(settings: &Settings, edge: &Edge, answer: &Answer, cores: usize) -> Definition {
    let redis = &answer.redis;
    Definition {
        role: "edge",
        file: BASE,
        base: None,
        dir: settings.dir.clone(),
        project: settings.project.clone(),
        services: SERVICES.to_vec(),
        values: context! {
            redis => context! {
                username => redis.username.is_some(),
                password => redis.password.is_some(),
                tls => redis.tls,
                db => answer.redis_db,
            },
        },
        env: env(settings, edge, answer, cores),
    }
}

fn env(settings: &Settings, edge: &Edge, answer: &Answer, cores: usize) -> Env {
    let redis = &answer.redis;
    let set = |value: &str| Rule::Set(value.to_owned());
    let secret = |value: &Secret| set(value.expose());
    let api = edge.origin();
    // compose refuses more than the host has.
    let cpus = |most: f64| Rule::Default(most.min(cores as f64).to_string());
    Env {
        path: settings.dir.join(".env"),
        template: source("edge/env"),
        keys: vec![
            (
                "STREAMHUB_DOMAIN",
                Rule::Set(format!("join-{}", edge.node_name)),
            ),
            ("ACME_EMAIL", Rule::Default("none@localhost".to_owned())),
            ("LIVEKIT_API_KEY", secret(&answer.api_key)),
            ("LIVEKIT_API_SECRET", secret(&answer.api_secret)),
            ("REDIS_URL", secret(&answer.redis_url)),
            ("LIVEKIT_REDIS_ADDRESS", Rule::Set(redis.address())),
            (
                "LIVEKIT_REDIS_USERNAME",
                optional(redis.username.as_deref().map(set)),
            ),
            (
                "LIVEKIT_REDIS_PASSWORD",
                optional(redis.password.as_ref().map(secret)),
            ),
            (
                "LIVEKIT_REDIS_TLS",
                optional(redis.tls.then(|| set("true"))),
            ),
            (
                "LIVEKIT_REDIS_DB",
                optional((answer.redis_db != 0).then(|| Rule::Set(answer.redis_db.to_string()))),
            ),
            (
                "LIVEKIT_WEBHOOK_URL",
                Rule::Set(format!("{api}/api/v1/webhooks/livekit")),
            ),
            ("DATA_DIR", Rule::Default("/data".to_owned())),
            (
                "STREAMHUB_HOST_DATA_DIR",
                Rule::Default("./data".to_owned()),
            ),
            ("EGRESS_CPUS", cpus(4.0)),
            ("INGRESS_CPUS", cpus(1.5)),
        ],
        secret: &[
            "LIVEKIT_API_KEY",
            "LIVEKIT_API_SECRET",
            "REDIS_URL",
            "LIVEKIT_REDIS_PASSWORD",
        ],
    }
}

fn optional(rule: Option<Rule>) -> Rule {
    rule.unwrap_or(Rule::Absent)
}

/// Every file that an edge writes, for a look at each before anything is changed.
pub fn files(settings: &Settings) -> Vec<PathBuf> {
    let mut files = super::node::files();
    files.extend(["docker-compose.yml", ".env"].map(|name| settings.dir.join(name)));
    files.push(MASTER_CA.into());
    files
}
