//! A Docker engine that runs, with the compose plugin. One that works is left alone.

mod installed;
mod key;
mod packages;
mod repository;
mod start;

pub use installed::{Installed, OLDEST_COMPOSE, compose_version, too_old};
pub use key::Fingerprint;
pub use repository::{DEFAULT_KEY, DEFAULT_URL, Repository};

use anyhow::ensure;
use packages::{
    Vendor, engine_parts_of_others, is_half_installed, refuse_to_change_engine, vendor_of,
};

use start::start;

use super::{Change, Resource};
use crate::engine::Engine;
use crate::fault::{Exit, Fault, Result};
use crate::host::Host;
use crate::receipt::{Owned, Told};
use crate::{apt, signals, ui};

/// Docker on this host, and where it comes from if it is missing.
#[derive(Clone, Debug)]
pub struct Docker {
    pub source: DockerSource,
    pub repository: Repository,
}

/// Where a missing Docker comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DockerSource {
    /// From Docker's own repository, and from the distribution where that one can't be used.
    Auto,
    /// From Docker's own repository.
    Docker,
    /// From the distribution.
    Distro,
    /// It is not installed.
    Nowhere,
}

impl Docker {
    /// The repository, where it has to be added to apt before what is missing can be installed.
    ///
    /// # Errors
    /// If apt or dpkg can't be asked.
    pub fn repository_to_add(&self, host: &Host) -> Result<Option<&Repository>> {
        let installed = Installed::look(host)?;
        let may_add = matches!(self.source, DockerSource::Auto | DockerSource::Docker);
        if !may_add || installed.missing().is_empty() || self.vendor(&installed)? != Vendor::Docker
        {
            return Ok(None);
        }
        // A Docker of which only a part is missing may come from a mirror that apt knows.
        let is_offered = |installed| -> Result<bool> {
            let missing = Vendor::Docker.missing(installed);
            Ok(Vendor::Docker.installable(installed)?.len() == missing.len())
        };
        if vendor_of(&installed)?.is_some() && is_offered(&installed)? {
            return Ok(None);
        }
        Ok((!self.repository.is_known(host)?).then_some(&self.repository))
    }

    /// Whether the distribution's Docker will do where Docker's can't be had.
    ///
    /// # Errors
    /// If dpkg can't be asked.
    pub fn may_be_the_distributions(&self, host: &Host) -> Result<bool> {
        let is_fresh = vendor_of(&Installed::look(host)?)?.is_none();
        Ok(self.source == DockerSource::Auto && is_fresh)
    }

    /// Without an engine: what of another packer's stands in the way of the one that was asked for by name.
    ///
    /// # Errors
    /// If dpkg can't be asked.
    pub fn in_the_way(&self, host: &Host) -> Result<Vec<&'static str>> {
        let asked = match self.source {
            DockerSource::Docker => Vendor::Docker,
            DockerSource::Distro => Vendor::Distribution,
            DockerSource::Auto | DockerSource::Nowhere => return Ok(Vec::new()),
        };
        if Installed::look(host)?.engine {
            return Ok(Vec::new());
        }
        engine_parts_of_others(asked)
    }

    /// Whose packages complete what is there.
    fn vendor(&self, installed: &Installed) -> Result<Vendor> {
        if let Some(vendor) = vendor_of(installed)? {
            return Ok(vendor);
        }
        Ok(match self.source {
            DockerSource::Auto if self.repository.was_refused() => Vendor::Distribution,
            DockerSource::Auto | DockerSource::Docker => Vendor::Docker,
            DockerSource::Distro | DockerSource::Nowhere => Vendor::Distribution,
        })
    }

    /// Where that comes from, in words.
    fn origin(&self, host: &Host, installed: &Installed) -> Result<String> {
        if self.vendor(installed)? == Vendor::Distribution {
            return Ok("the distribution".to_owned());
        }
        let url = self.repository.url();
        Ok(match self.repository_to_add(host)? {
            Some(_) => format!("Docker's repository {url}, whose key and source are added to apt"),
            None => "Docker's repository".to_owned(),
        })
    }

    /// Has apt know what is missing, and decides whose packages that will be.
    fn refresh(&self, host: &Host, installed: &Installed) -> Result<Vendor> {
        let is_fresh = vendor_of(installed)?.is_none();
        let mut vendor = self.vendor(installed)?;
        if vendor == Vendor::Docker {
            let to_add = self.repository_to_add(host)?;
            if let Err(error) = self.refresh_dockers(host, installed, to_add, is_fresh) {
                // What a signal cut off says nothing about the repository.
                signals::check()?;
                if let Some(repository) = to_add {
                    repository.take_back(host)?;
                }
                let why = in_one_line(&error);
                let fault = self.repository.fault(Exit::Failed, &why);
                if self.source != DockerSource::Auto || !is_fresh {
                    return Err(fault.into());
                }
                let what = fault.what;
                ui::warn(&format!(
                    "{what} ({why}): Docker will be the distribution's"
                ));
                vendor = Vendor::Distribution;
            }
        }
        if vendor == Vendor::Distribution {
            if is_fresh {
                // It may stand there since a run that was cut off.
                self.repository.take_back(host)?;
            }
            apt::update(host)?;
        }
        Ok(vendor)
    }

    /// The same for Docker's own.
    fn refresh_dockers(
        &self,
        host: &Host,
        installed: &Installed,
        to_add: Option<&Repository>,
        is_fresh: bool,
    ) -> Result<()> {
        if let Some(repository) = to_add {
            repository.add(host)?;
        }
        apt::update(host)?;
        if is_fresh {
            self.fetch(host, installed)?;
        }
        Ok(())
    }

    /// Downloads a whole Docker, which apt would take from this repository and from no other.
    fn fetch(&self, host: &Host, installed: &Installed) -> Result<()> {
        let packages = Vendor::Docker.installable(installed)?;
        for name in Vendor::Docker.missing(installed).concat() {
            let addresses = apt::offered_by(name)?;
            ensure!(
                addresses
                    .iter()
                    .any(|address| self.repository.is_at(address)),
                "apt would not take {name} from it"
            );
        }
        apt::download(host, &packages)
    }
}

impl Resource for Docker {
    fn name(&self) -> String {
        "docker engine and compose plugin".to_owned()
    }

    fn probe(&self, host: &Host) -> Result<Change> {
        let installed = Installed::look(host)?;
        let missing = installed.missing();
        if !missing.is_empty() {
            let origin = self.origin(host, &installed)?;
            let what = format!("install {} from {origin}", missing.join(" and "));
            let creates = !installed.engine || self.repository_to_add(host)?.is_some();
            return Ok(if creates {
                Change::Create(Some(what))
            } else {
                Change::Update(what)
            });
        }
        Ok(match Engine::find(host)? {
            Some(_) => Change::None,
            None => Change::Update("start docker.service".to_owned()),
        })
    }

    fn apply(&self, host: &Host) -> Result<()> {
        let installed = Installed::look(host)?;
        let vendor = if installed.missing().is_empty() {
            None
        } else {
            Some(self.refresh(host, &installed)?)
        };
        // What was cut off between unpacking and setting up has its programs, and no engine that starts. Packages
        // that have nothing to do with Docker are nobody's to mend here.
        if vendor.is_some() || is_half_installed()? {
            apt::repair(host)?;
        }
        let installed = Installed::look(host)?;
        if let Some(vendor) = vendor.filter(|_| !installed.missing().is_empty()) {
            let packages = vendor.installable(&installed)?;
            refuse_to_change_engine(&packages, &installed)?;
            apt::install(host, &packages)?;
        }
        let installed = Installed::look(host)?;
        let missing = installed.missing().join(" and ");
        let Some(plugin) = installed.compose.filter(|_| missing.is_empty()) else {
            return Err(Fault::new(
                Exit::Failed,
                format!("the packages that apt knows did not bring {missing}"),
            )
            .fix("install it from where this host's Docker comes, then run this again")
            .into());
        };
        let Told { version, .. } = compose_version(&plugin, None)?;
        if version < OLDEST_COMPOSE {
            // By now something was changed.
            return Err(Fault {
                exit: Exit::Failed,
                ..too_old(version)
            }
            .into());
        }
        start(host)
    }

    fn owned(&self, host: &Host) -> Vec<Owned> {
        let Ok(installed) = Installed::look(host) else {
            return Vec::new();
        };
        let Ok(vendor) = self.vendor(&installed) else {
            return Vec::new();
        };
        let mut missing = vendor.missing(&installed);
        let mut owned = Vec::new();
        if let Ok(Some(repository)) = self.repository_to_add(host) {
            owned.extend(repository.owned(host));
            if self.may_be_the_distributions(host).unwrap_or(false) {
                missing.extend(Vendor::Distribution.missing(&installed));
            }
        }
        // Which of them it will be shows once apt's lists are fresh; the receipt keeps those that came.
        let names = missing.concat();
        if !names.is_empty() {
            let names = names.into_iter().map(str::to_owned).collect();
            owned.push(Owned::Packages { names });
        }
        owned
    }
}

/// What failed and why, as a part of a sentence.
fn in_one_line(error: &anyhow::Error) -> String {
    let fault = Fault::of(error);
    // A program's own words say more than its command line.
    let said = if fault.why.is_empty() {
        fault.what
    } else {
        fault.why.join("\n")
    };
    said.lines().map(str::trim).collect::<Vec<_>>().join("; ")
}
