//! The origin's cluster API, typed both ways. Every answer is refused unless it is exactly what a
//! real origin says; the exchanges in `fixtures/origin-exchanges.json` were recorded from one.

mod answer;

use std::time::{Duration, Instant};

use reqwest::Certificate;
use reqwest::blocking::{Client, Request};
use serde::Serialize;
use serde_json::{Value, json};
use url::Url;

pub use answer::Answer;

use crate::fault::{Exit, Fault};
use crate::http::{self, Answered};
use crate::secret::Secret;
use crate::{signals, ui};

/// What an origin says, in its own words, where joining is switched off.
const DISABLED: &str = "cluster joining disabled (STREAMHUB_CLUSTER_TOKEN unset)";
/// A node id that no origin gives out: with it a heartbeat checks the token and changes nothing.
const IMPOSSIBLE_NODE: &str = "streamhub-install-token-check";
/// All the tries of one join together.
const JOIN_LIMIT: Duration = Duration::from_secs(30);
const RETRIES: u32 = 3;

/// [`anyhow::Result`] by default; with a second type, the standard one.
type Result<T, E = anyhow::Error> = std::result::Result<T, E>;

/// An origin's API.
#[derive(Debug)]
pub struct OriginApi {
    base: String,
    client: Client,
}

/// Why a question to the origin got no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("no answer: {0}")]
    Unreachable(String),
    #[error("it answered {status}: {said}")]
    ServerError { status: u16, said: String },
    #[error("it refused the token (401): {0}")]
    BadToken(String),
    #[error("joining is disabled there (503): {DISABLED}")]
    JoiningDisabled,
    #[error("it refused the request ({status}): {said}")]
    Rejected { status: u16, said: String },
    #[error("it redirects to {0}, and a redirect never receives the token")]
    Redirected(String),
    #[error("its answer can't be used: {0}")]
    Invalid(String),
}

impl Refusal {
    /// The exit code on a node that has not joined yet.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Unreachable(_) | Self::ServerError { .. } | Self::Redirected(_) => {
                Exit::OriginUnreachable
            }
            Self::BadToken(_) | Self::JoiningDisabled => Exit::TokenRefused,
            Self::Rejected { .. } | Self::Invalid(_) => Exit::Failed,
        }
    }

    /// Whether the origin itself said no, rather than being away.
    pub fn is_verdict(&self) -> bool {
        !matches!(self, Self::Unreachable(_) | Self::ServerError { .. })
    }

    /// Whether asking again may help.
    fn is_passing(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::ServerError { .. })
    }

    /// What an operator can do.
    pub fn fix(&self) -> &'static str {
        match self {
            Self::Unreachable(_) | Self::ServerError { .. } => {
                "check that the origin runs and that this host reaches it, then run this again"
            }
            Self::BadToken(_) => {
                "copy the join token again from the origin's dashboard or its .env (STREAMHUB_CLUSTER_TOKEN) and pass it with --master-token-file"
            }
            Self::JoiningDisabled => {
                "set STREAMHUB_CLUSTER_TOKEN in the origin's .env, restart its core, and run this again"
            }
            Self::Rejected { .. } => "change what it complains about and run this again",
            Self::Redirected(_) => "pass the final address with --master-url",
            Self::Invalid(_) => {
                "check that --master-url is the origin's own address and that the origin is up to date"
            }
        }
    }
}

/// What a node says of itself when it joins.
#[derive(Clone, Debug, Serialize)]
pub struct JoinRequest {
    pub name: String,
    pub ip: std::net::IpAddr,
    /// Absent, the origin clears it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

/// What a token check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenAccepted;

/// A row of the registry, as far as this program uses it.
#[derive(Clone, Debug)]
pub struct Node {
    pub id: String,
    pub name: String,
    /// `active`, `draining` or `disabled`.
    pub status: String,
    pub region: Option<String>,
}

impl OriginApi {
    /// The API below `base`, for example `http://10.0.0.10:3020`.
    ///
    /// # Errors
    /// If the TLS library refuses the certificates.
    pub fn new(base: &Url, more_authorities: Vec<Certificate>) -> Result<Self> {
        Ok(Self {
            base: base.as_str().trim_end_matches('/').to_owned(),
            client: http::client(base.scheme() == "https", more_authorities)?,
        })
    }

    /// Asks whether an origin answers here.
    ///
    /// # Errors
    /// Why not.
    pub fn health(&self) -> Result<(), Refusal> {
        let body = self.ask(self.client.get(self.url("/api/v1/health")).build(), None)?;
        match body.get("up") {
            Some(Value::Bool(true)) => Ok(()),
            Some(_) => Err(Refusal::ServerError {
                status: 200,
                said: "its health check says that it is not up".to_owned(),
            }),
            None => Err(Refusal::Invalid(
                "no StreamHub answers there: its health check lacks `up`".to_owned(),
            )),
        }
    }

    /// Asks whether the join token is good, registering nothing.
    ///
    /// # Errors
    /// [`Refusal::BadToken`], [`Refusal::JoiningDisabled`], or why there is no answer.
    pub fn check_token(&self, token: &Secret) -> Result<TokenAccepted, Refusal> {
        match self.heartbeat(token, IMPOSSIBLE_NODE, None) {
            Ok(()) | Err(Refusal::Rejected { status: 404, .. }) => Ok(TokenAccepted),
            Err(refusal) => Err(refusal),
        }
    }

    /// Registers the node, or finds its row again by its name. Passing failures are retried 3 times,
    /// at most 30 s in all.
    ///
    /// # Errors
    /// Only if a signal ends the run. Why the origin did not answer is the inner result.
    pub fn join(
        &self,
        token: &Secret,
        request: &JoinRequest,
        default_redis: &str,
    ) -> Result<Result<Answer, Refusal>> {
        let end = Instant::now() + JOIN_LIMIT;
        let mut retry = 0;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let answered = self.join_once(token, request, default_redis, left);
            let Err(refusal) = &answered else {
                return Ok(answered);
            };
            let pause = Duration::from_millis(1000 << retry) + jitter()?;
            if !refusal.is_passing() || retry == RETRIES || Instant::now() + pause >= end {
                return Ok(answered);
            }
            ui::waiting(&format!(
                "the origin: {refusal}; trying again in {} s",
                pause.as_secs()
            ));
            signals::sleep(pause)?;
            retry += 1;
        }
    }

    fn join_once(
        &self,
        token: &Secret,
        request: &JoinRequest,
        default_redis: &str,
        left: Duration,
    ) -> Result<Answer, Refusal> {
        let call = self
            .client
            .post(self.url("/api/v1/cluster/join"))
            .header("X-Cluster-Token", token.expose())
            .json(request);
        let answered = self.send(call.build(), Some(left))?;
        let new = answered.status == 201;
        let body = judge(answered)?;
        Answer::read(&body, new, default_redis).map_err(Refusal::Invalid)
    }

    /// Sends one beat. `stats` is at most 4096 bytes of JSON.
    ///
    /// # Errors
    /// 404 as [`Refusal::Rejected`]: the operator removed this node.
    pub fn heartbeat(
        &self,
        token: &Secret,
        node: &str,
        stats: Option<Value>,
    ) -> Result<(), Refusal> {
        let mut body = json!({ "nodeId": node });
        if let Some(stats) = stats {
            body["stats"] = stats;
        }
        let call = self
            .client
            .post(self.url("/api/v1/cluster/heartbeat"))
            .header("X-Cluster-Token", token.expose())
            .json(&body);
        self.ask(call.build(), None).map(drop)
    }

    /// The registry, with an operator's API token.
    ///
    /// # Errors
    /// Why not.
    pub fn nodes(&self, api_token: &Secret) -> Result<Vec<Node>, Refusal> {
        let call = self
            .client
            .get(self.url("/api/v1/cluster/nodes"))
            .bearer_auth(api_token.expose());
        let body = self.ask(call.build(), None)?;
        let rows = body["data"]
            .as_array()
            .ok_or_else(|| Refusal::Invalid("the list of nodes is missing".to_owned()))?;
        let text = |row: &Value, field: &str| row[field].as_str().map(str::to_owned);
        rows.iter()
            .map(|row| {
                Some(Node {
                    id: text(row, "id")?,
                    name: text(row, "name")?,
                    status: text(row, "status")?,
                    region: text(row, "region"),
                })
            })
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| Refusal::Invalid("a node lacks its id, name or status".to_owned()))
    }

    /// Sets a node's status, with an operator's API token.
    ///
    /// # Errors
    /// Why not.
    pub fn set_status(&self, api_token: &Secret, node: &str, status: &str) -> Result<(), Refusal> {
        let call = self
            .client
            .patch(self.url(&format!("/api/v1/cluster/nodes/{node}")))
            .bearer_auth(api_token.expose())
            .json(&json!({ "status": status }));
        self.ask(call.build(), None).map(drop)
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn ask(
        &self,
        request: reqwest::Result<Request>,
        limit: Option<Duration>,
    ) -> Result<Value, Refusal> {
        judge(self.send(request, limit)?)
    }

    fn send(
        &self,
        request: reqwest::Result<Request>,
        limit: Option<Duration>,
    ) -> Result<Answered, Refusal> {
        let mut request = request.map_err(|e| Refusal::Unreachable(e.to_string()))?;
        if let Some(limit) = limit {
            *request.timeout_mut() = Some(limit.min(http::TOTAL_LIMIT));
        }
        http::send(&self.client, request).map_err(|e| match e {
            http::NoAnswer::Unreachable(cause) => Refusal::Unreachable(cause),
            http::NoAnswer::TooLong => Refusal::Invalid(e.to_string()),
        })
    }
}

/// Sorts an answer by its status, and reads its body.
fn judge(answered: Answered) -> Result<Value, Refusal> {
    let Answered {
        status,
        body,
        location,
    } = answered;
    let parsed = serde_json::from_slice::<Value>(&body);
    let said = || match &parsed {
        Ok(body) => own_words(body),
        Err(_) => "no JSON".to_owned(),
    };
    match status {
        200..=299 => {
            // serde's own message may quote the value it stumbled over.
            let body = parsed.map_err(|e| {
                Refusal::Invalid(format!(
                    "it is not JSON (line {}, column {})",
                    e.line(),
                    e.column()
                ))
            })?;
            if body.is_object() {
                Ok(body)
            } else {
                Err(Refusal::Invalid("it is no JSON object".to_owned()))
            }
        }
        300..=399 => Err(Refusal::Redirected(printable(
            &location.unwrap_or_default(),
        ))),
        401 => Err(Refusal::BadToken(said())),
        503 if said() == DISABLED => Err(Refusal::JoiningDisabled),
        500..=599 => Err(Refusal::ServerError {
            status,
            said: said(),
        }),
        _ => Err(Refusal::Rejected {
            status,
            said: said(),
        }),
    }
}

/// The origin's own message: `message` as text or a list, else `error`.
fn own_words(body: &Value) -> String {
    let words = match &body["message"] {
        Value::String(text) => text.clone(),
        Value::Array(list) => list
            .iter()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join("; "),
        _ => body["error"].as_str().unwrap_or("no reason").to_owned(),
    };
    printable(&words)
}

/// What others said, fit for a terminal: no control characters, not without end.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(500).collect()
}

/// Up to a second, so that a fleet does not come back as one.
fn jitter() -> Result<Duration> {
    let random = getrandom::u32()
        .map_err(|e| Fault::new(Exit::Failed, format!("no random numbers: {e}")))?;
    Ok(Duration::from_millis(u64::from(random % 1000)))
}
