//! Packages of the distribution that stand beside Docker.

use super::{Change, Resource};
use crate::fault::Result;
use crate::host::Host;
use crate::receipt::Owned;
use crate::{apt, exec};

/// Packages by the names that apt knows, and what for. What is there stays as it is; apt is asked only
/// where one is missing.
#[derive(Clone, Copy, Debug)]
pub struct Packages {
    pub names: &'static [&'static str],
    pub why: &'static str,
    /// A program of theirs: where it is there without any of them, a snap's for example, none of them is needed.
    pub program: Option<&'static str>,
}

impl Packages {
    fn missing(&self) -> Result<Vec<&'static str>> {
        let has_dpkg = exec::is_installed("dpkg-query");
        let there = if has_dpkg {
            apt::installed(self.names)?
        } else {
            Vec::new()
        };
        // What dpkg was cut off in has its program there as well.
        let is_elsewhere = self.program.is_some_and(exec::is_installed)
            && (!has_dpkg || apt::present(self.names)?.is_empty());
        if is_elsewhere {
            return Ok(Vec::new());
        }
        let is_missing = |name: &&str| !there.contains(name);
        Ok(self.names.iter().copied().filter(is_missing).collect())
    }
}

impl Resource for Packages {
    fn name(&self) -> String {
        format!("packages for {}", self.why)
    }

    fn probe(&self, _host: &Host) -> Result<Change> {
        let missing = self.missing()?;
        Ok(if missing.is_empty() {
            Change::None
        } else {
            Change::Create(Some(format!("install {}", missing.join(", "))))
        })
    }

    fn apply(&self, host: &Host) -> Result<()> {
        apt::update(host)?;
        apt::install(host, &self.missing()?)
    }

    fn owned(&self, _host: &Host) -> Vec<Owned> {
        let names: Vec<String> = self
            .missing()
            .unwrap_or_default()
            .into_iter()
            .map(str::to_owned)
            .collect();
        vec![Owned::Packages { names }]
    }
}
