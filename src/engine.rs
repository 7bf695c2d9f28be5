//! The Docker engine's socket: what runs, and which images are there. Read-only; changes go through
//! `docker` itself.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, bail};
use reqwest::blocking::Client;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::fault::Result;
use crate::host::Host;
use crate::http;

/// The socket, as docker.io and Docker's own packages place it.
pub const SOCKET: &str = "/run/docker.sock";

/// The labels under which compose keeps what a container belongs to.
const PROJECT_LABEL: &str = "com.docker.compose.project";
const SERVICE_LABEL: &str = "com.docker.compose.service";

static CLIENT: Mutex<Option<Client>> = Mutex::new(None);

/// A Docker engine that answers.
#[derive(Debug)]
pub struct Engine {
    /// For example `26.1.5+dfsg1`.
    pub version: String,
    client: Client,
}

/// A container, as the engine's list shows it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Container {
    pub id: String,
    /// With the leading slash that the engine gives them.
    names: Vec<String>,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// `running`, `exited`, `restarting`, …
    pub state: String,
    #[serde(default)]
    ports: Vec<Mapping>,
}

/// A container's port, and the host's that leads to it, if one does.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Mapping {
    public_port: Option<u16>,
    r#type: String,
}

impl Container {
    /// Whether this port of the host leads to it; `protocol` is `tcp` or `udp`.
    pub fn publishes(&self, port: u16, protocol: &str) -> bool {
        self.ports
            .iter()
            .any(|mapping| mapping.public_port == Some(port) && mapping.r#type == protocol)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.names
            .first()
            .map_or("", |name| name.trim_start_matches('/'))
    }

    /// The compose service that it runs.
    pub fn service(&self) -> Option<&str> {
        self.labels.get(SERVICE_LABEL).map(String::as_str)
    }

    /// The compose project it belongs to.
    pub fn project(&self) -> Option<&str> {
        self.labels.get(PROJECT_LABEL).map(String::as_str)
    }
}

/// How steadily a container runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    pub running: bool,
    /// `running`, `exited`, `restarting`, …
    pub status: String,
    pub restarts: u64,
    pub started_at: String,
    pub exit_code: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    restart_count: u64,
    state: State,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct State {
    running: bool,
    status: String,
    started_at: String,
    exit_code: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Version {
    version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Image {
    /// `null` for an image without a name.
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
}

impl Engine {
    /// The engine of this host, or `None` when none answers.
    ///
    /// # Errors
    /// If this user may not ask.
    pub fn find(host: &Host) -> Result<Option<Self>> {
        let socket = host.path(Path::new(SOCKET));
        // Connecting says at once what a failed request would wrap up.
        match std::os::unix::net::UnixStream::connect(&socket) {
            Ok(_) => {}
            Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => {
                return Err(e).with_context(|| format!("asking the Docker engine at {SOCKET}"));
            }
            Err(_) => return Ok(None),
        }
        // A run looks many times: one client keeps its connection.
        let mut known = CLIENT.lock().unwrap_or_else(PoisonError::into_inner);
        let client = match &*known {
            Some(client) => client.clone(),
            None => known.insert(http::unix_client(socket)?).clone(),
        };
        // One that is starting or stopping listens and does not answer.
        let version = get::<Version>(&client, "/version").ok();
        Ok(version.map(|Version { version }| Self { version, client }))
    }

    /// Every container, stopped ones included.
    ///
    /// # Errors
    /// If the engine does not answer.
    pub fn containers(&self) -> Result<Vec<Container>> {
        self.get("/containers/json?all=true")
    }

    /// How one container runs.
    ///
    /// # Errors
    /// If the engine does not answer or has no such container.
    pub fn run_of(&self, id: &str) -> Result<Run> {
        let Inspected {
            restart_count,
            state,
        } = self.get(&format!("/containers/{id}/json"))?;
        Ok(Run {
            running: state.running,
            status: state.status,
            restarts: restart_count,
            started_at: state.started_at,
            exit_code: state.exit_code,
        })
    }

    /// The names of every image that is here, each with its tag.
    ///
    /// # Errors
    /// If the engine does not answer.
    pub fn images(&self) -> Result<Vec<String>> {
        let images: Vec<Image> = self.get("/images/json")?;
        Ok(images
            .into_iter()
            .flat_map(|image| image.repo_tags.unwrap_or_default())
            .collect())
    }

    fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        get(&self.client, path)
    }
}

fn get<T: DeserializeOwned>(client: &Client, path: &str) -> Result<T> {
    let response = client
        .get(format!("http://docker{path}"))
        .send()
        .with_context(|| format!("asking the Docker engine for {path}"))?;
    let status = response.status();
    if !status.is_success() {
        bail!("the Docker engine answered {status} for {path}");
    }
    response
        .json()
        .with_context(|| format!("reading the Docker engine's answer for {path}"))
}

/// The name of a service's container, which others rely on.
pub fn container_name(service: &str) -> String {
    format!("streamhub-{service}")
}
