//! Asking the origin to take this node in, as late as possible, at every run.

use std::net::IpAddr;

use url::Url;

use crate::fault::{Exit, Fault, Result};
use crate::host::local_address_towards;
use crate::http;
use crate::origin_api::{Answer, JoinRequest, Node, OriginApi, Refusal, Status};
use crate::preflight::redis_fix;
use crate::redis_probe;
use crate::secret::Secret;
use crate::settings::{Edge, Settings};
use crate::ui;

/// How long a stranger may take to tell us our address.
const LOOKUP_LIMIT: std::time::Duration = std::time::Duration::from_secs(5);

/// What came of it.
#[derive(Debug)]
pub enum Registered {
    /// The origin took the node in.
    Answered {
        answer: Answer,
        /// What it was told of this node.
        told: JoinRequest,
        notes: Vec<String>,
    },
    /// The origin is away and the node had joined before: everything stays as it was.
    Kept(Answer),
}

impl Registered {
    /// The keys that count.
    pub fn answer(&self) -> &Answer {
        match self {
            Self::Answered { answer, .. } | Self::Kept(answer) => answer,
        }
    }
}

/// Joins.
///
/// # Errors
/// What the origin said, with the exit code of the readme's table. On a node that has joined, an
/// origin that is away is no error.
pub fn register(settings: &Settings, edge: &Edge) -> Result<Registered> {
    let api = edge.api()?;
    let Some(token) = &edge.token else {
        return Err(Fault::new(Exit::Usage, "there is no join token")
            .fix("pass --master-token-file")
            .into());
    };
    let address = match edge.node_ip {
        Some(ip) => ip,
        None => address_of_this_host(edge),
    };
    let before = match row_before(edge, api) {
        Ok(row) => row,
        Err(refusal) if edge.region_is_unknown => return region_unread(settings, edge, refusal),
        Err(refusal) => {
            ui::warn(&format!(
                "the node's status can't be read with the API token ({refusal}); the join sets it active"
            ));
            None
        }
    };
    let told = JoinRequest {
        name: edge.node_name.clone(),
        ip: address,
        region: region(edge, before.as_ref()),
    };
    let answer = match api.join(token, &told, &edge.default_redis())? {
        Ok(answer) => answer,
        Err(refusal) => return not_taken(settings, edge, refusal),
    };
    let mut notes = Vec::new();
    let joined_before = settings.saved.joined.is_some();
    if !answer.new && !joined_before {
        ui::warn(&format!(
            "the name {0} was registered before: if another machine is {0} too, both share one row; --node-name picks another",
            edge.node_name
        ));
    }
    if edge.region_is_unknown && before.is_none() {
        ui::warn(
            "this node's region is now empty: install.sh kept none, and the origin clears what it is not told; if it had one: streamhub-install --region <region>",
        );
    }
    match (&edge.api_token, before.map(|row| row.status)) {
        // Drained here while nobody could tell the registry, made active by a join without a token, or its row removed.
        (Some(api_token), None | Some(Status::Active)) if settings.is_drained() => {
            put_status_back(api, api_token, &answer.node_id, &Status::Draining);
        }
        (Some(api_token), Some(status)) if status != Status::Active => {
            put_status_back(api, api_token, &answer.node_id, &status);
        }
        (None, _) if settings.is_drained() => ui::warn(&format!(
            "this node is drained, and a join makes it active in the registry: keeping its status needs an API token. On the origin run: streamhub-install nodes drain {}",
            edge.node_name
        )),
        (None, _) if joined_before => notes.push(
            "the origin sets a node active at every join; if this one was drained, drain it again (with --api-token-file its status is kept)".to_owned(),
        ),
        _ => {}
    }
    // Last, since it may end the run: the row is then as it was all the same.
    check_redis(settings, edge, &answer)?;
    Ok(Registered::Answered {
        answer,
        told,
        notes,
    })
}

fn not_taken(settings: &Settings, edge: &Edge, refusal: Refusal) -> Result<Registered> {
    let url = edge.origin();
    if let Some(joined) = &settings.saved.joined
        && refusal.is_passing()
    {
        ui::warn(&format!(
            "the origin at {url} can't be asked ({refusal}): this node keeps what it has; run this again when the origin is back"
        ));
        return Ok(Registered::Kept(joined.answer.clone()));
    }
    let kept = if settings.saved.joined.is_some() {
        "; this node goes on as it was"
    } else {
        ""
    };
    Err(Fault::new(
        refusal.exit(),
        format!("the origin at {url} did not take this node in{kept}"),
    )
    .why(refusal.to_string())
    .fix(refusal.fix())
    .into())
}

/// The redis that the origin named, with the credentials that it named, before anything is written.
fn check_redis(settings: &Settings, edge: &Edge, answer: &Answer) -> Result<()> {
    let why = match answer.redis.ask() {
        redis_probe::Answer::Pong => return Ok(()),
        redis_probe::Answer::NeedsPassword => {
            "it wants a password, and the origin's answer has none".to_owned()
        }
        redis_probe::Answer::Refused(said) => {
            format!("it refused the origin's own credentials: {said}")
        }
        redis_probe::Answer::Silent(why) => why,
    };
    let what = format!(
        "the redis that the origin names, {}: {why}",
        answer.redis.address()
    );
    let known = settings
        .saved
        .joined
        .as_ref()
        .is_some_and(|joined| joined.answer.redis == answer.redis);
    if known {
        ui::warn(&format!(
            "{what}; nothing about it has changed, so this node goes on as it was"
        ));
        return Ok(());
    }
    Err(Fault::new(Exit::NotReady, what)
        .fix(redis_fix(settings, edge))
        .into())
}

/// The node's row before the join overwrites it, where a token lets us ask.
fn row_before(edge: &Edge, api: &OriginApi) -> std::result::Result<Option<Node>, Refusal> {
    let Some(token) = &edge.api_token else {
        return Ok(None);
    };
    let mut nodes = api.nodes(token)?.nodes.into_iter();
    Ok(nodes.find(|node| node.name == edge.node_name))
}

/// The join would clear a region that nobody but the origin knows, and that a token was given to keep.
fn region_unread(settings: &Settings, edge: &Edge, refusal: Refusal) -> Result<Registered> {
    if refusal.is_passing() {
        return not_taken(settings, edge, refusal);
    }
    Err(Fault::new(
        refusal.exit(),
        "this node's region would be lost: the origin alone knows it, and does not tell it with this API token",
    )
    .why(refusal.to_string())
    .fix("pass an API token that works (--api-token-file), or the region itself: --region <region>")
    .into())
}

/// The origin clears a region that it is not told: what only it knows is told it again.
fn region(edge: &Edge, before: Option<&Node>) -> Option<String> {
    let known_there = before.filter(|_| edge.region_is_unknown);
    let known_there = known_there.and_then(|row| row.region.clone());
    edge.region.clone().or(known_there)
}

fn put_status_back(api: &OriginApi, token: &Secret, node: &str, status: &Status) {
    if let Err(refusal) = api.set_status(token, node, status) {
        ui::warn(&format!(
            "the node is to be {status} and is active now: setting it back failed ({refusal})"
        ));
    }
}

/// By a look-up, else the local address that routes to the origin. Never fails a join by itself.
fn address_of_this_host(edge: &Edge) -> IpAddr {
    let looked_up = edge.ip_lookup.as_ref().and_then(|url| match look_up(url) {
        Ok(ip) => Some(ip),
        Err(e) => {
            ui::detail(&format!(
                "{url} does not say this host's public address: {e:#}"
            ));
            None
        }
    });
    looked_up
        .or_else(|| local_address_towards(edge.master_ip))
        .unwrap_or_else(|| {
            ui::warn(
                "this host's address is not known: registering 127.0.0.1; give it with --node-ip",
            );
            IpAddr::from([127, 0, 0, 1])
        })
}

fn look_up(url: &Url) -> Result<IpAddr> {
    let client = http::client(url.scheme() == "https", Vec::new())?;
    let request = client.get(url.as_str()).timeout(LOOKUP_LIMIT).build()?;
    let answered = http::send(&client, request)?;
    anyhow::ensure!(answered.status == 200, "it answered {}", answered.status);
    Ok(String::from_utf8_lossy(&answered.body).trim().parse()?)
}
