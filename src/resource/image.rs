//! A container image, pulled only when it is not here.

use std::time::Duration;

use super::{Change, Resource};
use crate::engine::{Engine, SOCKET};
use crate::exec::Program;
use crate::fault::{Exit, Fault, Result};
use crate::host::Host;
use crate::receipt::Owned;

/// Egress brings a browser: over a gigabyte on a slow line.
const PULL_LIMIT: Duration = Duration::from_secs(1800);

/// An image by its name and tag.
#[derive(Clone, Copy, Debug)]
pub struct Image(pub &'static str);

impl Resource for Image {
    fn name(&self) -> String {
        format!("image {}", self.0)
    }

    fn probe(&self, host: &Host) -> Result<Change> {
        let here = match Engine::find(host)? {
            Some(engine) => engine.has_image(self.0)?,
            None => false,
        };
        Ok(if here {
            Change::None
        } else {
            Change::Create(None)
        })
    }

    fn apply(&self, _host: &Host) -> Result<()> {
        pull(self.0)
    }

    fn owned(&self, _host: &Host) -> Vec<Owned> {
        vec![Owned::Image {
            name: self.0.to_owned(),
        }]
    }
}

/// Pulls an image.
pub(super) fn pull(name: &str) -> Result<()> {
    Program::new("docker")
        .arg(format!("--host=unix://{SOCKET}"))
        .args(["pull", "--quiet", name])
        .limit(PULL_LIMIT)
        .stops_on_signal()
        .succeed()
        .map(drop)
        .map_err(|e| {
            if crate::signals::check().is_err() {
                return e;
            }
            Fault::new(Exit::Failed, format!("the image {name} can't be pulled"))
                .because(&e)
                .fix("check the Docker engine (systemctl status docker.service) and its way to the registry (DNS, proxy, disk), then run this again")
                .into()
        })
}
