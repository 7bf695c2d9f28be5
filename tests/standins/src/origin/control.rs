//! Giving orders to a running origin: from the same process, or over HTTP where it runs in a container.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer};
use serde_json::json;

use super::{Node, Rule, Seen, Shared, serve};
use crate::http::{Request, Response};
use crate::moment;
use crate::server::{Server, lock};

/// What to change in what the origin hands out. An absent field stays as it is.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rotation {
    pub api_key: Option<String>,
    pub api_secret: Option<String>,
    /// `Some(None)`, in JSON `null`: joining is disabled.
    #[serde(deserialize_with = "nullable")]
    pub token: Option<Option<String>>,
    #[serde(deserialize_with = "nullable")]
    pub redis_url: Option<Option<String>>,
    pub public_ws_url: Option<String>,
}

/// Tells `null` from absent.
fn nullable<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(from).map(Some)
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Rules {
    Several(Vec<Rule>),
    One(Rule),
}

/// A handle on a running origin.
#[derive(Clone)]
pub struct Control(pub(super) Arc<Shared>);

impl Control {
    /// Behaves like this from now on, and in no other way: `Act::Normal` ends all that was ordered before.
    pub fn behave(&self, rule: impl Into<Rule>) {
        self.behave_by(vec![rule.into()]);
    }

    /// The same with several rules, of which the first that fits is used.
    pub fn behave_by(&self, rules: Vec<Rule>) {
        lock(&self.0.state).rules = rules;
    }

    /// Every request so far, in order; misbehaviour doesn't keep one from being logged.
    pub fn log(&self) -> Vec<Seen> {
        lock(&self.0.state).log.clone()
    }

    pub fn clear_log(&self) {
        lock(&self.0.state).log.clear();
    }

    pub fn nodes(&self) -> Vec<Node> {
        lock(&self.0.state).core.registry.list(moment::now())
    }

    pub fn rotate(&self, rotation: Rotation) {
        let config = &mut lock(&self.0.state).core.config;
        if let Some(key) = rotation.api_key {
            config.api_key = key;
        }
        if let Some(secret) = rotation.api_secret {
            config.api_secret = secret;
        }
        if let Some(token) = rotation.token {
            config.token = token;
        }
        if let Some(url) = rotation.redis_url {
            config.redis_url = url;
        }
        if let Some(url) = rotation.public_ws_url {
            config.public_ws_url = url;
        }
    }

    /// As an origin without STREAMHUB_CLUSTER_TOKEN.
    pub fn disable_joining(&self) {
        self.rotate(Rotation {
            token: Some(None),
            ..Rotation::default()
        });
    }

    /// Refuses connections, and cuts those that are open.
    pub fn down(&self) {
        // Taken out first: stopping waits for threads that may want the lock.
        let server = lock(&self.0.server).take();
        drop(server);
    }

    /// Listens again, on the port it had. Fails when someone else took it.
    pub fn up(&self) -> io::Result<()> {
        let mut server = lock(&self.0.server);
        if server.is_none() {
            // Weak, or the origin would keep itself alive.
            let shared = Arc::downgrade(&self.0);
            let mut addr = lock(&self.0.addr);
            let listening = Server::start(*addr, move |stream| {
                if let Some(shared) = shared.upgrade() {
                    serve(stream, &shared);
                }
            })?;
            *addr = listening.addr();
            *server = Some(listening);
        }
        Ok(())
    }

    /// Takes orders over HTTP.
    pub(super) fn listen(&self, addr: SocketAddr) -> io::Result<Server> {
        let shared = Arc::downgrade(&self.0);
        Server::start(addr, move |mut stream: TcpStream| {
            let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
            if let (Some(shared), Ok(request)) = (shared.upgrade(), Request::read(&mut stream)) {
                let answer = Control(shared).order(&request);
                let _ = answer
                    .unwrap_or_else(|refusal| refusal)
                    .write(&mut stream, 0);
            }
        })
    }

    fn order(&self, request: &Request) -> Result<Response, Response> {
        match (request.method.as_str(), request.path()) {
            ("POST", "/behaviour") => match parsed(request)? {
                Rules::One(rule) => self.behave(rule),
                Rules::Several(rules) => self.behave_by(rules),
            },
            ("POST", "/rotate") => self.rotate(parsed(request)?),
            ("POST", "/down") => self.down(),
            ("POST", "/up") => self.up().map_err(|error| refused(&error.to_string()))?,
            ("GET", "/log") => return Ok(Response::json(200, &self.log())),
            ("DELETE", "/log") => self.clear_log(),
            ("GET", "/nodes") => return Ok(Response::json(200, &self.nodes())),
            _ => return Err(refused("no such order")),
        }
        Ok(Response::json(200, &json!({ "ok": true })))
    }
}

fn refused(why: &str) -> Response {
    Response::json(400, &json!({ "error": why }))
}

fn parsed<T: DeserializeOwned>(request: &Request) -> Result<T, Response> {
    serde_json::from_slice(&request.body).map_err(|error| refused(&error.to_string()))
}
