//! A container image: pulled when it is not here, and with an update when the registry has a newer one.

use std::time::Duration;

use super::{Change, Resource};
use crate::engine::{Engine, docker};
use crate::fault::{Exit, Fault, Result};
use crate::host::Host;
use crate::receipt::Owned;
use crate::{signals, ui};

/// Egress brings a browser: over a gigabyte on a slow line.
const PULL_LIMIT: Duration = Duration::from_secs(1800);

/// An image by its name and tag.
#[derive(Clone, Debug)]
pub struct Image {
    pub name: String,
    /// Whether a newer one is to take its place.
    pub refresh: bool,
}

impl Image {
    pub(super) fn is_here(&self, host: &Host) -> Result<bool> {
        match Engine::find(host)? {
            Some(engine) => engine.has_image(&self.name),
            None => Ok(false),
        }
    }

    fn pull(&self) -> Result<()> {
        docker()
            .args(["pull", "--quiet", &self.name])
            .limit(PULL_LIMIT)
            .stops_on_signal()
            .succeed()
            .map(drop)
    }
}

impl Resource for Image {
    fn name(&self) -> String {
        format!("image {}", self.name)
    }

    fn probe(&self, host: &Host) -> Result<Change> {
        if !self.is_here(host)? {
            return Ok(Change::Create(None));
        }
        let (true, Some(engine)) = (self.refresh, Engine::find(host)?) else {
            return Ok(Change::None);
        };
        Ok(match engine.has_newer(&self.name) {
            Ok(false) => Change::None,
            Ok(true) => Change::Update("pull the newer one".to_owned()),
            // One that was built or imported here is known to no registry.
            Err(_) => Change::Update("pull a newer one, if the registry has one".to_owned()),
        })
    }

    fn apply(&self, host: &Host) -> Result<()> {
        let Err(error) = self.pull() else {
            return Ok(());
        };
        if signals::check().is_err() {
            return Err(error);
        }
        let name = &self.name;
        if self.is_here(host)? {
            ui::warn(&format!(
                "no newer {name} can be pulled ({error:#}): the one that is here stays"
            ));
            return Ok(());
        }
        Err(Fault::new(Exit::Failed, format!("the image {name} can't be pulled"))
            .because(&error)
            .fix("check the Docker engine (systemctl status docker.service) and its way to the registry (DNS, proxy, disk), then run this again")
            .into())
    }

    fn owned(&self, _host: &Host) -> Vec<Owned> {
        vec![Owned::Image {
            name: self.name.clone(),
        }]
    }
}
