//! What runs: the containers, with which settings, and whether they answer.

use std::time::{Duration, Instant};

use super::{AGAIN, Findings, wrong};
use crate::check::Scene;
use crate::engine::{Container, Engine, container_name, of_service};
use crate::fault::Result;
use crate::redis_probe::Answer;
use crate::roles::{self, edge};
use crate::settings::{Node, Settings};
use crate::verify::PORTS;
use crate::{engine, signals};

/// What the others can't do without.
const REDIS: &str = "redis";
/// For a service that was started a moment ago.
const PATIENCE: Duration = Duration::from_secs(5);

fn is_wanted(scene: &Scene<'_>, service: &str) -> bool {
    !(scene.settings.is_drained() && service == edge::DRAINED)
}

pub(super) fn running(scene: &Scene<'_>) -> Findings {
    let Some(engine) = scene.engine()? else {
        return Ok(vec![wrong(
            "the Docker engine does not answer",
            "systemctl restart docker.service",
        )]);
    };
    let containers = engine.containers()?;
    let mut findings = Vec::new();
    for service in roles::services(scene.settings) {
        let service = service.name;
        if !is_wanted(scene, service) {
            if livekit_came_back(&engine, scene.settings)? {
                findings.push(wrong(
                    format!("{service} was started again and takes new rooms, and this node is drained"),
                    "streamhub-install nodes drain   # or, to keep it: streamhub-install nodes activate",
                ));
            }
            continue;
        }
        let name = container_name(service);
        let Some(container) = of_service(&containers, &scene.settings.project, service) else {
            findings.push(wrong(format!("{service} has no container"), AGAIN));
            continue;
        };
        let run = engine.run_of(&container.id)?;
        if run.is_looping() && service != REDIS && !redis_answers(scene) {
            // None of them can do without it, and that is told once: of redis itself, or by another check.
        } else if run.is_looping() {
            findings.push(wrong(
                format!(
                    "{service} falls over again and again ({} times so far, exit code {})",
                    run.restarts, run.exit_code
                ),
                format!("docker logs --tail 20 {name}   # says why; then {AGAIN}"),
            ));
        } else if !container.is_whole(&scene.settings.project) && run.status != "paused" {
            findings.push(wrong(
                format!("{service} has a container that compose left unfinished"),
                AGAIN,
            ));
        } else if run.status == "paused" {
            findings.push(wrong(
                format!("{service} is paused"),
                format!("docker unpause {name}"),
            ));
        } else if !run.running {
            findings.push(wrong(
                format!("{service} is {} (exit code {})", run.status, run.exit_code),
                format!("docker start {name}"),
            ));
        }
    }
    Ok(findings)
}

/// Whether livekit runs on a drained node without having been told to end: somebody has started it.
///
/// # Errors
/// If the engine does not say.
pub(crate) fn livekit_came_back(engine: &Engine, settings: &Settings) -> Result<bool> {
    let containers = engine.containers()?;
    let livekit = of_service(&containers, &settings.project, edge::DRAINED);
    let Some(livekit) = livekit.filter(|_| settings.is_drained()) else {
        return Ok(false);
    };
    let run = engine.run_of(&livekit.id)?;
    let told = settings.saved.receipt.as_ref();
    let told = told.and_then(|receipt| receipt.told_to_end.as_deref());
    Ok(run.running && told != Some(run.started_at.as_str()))
}

/// Whether the redis that the services share takes their credentials.
fn redis_answers(scene: &Scene<'_>) -> bool {
    let settings = scene.settings;
    let redis = match (&settings.node, &settings.saved.joined) {
        (Node::Edge(_), Some(joined)) => joined.answer.redis.clone(),
        (Node::Edge(_), None) => return false,
        (Node::Origin(asked), _) => roles::origin::redis_on(asked, roles::origin::LOOPBACK),
    };
    redis.ask() == Answer::Pong
}

/// `.env`, edited by hand and not taken up yet.
pub(super) fn settings(scene: &Scene<'_>) -> Findings {
    let host = scene.host;
    let installed = roles::installed(scene.settings, host.cores())?;
    let (Some(installed), Some(_)) = (installed, scene.engine()?) else {
        return Ok(Vec::new());
    };
    let outdated = installed.stack.outdated(host)?;
    if outdated.is_empty() {
        return Ok(Vec::new());
    }
    let dir = scene.settings.dir.display();
    Ok(vec![wrong(
        format!(
            "other settings in {dir}/.env than what runs: {}",
            outdated.join(", ")
        ),
        AGAIN,
    )])
}

pub(super) fn ports(scene: &Scene<'_>) -> Findings {
    let Some(engine) = scene.engine()? else {
        return Ok(Vec::new());
    };
    let containers = engine.containers()?;
    let end = Instant::now() + PATIENCE;
    let mut findings = Vec::new();
    for port in PORTS.iter().filter(|port| is_wanted(scene, port.service)) {
        // One that does not run steadily is told of already.
        let runs = |c: &Container| -> Result<bool> {
            Ok(c.state == "running" && !engine.run_of(&c.id)?.is_looping())
        };
        let container = of_service(&containers, &scene.settings.project, port.service);
        if !container.map(runs).transpose()?.unwrap_or(false) {
            continue;
        }
        while !port.answers() {
            if Instant::now() > end {
                findings.push(wrong(
                    format!(
                        "{} runs, and does not answer on {}",
                        port.service, port.number
                    ),
                    format!("docker restart {}", engine::container_name(port.service)),
                ));
                break;
            }
            signals::sleep(Duration::from_millis(200))?;
        }
    }
    Ok(findings)
}
