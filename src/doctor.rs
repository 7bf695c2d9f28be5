//! What an operator wants to know of a node that was installed: does it still do what it is there for, and if not, what
//! is it and what mends it. Looks only; the one thing that it leaves is a heartbeat.

mod cluster;
mod itself;
mod origin;
mod services;

use crate::check::{self, Check, Finding, Look, Scene};
use crate::fault::Result;
use crate::host::Host;
use crate::preflight;
use crate::settings::Settings;

pub(crate) use services::livekit_came_back;

/// What makes a node what it was installed as; it asks nothing again and changes only what differs.
const AGAIN: &str = "streamhub-install";

type Findings = Result<Vec<Finding>>;

/// All of them, in the order of the report. None of them says what another one has said.
pub const CHECKS: &[Check] = &[
    Check {
        name: "disk",
        protects: "recordings and logs that don't fit",
        look: Look::Both(preflight::disk),
    },
    Check {
        name: "clock",
        protects: "certificates and tokens that seem not to be valid",
        look: Look::Both(preflight::clock),
    },
    Check {
        name: "secrets",
        protects: "secrets that others on this host can read",
        look: Look::Both(itself::secrets),
    },
    Check {
        name: "managed",
        protects: "files, units, packages and firewall rules that were changed or are gone",
        look: Look::Both(itself::managed),
    },
    Check {
        name: "timer",
        protects: "a heartbeat that nothing starts any more",
        look: Look::Both(itself::timer),
    },
    Check {
        name: "services",
        protects: "services that are stopped, or fall over again and again",
        look: Look::Both(services::running),
    },
    Check {
        name: "settings",
        protects: "services that run with other settings than .env has",
        look: Look::Both(services::settings),
    },
    Check {
        name: "ports",
        protects: "services that run and don't answer",
        look: Look::Both(services::ports),
    },
    Check {
        name: "origin",
        protects: "an origin that does not answer",
        look: Look::Edge(cluster::origin),
    },
    Check {
        name: "skew",
        protects: "tokens that the origin's clock refuses",
        look: Look::Edge(preflight::skew),
    },
    Check {
        name: "token",
        protects: "a join token that was changed on the origin",
        look: Look::Edge(cluster::token),
    },
    Check {
        name: "node",
        protects: "a node that was removed from the registry",
        look: Look::Edge(cluster::node),
    },
    Check {
        name: "redis",
        protects: "a redis that can't be reached, refuses this node, or takes anybody",
        look: Look::Edge(cluster::redis),
    },
    Check {
        name: "core",
        protects: "an API and a registry that don't answer",
        look: Look::Origin(origin::core),
    },
    Check {
        name: "cluster-redis",
        protects: "a redis that refuses who should be let in, or takes anybody",
        look: Look::Origin(origin::redis),
    },
    Check {
        name: "site",
        protects: "a dashboard that people can't reach",
        look: Look::Origin(origin::site),
    },
    Check {
        name: "certificate",
        protects: "a certificate that ends unnoticed",
        look: Look::Origin(origin::certificate),
    },
    Check {
        name: "public-ports",
        protects: "a rule of ufw's that keeps everybody from a public port",
        look: Look::Both(preflight::public_ports),
    },
    Check {
        name: "firewall",
        protects: "rules that let strangers reach redis or the cluster API",
        look: Look::Origin(preflight::firewall),
    },
    Check {
        name: "strangers",
        protects: "redis and the core's API open to more than they are meant for",
        look: Look::Origin(origin::strangers),
    },
];

/// Makes every check.
///
/// # Errors
/// The signal that ended it.
pub fn examine(host: &Host, settings: &Settings) -> Result<Vec<(&'static str, Finding)>> {
    let scene = Scene::new(host, settings);
    let mut found = Vec::new();
    check::examine(CHECKS.iter(), &scene, |name, finding| {
        found.push((name, finding));
    })?;
    Ok(found)
}

fn wrong(what: impl Into<String>, fix: impl Into<String>) -> Finding {
    Finding::error(crate::fault::Exit::Failed, what, fix)
}
