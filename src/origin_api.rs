//! The origin's cluster API, typed both ways. Every answer is refused unless it is exactly what a
//! real origin says; the exchanges in `fixtures/origin-exchanges.json` were recorded from one.

mod answer;
mod nodes;
mod refusal;

use std::time::{Duration, Instant, SystemTime};

use reqwest::Certificate;
use reqwest::blocking::{Client, Request};
use serde::Serialize;
use serde_json::{Value, json};
use url::Url;

pub use answer::Answer;
pub use nodes::{Listed, Node, Stats, Status};
pub use refusal::Refusal;
use refusal::judge;

use crate::fault::{Exit, Fault};
use crate::http::{self, Answered};
use crate::secret::Secret;
use crate::{signals, ui};

/// A node id that no origin gives out: with it a heartbeat checks the token and changes nothing.
const IMPOSSIBLE_NODE: &str = "streamhub-install-token-check";
/// All the tries of one join together.
const JOIN_LIMIT: Duration = Duration::from_secs(30);
const RETRIES: u32 = 3;
/// With the looks at the engine and at livekit before it, a beat ends within 15 s.
const BEAT_LIMIT: Duration = Duration::from_secs(9);

/// [`anyhow::Result`] by default; with a second type, the standard one.
type Result<T, E = anyhow::Error> = std::result::Result<T, E>;

/// An origin's API.
#[derive(Clone, Debug)]
pub struct OriginApi {
    base: String,
    client: Client,
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

    /// Asks whether an origin answers here; what it takes for now, where its answer says.
    ///
    /// # Errors
    /// Why not.
    pub fn health(&self) -> Result<Option<SystemTime>, Refusal> {
        let answered = self.send(self.client.get(self.url("/api/v1/health")).build(), None)?;
        let date = answered.date;
        match judge(answered)?.get("up") {
            Some(Value::Bool(true)) => Ok(date),
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
    pub fn check_token(&self, token: &Secret) -> Result<(), Refusal> {
        match self.heartbeat(token, IMPOSSIBLE_NODE, None) {
            Ok(()) | Err(Refusal::Rejected { status: 404, .. }) => Ok(()),
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
            let refusal = match self.join_once(token, request, default_redis, left) {
                // A try whose answer was lost may have made the row that this one found.
                Ok(mut answer) => {
                    answer.new |= retry > 0;
                    return Ok(Ok(answer));
                }
                Err(refusal) => refusal,
            };
            let pause = Duration::from_millis(1000 << retry) + jitter()?;
            if !refusal.is_passing() || retry == RETRIES || Instant::now() + pause >= end {
                return Ok(Err(refusal));
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
        self.ask(call.build(), Some(BEAT_LIMIT)).map(drop)
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
        self.send_for(request, limit, http::LONGEST_BODY)
    }

    fn send_for(
        &self,
        request: reqwest::Result<Request>,
        limit: Option<Duration>,
        longest: u64,
    ) -> Result<Answered, Refusal> {
        let mut request = request.map_err(|e| Refusal::Unreachable(e.to_string()))?;
        if let Some(limit) = limit {
            *request.timeout_mut() = Some(limit.min(http::TOTAL_LIMIT));
        }
        http::send_for(&self.client, request, longest).map_err(|e| match e {
            http::NoAnswer::Unreachable(cause) => Refusal::Unreachable(cause),
            http::NoAnswer::TooLong(_) => Refusal::Invalid(e.to_string()),
        })
    }
}

/// Up to a second, so that a fleet does not come back as one.
fn jitter() -> Result<Duration> {
    let random = getrandom::u32()
        .map_err(|e| Fault::new(Exit::Failed, format!("no random numbers: {e}")))?;
    Ok(Duration::from_millis(u64::from(random % 1000)))
}
