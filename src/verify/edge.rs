//! Proof that an edge serves.

use std::time::Instant;

use super::services::{services_run, unwatched};
use super::{LIMIT, heartbeat_is_taken, timer_lives};
use crate::beat::Node;
use crate::fault::Result;
use crate::host::Host;
use crate::origin_api::Answer;
use crate::redis_probe;
use crate::roles::edge;
use crate::settings::{Edge, Settings};
use crate::ui;
use crate::unhealthy::unhealthy;

/// What is to be proven.
#[derive(Debug)]
pub struct Claim<'a> {
    pub settings: &'a Settings,
    pub edge: &'a Edge,
    pub answer: &'a Answer,
    /// This run changed something: what the plan found right before is looked at again.
    pub changed: bool,
    /// The origin did not answer: what depends on it is a warning.
    pub origin_is_away: bool,
}

/// Proves it.
///
/// # Errors
/// [`crate::fault::Exit::Unhealthy`], naming what is wrong and showing the end of its log.
pub fn verify(host: &Host, claim: &Claim<'_>) -> Result<()> {
    let end = Instant::now() + LIMIT;
    services_run(host, claim.settings, edge::SERVICES, end).map_err(unwatched)?;
    for outcome in [redis_answers(claim), beats(host, claim)] {
        match outcome {
            Err(e) if claim.origin_is_away => ui::warn(&format!("{e:#}")),
            outcome => outcome?,
        }
    }
    if claim.changed { timer_lives() } else { Ok(()) }
}

fn redis_answers(claim: &Claim<'_>) -> Result<()> {
    let redis = &claim.answer.redis;
    match redis.ask() {
        redis_probe::Answer::Pong => Ok(()),
        other => Err(unhealthy(
            &format!(
                "the origin's redis at {} does not take this node's credentials: {other:?}",
                redis.address()
            ),
            None,
            "see that redis runs on the origin and that its password is the one it hands out, then run this again",
        )),
    }
}

fn beats(host: &Host, claim: &Claim<'_>) -> Result<()> {
    let Some(token) = &claim.edge.token else {
        return Ok(());
    };
    let node = Node {
        id: &claim.answer.node_id,
        project: &claim.settings.project,
    };
    heartbeat_is_taken(host, claim.edge.api()?, claim.edge.origin(), token, &node)
}
