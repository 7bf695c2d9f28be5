//! A Docker engine that runs, with the compose plugin. One that works is left alone.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;

use super::{Change, Resource};
use crate::engine::Engine;
use crate::exec::{self, Program};
use crate::fault::{Exit, Fault, Result};
use crate::host::{Found, Host};
use crate::receipt::Owned;
use crate::{apt, signals};

/// Where docker looks for its plugins, in its order: the first one found is the one that it runs.
const PLUGIN_DIRS: &[&str] = &[
    "/root/.docker/cli-plugins",
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
];
/// The distribution's engine.
const ENGINE_PACKAGE: &str = "docker.io";
/// Its client, where it is not in the engine's package: Debian's, and only recommended there.
const CLIENT_PACKAGES: &[&str] = &["docker-cli"];
/// The compose plugin beside the distribution's engine: Ubuntu's name, Debian's name.
const COMPOSE_PACKAGES: &[&str] = &["docker-compose-v2", "docker-compose"];
/// The compose plugin beside an engine from Docker's own repository; the others bring the same file.
const DOCKERS_COMPOSE: &[&str] = &["docker-compose-plugin"];
const DOCKERS_CLIENT: &str = "docker-ce-cli";
/// The first version that knows `configs:` with `content:`.
pub const OLDEST_COMPOSE: (u32, u32, u32) = (2, 23, 1);
const START_LIMIT: Duration = Duration::from_secs(60);

/// Docker on this host.
#[derive(Clone, Copy, Debug)]
pub struct Docker;

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

/// The compose plugin's version.
///
/// # Errors
/// If it can't be run or says no version.
pub fn compose_version(plugin: &Path) -> Result<(u32, u32, u32)> {
    // Run by itself it answers in half the time that `docker compose` takes to find it.
    let said = Program::new(plugin)
        .args(["version", "--short"])
        .limit(Duration::from_secs(20))
        .succeed()?;
    parse_version(said.trim())
        .with_context(|| format!("docker compose says it is version {:?}", said.trim()))
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

impl Resource for Docker {
    fn name(&self) -> String {
        "docker engine and compose plugin".to_owned()
    }

    fn probe(&self, host: &Host) -> Result<Change> {
        let installed = Installed::look(host)?;
        let missing = installed.missing();
        if !missing.is_empty() {
            let what = format!("install {} from the distribution", missing.join(" and "));
            return Ok(if installed.engine {
                Change::Update(what)
            } else {
                Change::Create(Some(what))
            });
        }
        Ok(match Engine::find(host)? {
            Some(_) => Change::None,
            None => Change::Update("start docker.service".to_owned()),
        })
    }

    fn apply(&self, host: &Host) -> Result<()> {
        let installed = Installed::look(host)?;
        if installed.missing().is_empty() {
            // What was cut off between unpacking and setting up has its programs, and no engine that starts.
            apt::repair(host)?;
        } else {
            apt::update(host)?;
            let mut packages = Vec::new();
            if !installed.engine {
                packages.push(ENGINE_PACKAGE);
            }
            if !installed.client {
                packages.extend(apt::available(CLIENT_PACKAGES)?);
            }
            if installed.compose.is_none() {
                packages.extend(apt::available(compose_packages()?)?);
            }
            apt::install(host, &packages)?;
        }
        let installed = Installed::look(host)?;
        let missing = installed.missing().join(" and ");
        let Some(plugin) = installed.compose.filter(|_| missing.is_empty()) else {
            return Err(Fault::new(
                Exit::Failed,
                format!("the distribution's packages did not bring {missing}"),
            )
            .fix("install it from where this host's Docker comes, then run this again")
            .into());
        };
        let version = compose_version(&plugin)?;
        if version < OLDEST_COMPOSE {
            return Err(too_old(version).into());
        }
        start(host)
    }

    fn owned(&self, host: &Host) -> Vec<Owned> {
        let Ok(installed) = Installed::look(host) else {
            return Vec::new();
        };
        let mut names = Vec::new();
        if !installed.engine {
            names.push(ENGINE_PACKAGE.to_owned());
        }
        if !installed.client {
            names.extend(CLIENT_PACKAGES.iter().map(|name| (*name).to_owned()));
        }
        if installed.compose.is_none() {
            // One of them: which, apt says only once its lists are fresh.
            let names_here = compose_packages().unwrap_or(COMPOSE_PACKAGES);
            names.extend(names_here.iter().map(|name| (*name).to_owned()));
        }
        if names.is_empty() {
            Vec::new()
        } else {
            vec![Owned::Packages { names }]
        }
    }
}

fn compose_packages() -> Result<&'static [&'static str]> {
    let from_docker = exec::is_installed("dpkg-query") && apt::has(DOCKERS_CLIENT)?;
    Ok(if from_docker {
        DOCKERS_COMPOSE
    } else {
        COMPOSE_PACKAGES
    })
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

/// Starts the engine and waits until it answers.
fn start(host: &Host) -> Result<()> {
    if Engine::find(host)?.is_some() {
        return Ok(());
    }
    Program::new("systemctl")
        .args(["enable", "--now", "docker.service"])
        .limit(Duration::from_secs(120))
        .succeed()
        .map_err(|e| {
            Fault::new(Exit::Failed, "docker.service does not start")
                .because(&e)
                .fix("see why: journalctl -u docker.service -n 50; if it is masked: systemctl unmask docker.service")
        })?;
    let end = Instant::now() + START_LIMIT;
    while Engine::find(host)?.is_none() {
        if Instant::now() > end {
            return Err(
                Fault::new(Exit::Failed, "the Docker engine runs and does not answer")
                    .fix("see why: journalctl -u docker.service -n 50")
                    .into(),
            );
        }
        signals::sleep(Duration::from_millis(200))?;
    }
    Ok(())
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
