//! An edge's way to its origin.

use super::{AGAIN, Findings, wrong};
use crate::beat::{Node, beat};
use crate::check::Scene;
use crate::origin_api::Refusal;
use crate::preflight::{in_clear, redis_fix, stays_private};
use crate::redis_probe::{Answer, Redis};
use crate::settings::Edge;

const NEW_TOKEN: &str = "streamhub-install --join --master-token-file <file with STREAMHUB_CLUSTER_TOKEN of the origin's .env>";

pub(super) fn origin(scene: &Scene<'_>, edge: &Edge) -> Findings {
    let url = &edge.master_url;
    let mut findings = Vec::new();
    if url.scheme() == "http" && !stays_private(url) {
        findings.push(in_clear(url, edge.origin()));
    }
    if let Err(refusal) = scene.health(edge)? {
        findings.push(wrong(
            format!("the origin at {}: {refusal}", edge.origin()),
            match refusal {
                Refusal::Unreachable(_) | Refusal::ServerError { .. } => {
                    "on the origin: streamhub-install doctor".to_owned()
                }
                other => other.fix().to_owned(),
            },
        ));
    }
    Ok(findings)
}

/// With a node that can't exist: this registers nothing.
pub(super) fn token(scene: &Scene<'_>, edge: &Edge) -> Findings {
    let Some(token) = &edge.token else {
        return Ok(vec![wrong("there is no join token", NEW_TOKEN)]);
    };
    if scene.health(edge)?.is_err() {
        return Ok(Vec::new());
    }
    let (what, fix) = match edge.api()?.check_token(token) {
        Ok(()) => return Ok(Vec::new()),
        Err(Refusal::BadToken(_)) => (
            "the origin refuses this node's join token: it was changed there".to_owned(),
            NEW_TOKEN,
        ),
        Err(refusal) => (format!("the join token: {refusal}"), refusal.fix()),
    };
    Ok(vec![wrong(what, fix)])
}

/// A beat as the timer sends it: the registry takes it for a row that it has.
pub(super) fn node(scene: &Scene<'_>, edge: &Edge) -> Findings {
    let joined = scene.settings.saved.joined.as_ref();
    let (Some(token), Some(joined), true) = (&edge.token, joined, scene.health(edge)?.is_ok())
    else {
        return Ok(Vec::new());
    };
    let id = &joined.answer.node_id;
    let node = Node {
        id,
        project: &scene.settings.project,
    };
    match beat(scene.host, edge.api()?, token, &node) {
        Ok(()) => Ok(Vec::new()),
        // That is the token's.
        Err(Refusal::BadToken(_) | Refusal::JoiningDisabled) => Ok(Vec::new()),
        Err(Refusal::Rejected { status: 404, .. }) => Ok(vec![wrong(
            format!(
                "the origin does not know this node ({}, {id}): an operator removed it there",
                edge.node_name
            ),
            AGAIN,
        )]),
        Err(refusal) => Ok(vec![wrong(
            format!("the origin took no heartbeat: {refusal}"),
            refusal.fix(),
        )]),
    }
}

pub(super) fn redis(scene: &Scene<'_>, edge: &Edge) -> Findings {
    let Some(joined) = &scene.settings.saved.joined else {
        return Ok(Vec::new());
    };
    let redis = &joined.answer.redis;
    let stranger = Redis {
        username: None,
        password: None,
        ..redis.clone()
    };
    let place = redis.address();
    Ok(match (redis.ask(), stranger.ask()) {
        // Asked for a password that it does not have, it may complain as well.
        (Answer::Pong | Answer::Refused(_), Answer::Pong) => vec![wrong(
            format!("DANGER: the origin's redis at {place} takes anybody without a password"),
            redis_fix(scene.settings, edge),
        )],
        (Answer::Silent(why), _) => vec![wrong(
            format!("no way to the origin's redis at {place}: {why}"),
            redis_fix(scene.settings, edge),
        )],
        (Answer::Refused(said), _) => vec![wrong(
            format!("the origin's redis at {place} refuses the saved password: {said}"),
            AGAIN,
        )],
        (Answer::NeedsPassword, _) => vec![wrong(
            format!("the origin's redis at {place} wants a password, and none is saved"),
            AGAIN,
        )],
        (Answer::Pong, _) => Vec::new(),
    })
}
