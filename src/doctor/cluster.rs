//! An edge's way to its origin.

use std::time::{Duration, SystemTime};

use super::{AGAIN, Findings, wrong};
use crate::beat::{Node, beat};
use crate::check::{Finding, Scene};
use crate::origin_api::Refusal;
use crate::preflight::{in_clear, redis_fix, stays_private};
use crate::redis_probe::{Answer, Redis};
use crate::settings::Edge;

/// LiveKit's tokens are taken a little before and after their time; more than this is felt.
const MOST_SKEW: Duration = Duration::from_secs(30);
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

pub(super) fn skew(scene: &Scene<'_>, edge: &Edge) -> Findings {
    if scene.health(edge)?.is_err() {
        return Ok(Vec::new());
    }
    let before = SystemTime::now();
    let Ok(Some(theirs)) = edge.api()?.clock() else {
        return Ok(Vec::new());
    };
    let (fast, skew) = match theirs.duration_since(before) {
        Ok(ahead) => ("behind", ahead),
        Err(e) => ("ahead of", e.duration()),
    };
    if skew <= MOST_SKEW {
        return Ok(Vec::new());
    }
    Ok(vec![Finding::warning(
        format!(
            "this host's clock is {} {fast} the origin's",
            in_words(skew)
        ),
        "timedatectl set-ntp true   # here and on the origin: one of them is wrong",
    )])
}

/// A duration as people say it.
fn in_words(time: Duration) -> String {
    let units = [
        (365 * 86_400, "year"),
        (86_400, "day"),
        (3600, "hour"),
        (60, "minute"),
        (1, "second"),
    ];
    // A question takes its time: some seconds short of a year is a year.
    let slack = if time.as_secs() < 300 { 0 } else { 30 };
    let seconds = time.as_secs() + slack;
    let (size, name) = units
        .into_iter()
        .find(|(size, _)| seconds >= *size)
        .unwrap_or((1, "second"));
    match seconds / size {
        1 => format!("1 {name}"),
        n => format!("{n} {name}s"),
    }
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

#[cfg(test)]
mod tests {
    use super::in_words;
    use std::time::Duration;

    #[test]
    fn times_are_told_as_people_say_them() {
        for (seconds, said) in [
            (31, "31 seconds"),
            (125, "2 minutes"),
            (7200, "2 hours"),
            (3 * 86_400, "3 days"),
            (365 * 86_400 - 1, "1 year"),
            (31_536_000 * 2, "2 years"),
        ] {
            assert_eq!(in_words(Duration::from_secs(seconds)), said);
        }
    }
}
