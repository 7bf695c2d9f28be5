//! A service of the stack that is not to run any more.

use std::path::PathBuf;

use super::{Change, Resource};
use crate::engine::{Engine, all_of_service, docker};
use crate::fault::Result;
use crate::host::Host;
use crate::receipt::Owned;

/// A service that nobody needs any more, and why. What it kept in volumes stays.
#[derive(Clone, Debug)]
pub struct NoService {
    pub name: &'static str,
    pub why: &'static str,
    /// The compose project, and the directory that it lies in.
    pub project: String,
    pub dir: PathBuf,
}

impl NoService {
    fn containers(&self, host: &Host) -> Result<Vec<String>> {
        let Some(engine) = Engine::find(host)? else {
            return Ok(Vec::new());
        };
        let containers = engine.containers()?;
        let own = all_of_service(&containers, &self.project, self.name);
        let own = own.filter(|container| container.is_of(&self.project, &self.dir));
        Ok(own.map(|container| container.id.clone()).collect())
    }
}

impl Resource for NoService {
    fn name(&self) -> String {
        format!("no service {}", self.name)
    }

    fn probe(&self, host: &Host) -> Result<Change> {
        Ok(if self.containers(host)?.is_empty() {
            Change::None
        } else {
            Change::Update(format!("remove {}: {}", self.name, self.why))
        })
    }

    fn apply(&self, host: &Host) -> Result<()> {
        let containers = self.containers(host)?;
        docker().arg("stop").args(&containers).succeed()?;
        docker()
            .args(["rm", "--force"])
            .args(&containers)
            .succeed()
            .map(drop)
    }

    /// It belongs to the stack, which is recorded.
    fn owned(&self, _host: &Host) -> Vec<Owned> {
        Vec::new()
    }
}
