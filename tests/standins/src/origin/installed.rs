//! What a core has and does only where it was installed, and what edges don't see. Nothing of it is recorded.

use std::path::PathBuf;

use serde_json::json;

use super::database::Database;
use crate::http::{Request, Response};
use crate::media::store::{Settings, Store};
use crate::moment;

/// What the environment of a core's container says beside that which it hands out to edges.
#[derive(Debug, Clone)]
pub struct Installed {
    pub data_dir: PathBuf,
    /// `REDIS_URL`: `redis://[[user]:password@]host:port[/db]`.
    pub redis_url: String,
    /// Without one `/metrics` is closed.
    pub metrics_token: Option<String>,
    pub version: String,
    /// Answers 503 to every look at its health.
    pub never_healthy: bool,
}

impl Installed {
    pub fn database(&self) -> Database {
        Database::below(&self.data_dir)
    }

    /// Why the core would call itself unhealthy, if it would.
    pub fn trouble(&self) -> Option<String> {
        // A file does the same as the environment, for a test that has only the data directory to go by.
        if self.never_healthy || self.data_dir.join("standin-unhealthy").exists() {
            return Some("told never to be healthy".to_owned());
        }
        let settings = match Settings::of_url(&self.redis_url) {
            Ok(settings) => settings,
            Err(why) => return Some(format!("REDIS_URL: {why}")),
        };
        let connected = Store::connect(&settings).err();
        connected.map(|trouble| format!("redis: {trouble}"))
    }

    pub fn dashboard(&self) -> Response {
        let page = format!(
            "<!DOCTYPE html><html><head><title>StreamHub</title></head><body><h1>StreamHub {}</h1>\
             <p>A stand-in.</p></body></html>\n",
            self.version
        );
        Response::new(200, "text/html; charset=utf-8", page)
    }

    pub fn metrics(&self, request: &Request) -> Response {
        let wanted = self.metrics_token.as_ref().map(|t| format!("Bearer {t}"));
        if wanted.is_none() || request.header("Authorization") != wanted.as_deref() {
            return Response::json(401, &json!({ "error": "metrics token required" }));
        }
        Response::new(
            200,
            "text/plain; version=0.0.4",
            "# TYPE streamhub_up gauge\nstreamhub_up 1\n",
        )
    }
}

/// The recorded form of a core's health, and the unrecorded one of a core that is not well.
pub fn health(version: &str, uptime_seconds: i64, trouble: Option<String>) -> Response {
    let mut body = json!({
        "status": "ok", "up": true, "version": version, "ts": moment::iso(moment::now()),
        "uptimeSeconds": uptime_seconds,
    });
    let Some(trouble) = trouble else {
        return Response::json(200, &body);
    };
    body["status"] = json!("error");
    body["up"] = json!(false);
    body["error"] = json!(trouble);
    Response::json(503, &body)
}
