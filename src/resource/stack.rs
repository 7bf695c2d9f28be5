//! The services, as containers that run what the compose file says.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::core_image::CORE;
use super::{Change, Definition, Resource};
use crate::engine::{Container, Engine, all_of_service, docker};
use crate::fault::{Exit, Fault, Result};
use crate::host::Host;
use crate::receipt::Owned;
use crate::signals;

/// What compose needs besides the time that the services take to end.
const COMPOSE_LIMIT: Duration = Duration::from_secs(180);
/// The service that the others need.
const REDIS: &str = "redis";
/// It reads all its data first.
const REDIS_LIMIT: Duration = Duration::from_secs(30);

/// The stack of services.
#[derive(Clone, Debug)]
pub struct Stack {
    definition: Definition,
    drain: Duration,
    /// Whether a service whose image was replaced is recreated.
    refresh: bool,
    /// Neither made nor started nor ended here.
    left: Option<&'static str>,
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
    /// The services of a definition. One that is replaced may finish its calls for the time of `drain`; with
    /// `refresh`, one whose image is not the newest of its name is.
    pub fn new(definition: Definition, drain: Duration, refresh: bool) -> Self {
        Self {
            definition,
            drain,
            refresh,
            left: None,
        }
    }

    /// The same without this service, whatever becomes of it.
    pub fn leaving(self, service: &'static str) -> Self {
        Self {
            left: Some(service),
            ..self
        }
    }

    /// The services whose containers were made from something else than `.env` and the compose file say now.
    ///
    /// # Errors
    /// If either can't be read, or the engine goes away.
    pub fn outdated(&self, host: &Host) -> Result<Vec<&'static str>> {
        let needs = self.needs(host)?.into_iter();
        let outdated = needs.filter(|(_, need)| matches!(need, Need::Recreate));
        Ok(outdated.map(|(service, _)| service).collect())
    }

    fn up(&self, host: &Host, flags: &[&str], services: &[(&'static str, Need)]) -> Result<()> {
        if services.is_empty() {
            return Ok(());
        }
        self.definition
            .compose(host)?
            // An edge has no redis of its own; images were pulled and built before.
            .args(["up", "--detach", "--no-deps", "--no-build", "--pull", "never"])
            .args(["--timeout".to_owned(), self.drain.as_secs().to_string()])
            .args(flags)
            .args(services.iter().map(|(service, _)| service))
            .limit(COMPOSE_LIMIT + self.drain)
            .succeed()
            .map(drop)
            .map_err(|e| {
                let dir = self.definition.dir.display();
                Fault::new(Exit::Failed, "docker compose can't start the services")
                    .because(&e)
                    .fix(format!(
                        "mend what it complains about ({dir}/.env holds the settings; systemctl status docker.service tells of the engine), then run this again"
                    ))
                    .into()
            })
    }

    /// compose stumbles over the names of what it left when it was killed.
    fn clear_left_overs(&self, host: &Host) -> Result<()> {
        let containers = match Engine::find(host)? {
            Some(engine) => engine.containers()?,
            None => Vec::new(),
        };
        let services = self.definition.services.iter();
        let left: Vec<&str> = services
            .flat_map(|service| all_of_service(&containers, &self.definition.project, service.name))
            .filter(|container| container.is_left_over())
            .map(|container| container.id.as_str())
            .collect();
        if left.is_empty() {
            return Ok(());
        }
        docker()
            .args(["rm", "--force"])
            .args(left)
            .succeed()
            .map(drop)
    }

    fn needs(&self, host: &Host) -> Result<Vec<(&'static str, Need)>> {
        let mut wanted = self.definition.render(host)?.digests;
        wanted.retain(|(service, _)| self.left != Some(*service));
        let Some(engine) = Engine::find(host)? else {
            // Without an engine nothing runs, and everything is to be made.
            return Ok(wanted
                .iter()
                .map(|(name, _)| (*name, Need::Create))
                .collect());
        };
        let containers = engine.containers()?;
        let images = self.definition.images(host)?;
        let mut needs = Vec::new();
        for (service, digest) in wanted {
            let own: Vec<&Container> =
                all_of_service(&containers, &self.definition.project, service).collect();
            let need = match own.as_slice() {
                [] => Some(Need::Create),
                [container] => {
                    // What is built here may have been built by a run that was then cut off.
                    let is_built = service == CORE && self.definition.builds_core();
                    let image = images.get(service).filter(|_| self.refresh || is_built);
                    self.need(&engine, container, &digest, image)?
                }
                [..] => Some(Need::Mend),
            };
            needs.extend(need.map(|need| (service, need)));
        }
        Ok(needs)
    }

    /// Whether its image is another one now: the engine then knows the container's own by its digest alone.
    fn is_outdated(engine: &Engine, container: &Container, image: Option<&String>) -> bool {
        let newest = image.map(|image| engine.image_id(image));
        newest.is_some_and(|newest| newest.is_ok_and(|newest| newest != container.image_id))
    }

    fn need(
        &self,
        engine: &Engine,
        container: &Container,
        digest: &str,
        image: Option<&String>,
    ) -> Result<Option<Need>> {
        Ok(if !container.is_whole(&self.definition.project) {
            Some(Need::Mend)
        } else if container.digest() != Some(digest) || Self::is_outdated(engine, container, image)
        {
            Some(Need::Recreate)
        } else if container.state != "running" || engine.run_of(&container.id)?.is_looping() {
            // compose makes it anew where its image was replaced.
            Some(Need::Start)
        } else {
            None
        })
    }
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
        self.clear_left_overs(host)?;
        let (broken, sound): (Vec<_>, Vec<_>) = self
            .needs(host)?
            .into_iter()
            .partition(|(_, need)| *need == Need::Mend);
        for (flags, services) in [(["--force-recreate"].as_slice(), broken), (&[], sound)] {
            let (redis, others): (Vec<_>, Vec<_>) = services
                .into_iter()
                .partition(|(service, _)| *service == REDIS);
            // The others fall over without it.
            self.up(host, flags, &redis)?;
            if !redis.is_empty() {
                wait_for_redis()?;
            }
            self.up(host, flags, &others)?;
        }
        Ok(())
    }

    fn owned(&self, _host: &Host) -> Vec<Owned> {
        vec![Owned::Stack {
            project: self.definition.project.clone(),
            dir: self.definition.dir.clone(),
        }]
    }
}

/// Whether it then serves as it should, others prove.
fn wait_for_redis() -> Result<()> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 6379));
    let end = Instant::now() + REDIS_LIMIT;
    while TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_err() {
        if Instant::now() >= end {
            break;
        }
        signals::sleep(Duration::from_millis(50))?;
    }
    Ok(())
}
