//! What there is of Docker on a host.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;

use crate::engine::Engine;
use crate::exec::{self, Program};
use crate::fault::{Exit, Fault, Result};
use crate::host::{Found, Host};
use crate::receipt::Told;

/// Where docker looks for its plugins, in its order: the first one found is the one that it runs.
const PLUGIN_DIRS: &[&str] = &[
    "/root/.docker/cli-plugins",
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
];
/// The first version that knows `configs:` with `content:`.
pub const OLDEST_COMPOSE: (u32, u32, u32) = (2, 23, 1);

/// What is there of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// Installed, running or not.
    pub engine: bool,
    pub client: bool,
    /// The compose plugin's binary.
    pub compose: Option<PathBuf>,
}

impl Installed {
    /// Looks, without starting anything.
    ///
    /// # Errors
    /// If the kernel won't say.
    pub fn look(host: &Host) -> Result<Self> {
        // A plugin may be a symlink; what it points to is the distribution's business.
        let there = |path: &PathBuf| matches!(host.find(path), Ok(Found::File(_) | Found::Symlink));
        let mut plugins = PLUGIN_DIRS
            .iter()
            .map(|dir| Path::new(dir).join("docker-compose"));
        // One that answers, or that this user may not ask, is there wherever it was put.
        let answers = || !matches!(Engine::find(host), Ok(None));
        Ok(Self {
            engine: exec::is_installed("dockerd") || answers(),
            client: exec::is_installed("docker"),
            compose: plugins.find(there).map(|path| host.path(path)),
        })
    }

    /// What is to be installed, in words.
    pub fn missing(&self) -> Vec<&'static str> {
        let mut missing = Vec::new();
        if !self.engine {
            missing.push("the docker engine");
        }
        if !self.client {
            missing.push("the docker client");
        }
        if self.compose.is_none() {
            missing.push("the docker compose plugin");
        }
        missing
    }
}

/// The compose plugin's version. Asking starts 60 MB of program: the same file is asked once.
///
/// # Errors
/// If it can't be run or says no version.
pub fn compose_version(plugin: &Path, known: Option<&Told>) -> Result<Told> {
    let changed = changed(plugin)?;
    if let Some(known) = known.filter(|told| told.path == plugin && told.changed == changed) {
        return Ok(known.clone());
    }
    // Run by itself it answers in half the time that `docker compose` takes to find it.
    let said = Program::new(plugin)
        .args(["version", "--short"])
        .limit(Duration::from_secs(20))
        .succeed()?;
    let version = parse_version(said.trim())
        .with_context(|| format!("docker compose says it is version {:?}", said.trim()))?;
    Ok(Told {
        path: plugin.to_owned(),
        changed,
        version,
    })
}

/// When a file changed last, in nanoseconds since 1970.
fn changed(path: &Path) -> Result<i64> {
    let metadata =
        std::fs::metadata(path).with_context(|| format!("looking at {}", path.display()))?;
    Ok(metadata.ctime() * 1_000_000_000 + metadata.ctime_nsec())
}

/// `v2.26.1-4` and the like.
fn parse_version(text: &str) -> Option<(u32, u32, u32)> {
    let mut parts = text
        .trim_start_matches('v')
        .split(|c: char| !c.is_ascii_digit())
        .map(str::parse);
    let mut next = || parts.next()?.ok();
    Some((next()?, next()?, next()?))
}

/// The fault of a compose plugin that can't read our files.
pub fn too_old((major, minor, patch): (u32, u32, u32)) -> Fault {
    let (a, b, c) = OLDEST_COMPOSE;
    Fault::new(
        Exit::NotReady,
        format!("docker compose is {major}.{minor}.{patch}; {a}.{b}.{c} or later is needed"),
    )
    .fix("upgrade it from where it came: apt-get update && apt-get install docker-compose-v2 (or docker-compose-plugin)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_every_packaging_are_read() {
        assert_eq!(parse_version("2.26.1-4"), Some((2, 26, 1)));
        assert_eq!(parse_version("v2.40.3"), Some((2, 40, 3)));
        assert_eq!(parse_version("2.24.6+ds1-0ubuntu2"), Some((2, 24, 6)));
        assert_eq!(parse_version("dev"), None);
    }
}
