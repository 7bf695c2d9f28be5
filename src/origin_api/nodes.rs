//! The registry as an operator's API token shows it. What it says was put there by other hosts, and is
//! no more to be trusted than they are.

use std::collections::BTreeMap;
use std::fmt;
use std::time::SystemTime;

use serde_json::{Value, json};

use super::answer::is_node_id;
use super::refusal::judge;
use super::{OriginApi, Refusal};
use crate::secret::Secret;

type Result<T, E = Refusal> = std::result::Result<T, E>;

const NODES: &str = "/api/v1/cluster/nodes";
/// A thousand rows with the largest stats that an origin takes.
const LONGEST_LIST: u64 = 4 * 1024 * 1024;

/// The registry, and when the origin told it.
#[derive(Clone, Debug)]
pub struct Listed {
    pub nodes: Vec<Node>,
    /// By the origin's own clock, which its other times are of as well.
    pub now: SystemTime,
}

/// A row of the registry.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub id: String,
    pub name: String,
    /// An IP, or the URL that the node was joined with.
    pub address: String,
    pub region: Option<String>,
    pub status: Status,
    pub created: Option<SystemTime>,
    pub last_seen: Option<SystemTime>,
    /// No heartbeat for 90 s.
    pub stale: bool,
    pub stats: Stats,
}

/// What a node is meant to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    Active,
    /// Takes no new work, and ends what it has.
    Draining,
    Disabled,
    /// One that a newer origin may know.
    Other(String),
}

impl Status {
    /// The origin's word for it.
    pub fn name(&self) -> &str {
        match self {
            Self::Active => "active",
            Self::Draining => "draining",
            Self::Disabled => "disabled",
            Self::Other(word) => word,
        }
    }

    fn of(word: &str) -> Self {
        match word {
            "active" => Self::Active,
            "draining" => Self::Draining,
            "disabled" => Self::Disabled,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What a node said of itself with its last heartbeat, as far as it did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stats {
    pub cores: Option<f64>,
    /// The load average of one minute.
    pub load: Option<f64>,
    /// The load for each core.
    pub cpu: Option<f64>,
    /// 0 to 1.
    pub memory_used: Option<f64>,
    /// Service → the engine's word, such as `running`.
    pub services: BTreeMap<String, String>,
    /// In LiveKit's rooms on this node; it does not say while it does not run.
    pub participants: Option<u64>,
}

impl Stats {
    fn read(stats: &Value) -> Self {
        let number = |field: &str| stats[field].as_f64();
        let services = stats["services"].as_object();
        Self {
            cores: number("cores"),
            load: number("loadavg1"),
            cpu: number("cpu"),
            memory_used: number("memUsedRatio"),
            services: services
                .into_iter()
                .flatten()
                .filter_map(|(service, state)| Some((service.clone(), state.as_str()?.to_owned())))
                .collect(),
            participants: stats["participants"].as_u64(),
        }
    }
}

impl Node {
    fn read(row: &Value) -> Result<Self, String> {
        let text = |field: &str| row[field].as_str();
        let needed = |field: &str| text(field).ok_or_else(|| format!("a node lacks its {field}"));
        let id = needed("id")?;
        // It becomes part of an address.
        if !is_node_id(id) {
            return Err("a node's id is not 1 to 64 letters, digits and hyphens".to_owned());
        }
        let moment = |field: &str| humantime::parse_rfc3339_weak(text(field)?).ok();
        Ok(Self {
            id: id.to_owned(),
            name: needed("name")?.to_owned(),
            address: text("url").unwrap_or_default().to_owned(),
            region: text("region").filter(|r| !r.is_empty()).map(str::to_owned),
            status: Status::of(needed("status")?),
            created: moment("created_at"),
            last_seen: moment("last_seen_at"),
            stale: row["stale"].as_bool().unwrap_or(false),
            stats: Stats::read(&row["stats"]),
        })
    }
}

impl OriginApi {
    /// The registry, with an operator's API token.
    ///
    /// # Errors
    /// Why not.
    pub fn nodes(&self, api_token: &Secret) -> Result<Listed> {
        let call = self
            .client
            .get(self.url(NODES))
            .bearer_auth(api_token.expose());
        let answered = self.send_for(call.build(), None, LONGEST_LIST)?;
        let now = answered.date.unwrap_or_else(SystemTime::now);
        let body = judge(answered)?;
        let rows = body["data"]
            .as_array()
            .ok_or_else(|| Refusal::Invalid("the list of nodes is missing".to_owned()))?;
        let nodes = rows.iter().map(Node::read).collect::<Result<_, _>>();
        Ok(Listed {
            nodes: nodes.map_err(Refusal::Invalid)?,
            now,
        })
    }

    /// Sets a node's status, with an operator's API token.
    ///
    /// # Errors
    /// Why not; 404 as [`Refusal::Rejected`]: there is no such node.
    pub fn set_status(&self, api_token: &Secret, node: &str, status: &Status) -> Result<()> {
        let call = self
            .client
            .patch(self.url(&format!("{NODES}/{node}")))
            .bearer_auth(api_token.expose())
            .json(&json!({ "status": status.name() }));
        let body = self.ask(call.build(), None)?;
        let row = Node::read(&body["data"]).map_err(Refusal::Invalid)?;
        if row.id == node && row.status == *status {
            return Ok(());
        }
        Err(Refusal::Invalid("it tells of another change".to_owned()))
    }

    /// Deletes a node's row, with an operator's API token.
    ///
    /// # Errors
    /// As [`OriginApi::set_status`].
    pub fn remove_node(&self, api_token: &Secret, node: &str) -> Result<()> {
        let call = self
            .client
            .delete(self.url(&format!("{NODES}/{node}")))
            .bearer_auth(api_token.expose());
        let body = self.ask(call.build(), None)?;
        if body["data"]["deleted"] == true && body["data"]["id"] == node {
            return Ok(());
        }
        Err(Refusal::Invalid("it tells of another change".to_owned()))
    }
}

#[cfg(test)]
mod tests;
