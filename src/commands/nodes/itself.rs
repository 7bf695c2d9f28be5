//! Draining the edge that this host is, and bringing it back.
//!
//! livekit-server takes no new room once it is told to end, and ends with its last participant; told twice,
//! it cuts its calls. The engine does not start again what was told by `docker kill`, not at a boot either.

use std::time::{Duration, SystemTime};

use super::wait::{self, Progress};
use super::{find, tell};
use crate::cli::Given;
use crate::commands::Outcome;
use crate::engine::{Container, Engine, PROJECT, Run, docker, of_service};
use crate::fault::{Exit, Fault, Result};
use crate::host::{Host, lock};
use crate::origin_api::{Node, Status};
use crate::plan;
use crate::receipt::Receipt;
use crate::roles::edge;
use crate::settings::{Registry, Settings};
use crate::ui;
use crate::verify::edge::{Claim, verify};

const LIVEKIT: &str = "livekit";
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Tells livekit to end with its last call, and the registry; the node stays so until [`activate`].
///
/// # Errors
/// What kept the registry from being told, once livekit is; [`Exit::Unhealthy`] when `limit` is up.
pub(super) fn drain(host: &Host, registry: &Registry, limit: Option<Duration>) -> Result<Outcome> {
    refuse_stranger(registry)?;
    let (name, project, mut changed) = {
        let (_lock, mut receipt) = held(host)?;
        let told_before = receipt.told_to_end.clone();
        let mut changed = !receipt.drained;
        // Noted first: from here on no run starts it again.
        receipt.keep_drain(host, true, told_before)?;
        changed |= tell_livekit(host, &mut receipt)?;
        (own_name(registry), project(&receipt), changed)
    };
    let told = tell_registry(registry, &Status::Draining);
    changed |= *told.as_ref().unwrap_or(&false);
    if let Some(limit) = limit {
        wait::until(&name, limit, LOOK_EVERY, || {
            livekits_progress(host, &project)
        })?;
    }
    told?;
    Ok(Outcome {
        would_change: changed,
        ..Outcome::default()
    })
}

/// Starts livekit again, and tells the registry. Calls that still go on may end first, for as long as those
/// of a service that is recreated.
///
/// # Errors
/// [`Exit::Unhealthy`] if it does not serve again; what kept the registry from being told.
pub(super) fn activate(host: &Host, registry: &Registry) -> Result<Outcome> {
    refuse_stranger(registry)?;
    let mut changed = false;
    {
        let (_lock, mut receipt) = held(host)?;
        // One that was cut off had forgotten the drain before it had started livekit.
        if receipt.drained || !livekit_runs(host, &receipt)? {
            bring_back(host, &mut receipt)?;
            changed = true;
            ui::result(&format!("{} takes new rooms again.", own_name(registry)));
        }
    }
    changed |= tell_registry(registry, &Status::Active)?;
    Ok(Outcome {
        would_change: changed,
        ..Outcome::default()
    })
}

/// An origin that does not know this node was named by mistake, and livekit is not told for it.
fn refuse_stranger(registry: &Registry) -> Result<()> {
    let Some(itself) = &registry.itself else {
        return Ok(());
    };
    if !(registry.is_named && registry.has_token()) {
        return Ok(());
    }
    match registry.api.nodes(registry.token()?) {
        // It may be this node's own, and away, which keeps no livekit from being told.
        Err(refusal) if refusal.is_passing() => Ok(()),
        _ => find(registry, &itself.id).map(|_| ()),
    }
}

fn bring_back(host: &Host, receipt: &mut Receipt) -> Result<()> {
    let settings = Settings::resolve(&Given::nothing()?, host)?;
    let project = project(receipt);
    let name = settings.edge().ok_or_else(not_joined)?.node_name.clone();
    if let Some((container, run)) = livekit(host, &project)?
        && run.running
        && was_told(receipt, &container, &run)?
    {
        let awaited = wait::until(&name, settings.drain, LOOK_EVERY, || {
            livekits_progress(host, &project)
        });
        if let Err(error) = awaited {
            if Fault::of(&error).exit != Exit::Unhealthy {
                return Err(error);
            }
            ui::warn("the calls that still go on are cut: livekit can't take new rooms otherwise");
            docker()
                .args(["stop", "--time", "10", &container.id])
                .succeed()?;
        }
    }
    receipt.keep_drain(host, false, None)?;
    let settings = Settings::resolve(&Given::nothing()?, host)?;
    let itself = settings.edge().ok_or_else(not_joined)?;
    let joined = settings.saved.joined.as_ref().ok_or_else(not_joined)?;
    // As a run would: what was changed meanwhile, such as its keys, reaches it now.
    let wanted = edge::serve(&settings, itself, &joined.answer, host.cores())?;
    plan::probe(host, wanted)?.apply(host, receipt)?;
    receipt.finish(host)?;
    let claim = Claim {
        settings: &settings,
        edge: itself,
        answer: &joined.answer,
        changed: false,
        // Whether the origin answers is the next question.
        origin_is_away: true,
    };
    ui::step("prove that it serves", || verify(host, &claim))
}

/// The lock, and the receipt of this edge.
fn held(host: &Host) -> Result<(crate::host::Lock, Receipt)> {
    if !host.is_root() {
        return Err(
            Fault::new(Exit::NotReady, "only root may do that to this node")
                .fix("run it as root: sudo streamhub-install nodes …")
                .into(),
        );
    }
    let lock = lock(host)?;
    let receipt = Receipt::load(host)?.ok_or_else(|| {
        Fault::new(
            Exit::NotReady,
            "this node has not been taken over from install.sh yet",
        )
        .fix("run streamhub-install once, then this again")
    })?;
    Ok((lock, receipt))
}

fn not_joined() -> Fault {
    Fault::new(Exit::Failed, "this host has not joined an origin")
        .fix("join it: streamhub-install --join --master-ip <ip> --master-token-file <file>")
}

fn project(receipt: &Receipt) -> String {
    let kept = receipt.settings.project.clone();
    kept.unwrap_or_else(|| PROJECT.to_owned())
}

fn own_name(registry: &Registry) -> String {
    let itself = registry.itself.as_ref();
    itself.map_or_else(|| "this node".to_owned(), |itself| itself.name.clone())
}

/// Tells a running livekit to end, unless it was told before; whether it was told now.
fn tell_livekit(host: &Host, receipt: &mut Receipt) -> Result<bool> {
    let Some((container, run)) = livekit(host, &project(receipt))? else {
        ui::warn(
            "there is no livekit here that could be told; no run starts one until this node is activated",
        );
        return Ok(false);
    };
    if !run.running {
        ui::result("livekit does not run, and stays so until this node is activated.");
        return Ok(false);
    }
    let is_told = was_told(receipt, &container, &run)?;
    if !is_told {
        // By the engine, which then knows that it is meant to stay ended; with no time limit.
        docker()
            .args(["kill", "--signal", "SIGTERM", &container.id])
            .succeed()
            .map_err(|e| {
                Fault::new(Exit::Failed, "livekit can't be told to end")
                    .because(&e)
                    .fix("see what the engine says (systemctl status docker.service), then run this again")
            })?;
    }
    receipt.keep_drain(host, true, Some(run.started_at))?;
    ui::result(if is_told {
        "livekit was told before: it takes no new room and ends with its last call."
    } else {
        "livekit takes no new room and ends with its last call."
    });
    Ok(!is_told)
}

/// A run that was killed right after it told livekit could not note it: the engine knows.
fn was_told(receipt: &Receipt, container: &Container, run: &Run) -> Result<bool> {
    if receipt.told_to_end.as_deref() == Some(&run.started_at) {
        return Ok(true);
    }
    // In whole seconds, a start and an end of this very second would be lost.
    let now = humantime::format_rfc3339_nanos(SystemTime::now()).to_string();
    let events = docker()
        .args(["events", "--since", &run.started_at, "--until", &now])
        .args(["--filter", &format!("container={}", container.id)])
        .args(["--filter", "event=kill", "--format", "{{.Action}}"])
        .succeed()?;
    Ok(!events.trim().is_empty())
}

fn livekit(host: &Host, project: &str) -> Result<Option<(Container, Run)>> {
    let Some(engine) = Engine::find(host)? else {
        return Err(
            Fault::new(Exit::NotReady, "the Docker engine does not answer")
                .fix("systemctl status docker.service tells why; then run this again")
                .into(),
        );
    };
    let containers = engine.containers()?;
    let Some(container) = of_service(&containers, project, LIVEKIT) else {
        return Ok(None);
    };
    let run = engine.run_of(&container.id)?;
    Ok(Some((container.clone(), run)))
}

fn livekit_runs(host: &Host, receipt: &Receipt) -> Result<bool> {
    Ok(livekit(host, &project(receipt))?.is_some_and(|(_, run)| run.running))
}

fn livekits_progress(host: &Host, project: &str) -> Result<Progress> {
    Ok(match livekit(host, project)? {
        Some((_, run)) if run.running => Progress::Busy("its livekit still has calls".to_owned()),
        _ => Progress::Finished("its livekit has ended".to_owned()),
    })
}

/// Sets the own row's status, or says with which command the origin can be told.
fn tell_registry(registry: &Registry, status: &Status) -> Result<bool> {
    let Some(itself) = &registry.itself else {
        return Err(not_joined().into());
    };
    if !registry.has_token() {
        let verb = match status {
            Status::Active => "activate",
            _ => "drain",
        };
        ui::warn(&format!(
            "the registry was not told: that needs an API token. On the origin run: streamhub-install nodes {verb} {}",
            itself.name
        ));
        return Ok(false);
    }
    let node: Node = find(registry, &itself.id)?;
    tell(registry, &node, status)
}
