//! What compose has made of a node, taken away: containers, networks and volumes.

use std::path::Path;
use std::time::Duration;

use crate::engine::{Container, Engine, docker};
use crate::fault::Result;
use crate::host::Host;
use crate::resource::caddy_volume;
use crate::ui;

/// How long a service may take to end. Calls are cut after that: a node is drained first.
const STOP_LIMIT: Duration = Duration::from_secs(10);
const DOCKER_LIMIT: Duration = Duration::from_secs(120);

/// What compose has made for one project in one directory.
#[derive(Debug)]
pub struct Compose {
    containers: Vec<Container>,
    networks: Vec<String>,
    volumes: Vec<String>,
    /// The volume with Caddy's certificates, which stays until somebody asks for it.
    certificates: Option<String>,
}

/// The volume in which Caddy keeps the certificates of a node, if there is one.
///
/// # Errors
/// If the engine does not answer.
pub fn caddy_certificates(host: &Host, project: &str, dir: &Path) -> Result<Option<String>> {
    Ok(Compose::look(host, project, dir)?.and_then(|it| it.certificates))
}

impl Compose {
    /// By label and never by name. `None` without an engine.
    pub fn look(host: &Host, project: &str, dir: &Path) -> Result<Option<Self>> {
        let Some(engine) = Engine::find(host)? else {
            return Ok(None);
        };
        let of_project = |container: &Container| container.project() == Some(project);
        let (containers, others): (Vec<_>, Vec<_>) = engine
            .containers()?
            .into_iter()
            .filter(of_project)
            .partition(|container| container.is_of(project, dir));
        // Somebody else's project of the same name, in another directory, may be whose they are.
        if !others.is_empty() {
            return Ok(Some(Self {
                containers,
                networks: Vec::new(),
                volumes: Vec::new(),
                certificates: None,
            }));
        }
        let list = |kind: &str| -> Result<Vec<String>> {
            let said = docker()
                .args([kind, "ls", "--format={{.Name}}", "--filter"])
                .arg(format!("label=com.docker.compose.project={project}"))
                .succeed()?;
            Ok(said.lines().map(str::to_owned).collect())
        };
        let certificates = caddy_volume(project);
        let (certificates, volumes): (Vec<_>, Vec<_>) = list("volume")?
            .into_iter()
            .partition(|name| *name == certificates);
        Ok(Some(Self {
            containers,
            networks: list("network")?,
            volumes,
            certificates: certificates.into_iter().next(),
        }))
    }

    pub fn is_empty(&self) -> bool {
        self.containers.is_empty() && self.networks.is_empty() && self.volumes.is_empty()
    }

    pub fn in_words(&self) -> String {
        let containers = self.containers.iter();
        let containers = containers.map(|c| format!("container {}\n", c.name()));
        let volumes = self.volumes.iter().map(|name| format!("volume {name}\n"));
        containers.chain(volumes).collect()
    }

    /// Says whether all of it is gone.
    pub fn remove(&self) -> Result<bool> {
        let ids: Vec<&str> = self.containers.iter().map(|c| c.id.as_str()).collect();
        if !ids.is_empty() {
            docker()
                .args([
                    "stop".to_owned(),
                    format!("--time={}", STOP_LIMIT.as_secs()),
                ])
                .args(&ids)
                .limit(DOCKER_LIMIT)
                .succeed()?;
            // With the volumes that have no name.
            docker()
                .args(["rm", "--force", "--volumes"])
                .args(&ids)
                .limit(DOCKER_LIMIT)
                .succeed()?;
        }
        let mut is_gone = true;
        for (kind, names) in [("network", &self.networks), ("volume", &self.volumes)] {
            for name in names {
                is_gone &= remove_unused(kind, name)?;
            }
        }
        Ok(is_gone)
    }
}

/// Removes a network or a volume that no container has, running or not, and says whether it is gone.
pub fn remove_unused(kind: &str, name: &str) -> Result<bool> {
    let users = docker()
        .args(["ps", "--all", "--format={{.Names}}", "--filter"])
        .arg(format!("{kind}={name}"))
        .succeed()?;
    if let Some(user) = users.lines().next() {
        ui::note(&format!(
            "    {kind} {name} stays: the container {user} uses it"
        ));
        return Ok(false);
    }
    docker().args([kind, "rm", name]).succeed()?;
    Ok(true)
}
