//! Whose packages Docker is, and which of them are missing. The distribution's and Docker's own conflict: what is there
//! stays, and is completed from where it came.

use super::Installed;
use crate::fault::{Exit, Fault, Result};
use crate::{apt, exec};

/// Who packs Docker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vendor {
    Distribution,
    Docker,
}

/// A package that can be had under one of these names: the first that apt knows.
pub type Alternatives = &'static [&'static str];

/// Whose a package is, the most telling first.
const VENDORS: &[(&str, Vendor)] = &[
    ("docker-ce", Vendor::Docker),
    ("docker.io", Vendor::Distribution),
    ("containerd.io", Vendor::Docker),
    ("containerd", Vendor::Distribution),
    ("runc", Vendor::Distribution),
    ("docker-ce-cli", Vendor::Docker),
    ("docker-cli", Vendor::Distribution),
    ("docker-compose-plugin", Vendor::Docker),
    ("docker-compose-v2", Vendor::Distribution),
    // Debian's. Ubuntu has an old program of that name, which is no plugin.
    ("docker-compose", Vendor::Distribution),
];

/// What runs containers: a change to one of them restarts it.
const ENGINE: &[&str] = &[
    "docker-ce",
    "docker.io",
    "containerd.io",
    "containerd",
    "runc",
];

impl Vendor {
    /// What is missing, by its packages.
    pub fn missing(self, installed: &Installed) -> Vec<Alternatives> {
        let (engine, client, compose): (&[Alternatives], Alternatives, Alternatives) = match self {
            Self::Docker => (
                &[
                    &["docker-ce"],
                    &["containerd.io"],
                    &["docker-buildx-plugin"],
                ],
                &["docker-ce-cli"],
                &["docker-compose-plugin"],
            ),
            // The client is in the engine's package, but for Debian, where it is only recommended. The
            // plugin has Ubuntu's name or Debian's.
            Self::Distribution => (
                &[&["docker.io"]],
                &["docker-cli"],
                &["docker-compose-v2", "docker-compose"],
            ),
        };
        let mut missing = Vec::new();
        if !installed.engine {
            missing.extend(engine);
        }
        if !installed.client {
            missing.push(client);
        }
        if installed.compose.is_none() {
            missing.push(compose);
        }
        missing
    }

    /// Those that apt knows and dpkg does not have.
    ///
    /// # Errors
    /// If apt can't be asked.
    pub fn installable(self, installed: &Installed) -> Result<Vec<&'static str>> {
        let mut names = Vec::new();
        for alternatives in self.missing(installed) {
            names.extend(apt::available(alternatives)?);
        }
        // To name one that is there would upgrade it.
        let there = apt::installed(&names)?;
        names.retain(|name| !there.contains(name));
        Ok(names)
    }
}

/// Whose Docker, or part of it, is here; `None` where there is none.
///
/// # Errors
/// If dpkg can't be asked.
pub fn vendor_of(installed: &Installed) -> Result<Option<Vendor>> {
    let names: Vec<&str> = VENDORS.iter().map(|(name, _)| *name).collect();
    let there = if exec::is_installed("dpkg-query") {
        apt::present(&names)?
    } else {
        Vec::new()
    };
    let counts = |name: &str| name != "docker-compose" || installed.compose.is_some();
    let known = VENDORS
        .iter()
        .find(|(name, _)| there.contains(name) && counts(name));
    // An engine that came by hand is nobody's; the distribution's plugin goes with it.
    let by_hand = installed.engine.then_some(Vendor::Distribution);
    Ok(known.map(|(_, vendor)| *vendor).or(by_hand))
}

/// Whether a run was cut off while a package of Docker's was installed.
///
/// # Errors
/// If dpkg can't be asked.
pub fn is_half_installed() -> Result<bool> {
    if !exec::is_installed("dpkg-query") {
        return Ok(false);
    }
    let names: Vec<&str> = VENDORS.iter().map(|(name, _)| *name).collect();
    Ok(apt::present(&names)?.len() != apt::installed(&names)?.len())
}

/// The installed parts of an engine that do not go with this packer's.
///
/// # Errors
/// If dpkg can't be asked.
pub fn engine_parts_of_others(asked: Vendor) -> Result<Vec<&'static str>> {
    if !exec::is_installed("dpkg-query") {
        return Ok(Vec::new());
    }
    let is_others = |name: &&str| {
        VENDORS
            .iter()
            .any(|(known, vendor)| known == name && *vendor != asked)
    };
    let names: Vec<&str> = ENGINE.iter().copied().filter(is_others).collect();
    apt::installed(&names)
}

/// Refuses an installation that would change an engine which is there: that restarts it, and every container.
///
/// # Errors
/// [`Exit::Failed`], naming what would be changed.
pub fn refuse_to_change_engine(packages: &[&str], installed: &Installed) -> Result<()> {
    let there = apt::installed(ENGINE)?;
    let at_risk: Vec<String> = apt::simulate(packages)?
        .into_iter()
        .filter(|name| ENGINE.contains(&name.as_str()))
        .filter(|name| installed.engine || there.contains(&name.as_str()))
        .collect();
    if at_risk.is_empty() {
        return Ok(());
    }
    let (packages, at_risk) = (packages.join(" and "), at_risk.join(" "));
    Err(Fault::new(
        Exit::Failed,
        format!("to install {packages}, apt would also change {at_risk}: that restarts the engine, and every container that it runs"),
    )
    .fix(format!(
        "do that at a time that suits those containers (apt-get install {at_risk}), then run this again"
    ))
    .into())
}
