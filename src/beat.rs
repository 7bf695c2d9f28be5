//! One heartbeat: how this node is, told to its origin.

use serde_json::{Map, Value, json};

use crate::engine::Engine;
use crate::host::Host;
use crate::livekit;
use crate::origin_api::{OriginApi, Refusal};
use crate::secret::Secret;

/// What an origin takes, in bytes of JSON.
const LARGEST_STATS: usize = 4096;

/// Who beats.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    pub id: &'a str,
    /// The compose project of its services.
    pub project: &'a str,
}

/// Beats once.
///
/// # Errors
/// Why the origin did not take it.
pub fn beat(host: &Host, api: &OriginApi, token: &Secret, node: &Node<'_>) -> Result<(), Refusal> {
    // A beat without figures is better than none.
    api.heartbeat(token, node.id, stats(host, node.project).ok())
}

/// `cores`, `loadavg1`, `cpu` (load ÷ cores), `memTotalKb`, `memAvailKb`, `memUsedRatio`, and each
/// service's state under `services`; while livekit runs, `participants` in its rooms.
fn stats(host: &Host, project: &str) -> crate::fault::Result<Value> {
    let cores = host.cores();
    let load = host.load()?;
    let memory = host.memory()?;
    let round = |x: f64| (x * 1000.0).round() / 1000.0;
    let used = 1.0 - memory.available_kib as f64 / memory.total_kib.max(1) as f64;
    let services = services(host, project);
    let is_running = services
        .get("livekit")
        .is_some_and(|state| state == "running");
    let mut stats = json!({
        "cores": cores,
        "loadavg1": round(load),
        "cpu": round(load / cores as f64),
        "memTotalKb": memory.total_kib,
        "memAvailKb": memory.available_kib,
        "memUsedRatio": round(used),
        "services": services,
    });
    if let Some(participants) = is_running.then(livekit::participants).flatten() {
        stats["participants"] = participants.into();
    }
    // A stranger's many services in our project must not silence the beat.
    if stats.to_string().len() > LARGEST_STATS
        && let Some(fields) = stats.as_object_mut()
    {
        fields.remove("services");
    }
    Ok(stats)
}

/// Service → state. An engine that does not answer has none.
fn services(host: &Host, project: &str) -> Map<String, Value> {
    let containers = Engine::find(host)
        .ok()
        .flatten()
        .and_then(|engine| engine.containers().ok())
        .unwrap_or_default();
    containers
        .iter()
        .filter_map(|c| {
            Some((
                c.service(project)?.to_owned(),
                Value::from(c.state.as_str()),
            ))
        })
        .collect()
}
