//! The installs, in reading order.

pub mod edge;
mod node;
pub mod origin;

use std::path::PathBuf;

use crate::resource::{Port, Service};
use crate::settings::{Node, Settings};

/// Every port that this node's services need.
pub fn ports(settings: &Settings) -> Vec<&'static Port> {
    let own: &[&[Port]] = match settings.node {
        Node::Edge(_) => &[edge::PUBLIC_PORTS, edge::LOCAL_PORTS],
        Node::Origin(_) => &[origin::PUBLIC_PORTS, origin::OWN_PORTS, edge::LOCAL_PORTS],
    };
    own.iter().copied().flatten().collect()
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
    match settings.node {
        Node::Edge(_) => edge::files(settings),
        Node::Origin(_) => origin::files(settings),
    }
}
