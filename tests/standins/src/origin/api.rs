//! The cluster API as recorded in `fixtures/origin-exchanges.json`.

use std::collections::BTreeMap;
use std::io;

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::registry::Registry;
use super::{Config, Installed, installed, validate};
use crate::http::{Request, Response};
use crate::{jwt, moment};

const WEBHOOK: &str = "/api/v1/webhooks/livekit";
pub const JOIN: &str = "/api/v1/cluster/join";
const NODES: &str = "/api/v1/cluster/nodes/";
/// In bytes, serialized.
const MAX_STATS: usize = 4096;
/// Express's default for a JSON body.
const MAX_BODY: usize = 100 << 10;

/// What the core remembers.
pub struct Core {
    pub config: Config,
    pub registry: Registry,
    started: OffsetDateTime,
}

type Answer = Result<Response, Response>;

fn data(status: u16, data: &Value) -> Response {
    Response::json(status, &json!({ "data": data, "error": null }))
}

fn plain(status: u16, error: &str) -> Response {
    Response::json(status, &json!({ "error": error }))
}

/// The framework's own form of an error.
fn framed(status: u16, error: &str, message: impl Into<Value>) -> Response {
    let message: Value = message.into();
    let body = json!({ "message": message, "error": error, "statusCode": status });
    Response::json(status, &body)
}

fn invalid(problems: Vec<String>) -> Response {
    framed(400, "Bad Request", problems)
}

impl Core {
    /// Fails when the database of an installed core can't be read.
    pub fn new(config: Config) -> io::Result<Core> {
        let started = moment::now();
        let mut registry = match &config.installed {
            Some(installed) => installed.database().nodes()?,
            None => Registry::default(),
        };
        registry.start(&config.own_url, started);
        Ok(Core {
            registry,
            config,
            started,
        })
    }

    pub fn answer(&mut self, request: &Request) -> Response {
        let answer = self.route(request).unwrap_or_else(|refusal| refusal);
        let changed = request.method != "GET" && answer.status < 300;
        if let Some(installed) = &self.config.installed
            && changed
            && let Err(error) = installed.database().save_nodes(&self.registry)
        {
            return framed(500, "Internal Server Error", error.to_string());
        }
        answer
    }

    fn route(&mut self, request: &Request) -> Answer {
        let body = parsed(request)?;
        match (request.method.as_str(), request.path()) {
            ("GET", "/api/v1/health") => Ok(self.health()),
            ("POST", JOIN) => self.join(request, &body),
            ("POST", "/api/v1/cluster/heartbeat") => self.heartbeat(request, &body),
            ("GET", "/api/v1/cluster/nodes") => {
                self.operator(request)?;
                Ok(data(200, &json!(self.registry.list(moment::now()))))
            }
            ("GET", "/api/v1/cluster/info") => {
                self.operator(request)?;
                Ok(self.info())
            }
            (method, path) => match (path.strip_prefix(NODES), &self.config.installed) {
                (Some(id), _) if method == "PATCH" => self.patch(request, id, &body),
                (Some(id), _) if method == "DELETE" => self.delete(request, id),
                (None, Some(_)) if path == WEBHOOK => self.webhook(request),
                (None, Some(installed)) if path == "/" => Ok(installed.dashboard()),
                (None, Some(installed)) if path == "/metrics" => Ok(installed.metrics(request)),
                _ => Err(framed(
                    404,
                    "Not Found",
                    format!("Cannot {method} {}", request.target),
                )),
            },
        }
    }

    fn health(&self) -> Response {
        let uptime = (moment::now() - self.started).whole_seconds();
        let installed = self.config.installed.as_ref();
        let version = installed.map_or("0.1.0", |installed| &installed.version);
        installed::health(version, uptime, installed.and_then(Installed::trouble))
    }

    /// LiveKit signs what it posts with the key that it was given for it.
    fn webhook(&self, request: &Request) -> Answer {
        let config = &self.config;
        let keys = BTreeMap::from([(config.api_key.clone(), config.api_secret.clone())]);
        let token = request.header("Authorization").unwrap_or_default();
        match jwt::verify(token.trim_start_matches("Bearer "), &keys) {
            Ok(()) => Ok(data(200, &json!({ "ok": true }))),
            Err(why) => Err(framed(401, "Unauthorized", why)),
        }
    }

    /// Bodies are checked before tokens, as the core's framework does it.
    fn join(&mut self, request: &Request, body: &Value) -> Answer {
        let wanted = validate::join(body).map_err(invalid)?;
        self.cluster_token(request)?;
        let (name, region) = (wanted.name, wanted.region);
        let (new, id) = self
            .registry
            .join(&name, &wanted.url, region, moment::now());
        let config = &self.config;
        Ok(data(
            if new { 201 } else { 200 },
            &json!({
                "nodeId": id,
                "name": name,
                "redisUrl": config.redis_url,
                "publicWsUrl": config.public_ws_url,
                "livekit": {
                    "apiKey": config.api_key,
                    "apiSecret": config.api_secret,
                    "wsUrl": config.ws_url,
                },
            }),
        ))
    }

    fn heartbeat(&mut self, request: &Request, body: &Value) -> Answer {
        let beat = validate::beat(body).map_err(invalid)?;
        self.cluster_token(request)?;
        let size = beat
            .stats
            .as_ref()
            .map_or(0, |stats| stats.to_string().len());
        if size > MAX_STATS {
            let error = "stats payload too large (max 4096 bytes serialized)";
            return Err(plain(413, error));
        }
        if !self.registry.knows(&beat.node) {
            return Err(plain(404, "unknown node"));
        }
        self.registry.beat(&beat.node, beat.stats, moment::now());
        Ok(data(200, &json!({ "ok": true })))
    }

    fn patch(&mut self, request: &Request, id: &str, body: &Value) -> Answer {
        self.operator(request)?;
        let status = validate::status(body).map_err(invalid)?;
        match self.registry.set_status(id, &status, moment::now()) {
            Some(node) => Ok(data(200, &json!(node))),
            None => Err(plain(404, "unknown node")),
        }
    }

    fn delete(&mut self, request: &Request, id: &str) -> Answer {
        self.operator(request)?;
        if !self.registry.remove(id) {
            return Err(plain(404, "unknown node"));
        }
        Ok(data(200, &json!({ "id": id, "deleted": true })))
    }

    fn info(&self) -> Response {
        let config = &self.config;
        let token = config.token.as_deref().unwrap_or_default();
        let command = format!(
            "curl -fsSL https://www.streamhub.studio/install.sh | sudo bash -s -- --join \
             --master-token {token} --master-ip <THIS_SERVER_IP> --master-url {}",
            config.own_url
        );
        data(
            200,
            &json!({
                "enabled": config.token.is_some(),
                "nodesCount": self.registry.list(moment::now()).len(),
                "clusterToken": config.token,
                "clusterRedisUrl": config.redis_url,
                "joinCommand": command,
            }),
        )
    }

    fn cluster_token(&self, request: &Request) -> Result<(), Response> {
        let Some(token) = &self.config.token else {
            let error = "cluster joining disabled (STREAMHUB_CLUSTER_TOKEN unset)";
            return Err(plain(503, error));
        };
        if request.header("X-Cluster-Token") == Some(token) {
            return Ok(());
        }
        Err(plain(401, "invalid cluster token"))
    }

    fn knows(&self, api_token: &str) -> bool {
        let installed = self.config.installed.as_ref();
        self.config.api_token.as_deref() == Some(api_token)
            || installed.is_some_and(|installed| installed.database().knows(api_token))
    }

    fn operator(&self, request: &Request) -> Result<(), Response> {
        let header = request.header("Authorization");
        match header.and_then(|header| header.strip_prefix("Bearer ")) {
            None => Err(framed(401, "Unauthorized", "Missing Bearer token")),
            Some(token) if self.knows(token) => Ok(()),
            Some(_) => Err(framed(401, "Unauthorized", "Invalid or revoked API token")),
        }
    }
}

/// The body as the framework hands it on: without the JSON content type it is not even looked at.
fn parsed(request: &Request) -> Result<Value, Response> {
    let is_json = request
        .header("Content-Type")
        .is_some_and(|kind| kind.starts_with("application/json"));
    if !is_json || request.body.is_empty() {
        return Ok(json!({}));
    }
    if request.body.len() > MAX_BODY {
        return Err(framed(413, "Payload Too Large", "request entity too large"));
    }
    match serde_json::from_slice(&request.body) {
        Ok(body @ (Value::Object(_) | Value::Array(_))) => Ok(body),
        _ => {
            let message = validate::syntax(&String::from_utf8_lossy(&request.body));
            Err(framed(400, "Bad Request", message))
        }
    }
}
