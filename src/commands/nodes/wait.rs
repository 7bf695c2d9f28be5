//! Watching a node until its last call has ended.

use std::time::{Duration, Instant, SystemTime};

use super::{refused, table};
use crate::fault::{Exit, Fault, Result};
use crate::origin_api::{Listed, Node};
use crate::settings::Registry;
use crate::{signals, ui};

/// A node beats every 20 s.
const ASK_EVERY: Duration = Duration::from_secs(5);

/// How far a draining node is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Finished(String),
    Busy(String),
    /// Its heartbeat will never tell.
    Untold,
}

/// Watches what the node's heartbeat tells, for at most `limit`.
///
/// # Errors
/// [`Exit::Unhealthy`] when the time is up: it goes on draining.
pub(super) fn for_stats(registry: &Registry, node: &Node, limit: Duration) -> Result<()> {
    let token = registry.token()?;
    let mut drained_at: Option<SystemTime> = None;
    until(&node.name, limit, ASK_EVERY, || {
        let Listed { nodes, now } = match registry.api.nodes(token) {
            Ok(listed) => listed,
            Err(refusal) if refusal.is_passing() => {
                return Ok(Progress::Busy(format!(
                    "the origin can't be asked: {refusal}"
                )));
            }
            Err(refusal) => return Err(refused(registry, &refusal)),
        };
        let since = *drained_at.get_or_insert(now);
        Ok(match nodes.iter().find(|row| row.id == node.id) {
            Some(row) => of_row(row, since, now),
            None => Progress::Finished("its row was removed".to_owned()),
        })
    })
}

/// Asks until it has finished.
pub(super) fn until(
    name: &str,
    limit: Duration,
    pause: Duration,
    mut ask: impl FnMut() -> Result<Progress>,
) -> Result<()> {
    let name = table::shown(name);
    let end = Instant::now() + limit;
    let mut said = String::new();
    loop {
        let state = match ask()? {
            Progress::Finished(how) => {
                ui::result(&format!("{name} has finished: {how}."));
                return Ok(());
            }
            Progress::Untold => {
                let what = format!("{name} drains, and its heartbeat does not tell of its calls");
                return Err(Fault::new(Exit::Failed, what)
                    .fix("run streamhub-install there once, so that it beats, or watch it there: streamhub-install nodes drain --wait")
                    .into());
            }
            Progress::Busy(state) => state,
        };
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let what = format!("{name} has not finished within {} s", limit.as_secs());
            return Err(Fault::new(Exit::Unhealthy, what)
                .why(state)
                .fix("it goes on draining: run this again to wait on, or with a longer --timeout")
                .into());
        }
        if state != said {
            ui::progress(&format!("{name} drains: {state}"));
            said = state;
        }
        signals::sleep(pause.min(left))?;
    }
}

/// What a row tells; what was said before the node was drained does not count.
pub(super) fn of_row(row: &Node, since: SystemTime, now: SystemTime) -> Progress {
    let stats = &row.stats;
    let seen = table::ago(row.last_seen, now);
    if row.stale {
        return Progress::Busy(format!("it is stale, last seen {seen}"));
    }
    match stats.services.get("livekit").map(String::as_str) {
        Some("exited" | "dead") => return Progress::Finished("its livekit has ended".to_owned()),
        None if !stats.services.is_empty() => {
            return Progress::Finished("it has no livekit".to_owned());
        }
        _ => {}
    }
    if row.last_seen.is_none_or(|at| at <= since) {
        return Progress::Busy("its next heartbeat is awaited".to_owned());
    }
    match stats.participants {
        Some(0) => Progress::Finished("nobody is in a room there".to_owned()),
        Some(1) => Progress::Busy("1 participant".to_owned()),
        Some(n) => Progress::Busy(format!("{n} participants")),
        None => Progress::Untold,
    }
}
