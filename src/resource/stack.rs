//! The services, as containers that run what the compose file says.

use std::time::Duration;

use super::{Change, DIGEST_LABEL, Definition, Resource};
use crate::engine::{Container, Engine, PROJECT, SOCKET, of_service};
use crate::exec::Program;
use crate::fault::Result;
use crate::host::Host;
use crate::receipt::Owned;

/// What compose needs besides the time that the services take to end.
const COMPOSE_LIMIT: Duration = Duration::from_secs(180);

/// The stack of services.
#[derive(Clone, Debug)]
pub struct Stack {
    definition: Definition,
    drain: Duration,
}

/// What has to happen to one service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    Create,
    Recreate,
    /// Recreate what compose takes for right and is not.
    Mend,
    Start,
}

impl Need {
    fn in_words(self) -> &'static str {
        match self {
            Self::Create => "create and start",
            Self::Recreate | Self::Mend => "recreate once",
            Self::Start => "start",
        }
    }
}

impl Stack {
    /// The services of a definition. One that is replaced may finish its calls for the time of `drain`.
    pub fn new(definition: Definition, drain: Duration) -> Self {
        Self { definition, drain }
    }

    fn up(&self, flags: &[&str], services: &[(&'static str, Need)]) -> Result<()> {
        if services.is_empty() {
            return Ok(());
        }
        compose(&self.definition)
            // An edge has no redis of its own; images were pulled before.
            .args(["up", "--detach", "--no-deps", "--pull", "never"])
            .args(["--timeout".to_owned(), self.drain.as_secs().to_string()])
            .args(flags)
            .args(services.iter().map(|(service, _)| service))
            .limit(COMPOSE_LIMIT + self.drain)
            .succeed()
            .map(drop)
    }

    fn needs(&self, host: &Host) -> Result<Vec<(&'static str, Need)>> {
        let containers = match Engine::find(host)? {
            Some(engine) => engine.containers()?,
            // Without an engine nothing runs, and everything is to be made.
            None => Vec::new(),
        };
        let wanted = self.definition.render(host)?.digests;
        Ok(wanted
            .into_iter()
            .filter_map(|(service, digest)| Some((service, need(&containers, service, &digest)?)))
            .collect())
    }
}

fn need(containers: &[Container], service: &str, digest: &str) -> Option<Need> {
    let Some(container) = of_service(containers, service) else {
        return Some(Need::Create);
    };
    if !container.is_whole() {
        return Some(Need::Mend);
    }
    if container.labels.get(DIGEST_LABEL).map(String::as_str) != Some(digest) {
        return Some(Need::Recreate);
    }
    (container.state != "running").then_some(Need::Start)
}

impl Resource for Stack {
    fn name(&self) -> String {
        format!("services in {}", self.definition.dir.display())
    }

    fn probe(&self, host: &Host) -> Result<Change> {
        let needs = self.needs(host)?;
        if needs.is_empty() {
            return Ok(Change::None);
        }
        let lines: String = needs
            .iter()
            .map(|(service, need)| {
                format!(
                    "{} {service}
",
                    need.in_words()
                )
            })
            .collect();
        if needs.iter().all(|(_, need)| *need == Need::Create) {
            return Ok(Change::Create(Some(lines)));
        }
        Ok(Change::Update(lines))
    }

    fn apply(&self, host: &Host) -> Result<()> {
        let (broken, sound): (Vec<_>, Vec<_>) = self
            .needs(host)?
            .into_iter()
            .partition(|(_, need)| *need == Need::Mend);
        self.up(&["--force-recreate"], &broken)?;
        self.up(&[], &sound)
    }

    fn owned(&self, _host: &Host) -> Vec<Owned> {
        vec![Owned::Stack {
            project: PROJECT.to_owned(),
            dir: self.definition.dir.clone(),
        }]
    }
}

/// `docker compose`, told everything that the operator's environment could otherwise decide.
fn compose(definition: &Definition) -> Program {
    let dir = definition.dir.as_os_str();
    Program::new("docker")
        .arg(format!("--host=unix://{SOCKET}"))
        .args(["compose", "--project-name", PROJECT])
        .arg("--project-directory")
        .arg(dir)
        .arg("--file")
        .arg(definition.path())
        .arg("--env-file")
        .arg(definition.dir.join(".env"))
}
