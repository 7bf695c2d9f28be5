//! The installs, in reading order.

pub mod edge;
mod node;
pub mod origin;

use std::path::PathBuf;

pub use node::{LOG, secret_files};

use crate::fault::Result;
use crate::resource::{Port, Resources, Service, Stack};
use crate::settings::{Node, Settings};

/// Every port that this node's services need.
pub fn ports(settings: &Settings) -> Vec<Port> {
    match &settings.node {
        Node::Edge(_) => [edge::PUBLIC_PORTS, edge::LOCAL_PORTS].concat(),
        Node::Origin(asked) => {
            let own = origin::own_ports(asked.port);
            [origin::PUBLIC_PORTS, &own, edge::LOCAL_PORTS].concat()
        }
    }
}

/// Those that everybody may reach.
pub fn public_ports(settings: &Settings) -> &'static [Port] {
    match &settings.node {
        Node::Edge(_) => edge::PUBLIC_PORTS,
        Node::Origin(_) => origin::PUBLIC_PORTS,
    }
}

/// What this node runs.
pub fn services(settings: &Settings) -> Vec<Service> {
    match &settings.node {
        Node::Edge(_) => edge::SERVICES.to_vec(),
        Node::Origin(asked) => origin::services(asked),
    }
}

/// Every file that this node's install writes.
pub fn files(settings: &Settings) -> Vec<PathBuf> {
    match &settings.node {
        Node::Edge(_) => edge::files(settings),
        Node::Origin(asked) => origin::files(settings, asked),
    }
}

/// What this node is made of, as it was installed: an edge's as its origin answered last.
pub struct Installed {
    pub resources: Resources,
    pub stack: Stack,
}

/// What this node is made of; `None` on an edge that no origin has taken.
///
/// # Errors
/// If a template can't be rendered: a mistake of ours.
pub fn installed(settings: &Settings, cores: usize) -> Result<Option<Installed>> {
    Ok(match (&settings.node, &settings.saved.joined) {
        (Node::Edge(asked), Some(joined)) => {
            let answer = &joined.answer;
            let mut resources = edge::prepare(settings);
            resources.extend(edge::serve(settings, asked, answer, cores)?);
            let stack = edge::stack(settings, asked, answer, cores);
            Some(Installed { resources, stack })
        }
        (Node::Edge(_), None) => None,
        (Node::Origin(asked), _) => Some(Installed {
            resources: origin::wanted(settings, asked, cores)?,
            stack: origin::stack(settings, asked, cores)?,
        }),
    })
}
