//! That the services keep running and answer on their ports.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::engine::{Container, Engine, Run};
use crate::fault::{Fault, Result};
use crate::host::Host;
use crate::http;
use crate::resource::Service;
use crate::roles::edge;
use crate::settings::Settings;
use crate::unhealthy::unhealthy;
use crate::{engine, signals};

/// A service that was just started has to hold out this long.
const WATCH: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// An engine that goes away while it is asked proves nothing.
pub(super) fn unwatched(error: anyhow::Error) -> anyhow::Error {
    if error.is::<Fault>() {
        return error;
    }
    unhealthy(
        &format!("the services can't be watched: {error:#}"),
        None,
        "see what happened to the engine (systemctl status docker.service), then run this again",
    )
}

/// Every one of these services keeps running, and answers on its port. A drained node does without one.
pub(super) fn services_run(
    host: &Host,
    settings: &Settings,
    services: &[Service],
    end: Instant,
) -> Result<()> {
    let project = &settings.project;
    let is_wanted = |service: &str| !(settings.is_drained() && service == edge::DRAINED);
    let Some(engine) = Engine::find(host)? else {
        return Err(unhealthy(
            "the Docker engine does not answer",
            None,
            "systemctl status docker.service",
        ));
    };
    let containers = engine.containers()?;
    let watched = services
        .iter()
        .filter(|service| is_wanted(service.name))
        .map(|service| Watched::new(&engine, &containers, project, service.name))
        .collect::<Result<Vec<_>>>()?;
    for service in &watched {
        service.holds_out(&service.first)?;
    }
    // What ran before this run has proven itself already.
    let is_new = watched.iter().any(Watched::is_young);
    let watch_until = Instant::now() + if is_new { WATCH } else { Duration::ZERO };
    loop {
        let mut ports = PORTS.iter().filter(|port| is_wanted(port.service));
        let silent = ports.find(|port| !port.answers());
        match silent {
            None if Instant::now() >= watch_until => return Ok(()),
            Some(port) if Instant::now() >= end => {
                return Err(unhealthy(
                    &format!(
                        "{} does not answer on {} within 60 s",
                        port.service, port.number
                    ),
                    Some(&engine::container_name(port.service)),
                    "read the log above; `docker compose logs` in the install directory shows more",
                ));
            }
            _ => signals::sleep(LOOK_EVERY)?,
        }
        for service in &watched {
            service.holds_out(&engine.run_of(&service.id)?)?;
        }
    }
}

/// A port by which a service shows that it works.
#[derive(Debug)]
pub struct Port {
    pub service: &'static str,
    pub number: u16,
    is_http: bool,
}

/// Those of livekit and ingress; egress has none that tells.
pub const PORTS: &[Port] = &[
    Port {
        service: "livekit",
        number: 7880,
        is_http: true,
    },
    Port {
        service: "ingress",
        number: 1935,
        is_http: false,
    },
    Port {
        service: "ingress",
        number: 8080,
        is_http: false,
    },
];

impl Port {
    /// Whether it answers on loopback.
    pub fn answers(&self) -> bool {
        if self.is_http {
            return http::client(false, Vec::new())
                .and_then(|client| {
                    Ok(client
                        .get(format!("http://127.0.0.1:{}/", self.number))
                        .send()?)
                })
                .is_ok_and(|answer| answer.status().is_success());
        }
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.number));
        TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok()
    }
}

/// A service as it was when the watch began.
struct Watched {
    service: &'static str,
    id: String,
    first: Run,
}

impl Watched {
    fn new(
        engine: &Engine,
        containers: &[Container],
        project: &str,
        service: &'static str,
    ) -> Result<Self> {
        let container = engine::of_service(containers, project, service).ok_or_else(|| {
            unhealthy(
                &format!("{service} has no container"),
                None,
                "run this again: it is created then",
            )
        })?;
        Ok(Self {
            service,
            id: container.id.clone(),
            first: engine.run_of(&container.id)?,
        })
    }

    /// Started so short a time ago that it may still fall over.
    fn is_young(&self) -> bool {
        self.first.age().is_none_or(|age| age < WATCH)
    }

    fn holds_out(&self, now: &Run) -> Result<()> {
        let what = if !now.running || now.status != "running" {
            format!(
                "{} does not keep running: it is {} (exit code {})",
                self.service, now.status, now.exit_code
            )
        } else if now.restarts != self.first.restarts {
            format!(
                "{} restarts again and again ({} times so far)",
                self.service, now.restarts
            )
        } else if *now != self.first {
            format!("{} was started anew while it was watched", self.service)
        } else {
            return Ok(());
        };
        Err(unhealthy(
            &what,
            Some(&engine::container_name(self.service)),
            "its log above says why; when that is mended, run this again",
        ))
    }
}
