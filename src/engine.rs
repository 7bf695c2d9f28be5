//! The Docker engine's socket: what runs, and which images are there. Read-only; changes go through
//! `docker` itself.

mod container;

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, bail};
use reqwest::blocking::{Client, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;

pub use container::{Container, DIGEST_LABEL, Run, all_of_service, container_name, of_service};

use crate::exec::Program;
use crate::fault::Result;
use crate::host::Host;
use crate::http;

/// The socket, as docker.io and Docker's own packages place it.
pub const SOCKET: &str = "/run/docker.sock";

/// What dockerd writes while it runs.
const PID_FILE: &str = "/run/docker.pid";

/// The compose project of a node, unless its containers have always had another.
pub const PROJECT: &str = "streamhub";

static CLIENT: Mutex<Option<Client>> = Mutex::new(None);

/// `docker` on this engine, whatever the operator's environment and contexts say.
pub fn docker() -> Program {
    Program::new("docker").arg(format!("--host=unix://{SOCKET}"))
}

/// A Docker engine that answers.
#[derive(Debug)]
pub struct Engine {
    client: Client,
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
struct Image {
    id: String,
    /// As `name@sha256:…`, once for each registry that it came from.
    #[serde(default)]
    repo_digests: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Offered {
    descriptor: Descriptor,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Version {
    version: String,
}

impl Engine {
    /// The engine of this host, or `None` when none runs or answers.
    ///
    /// # Errors
    /// If this user may not ask.
    pub fn find(host: &Host) -> Result<Option<Self>> {
        // systemd listens on the socket too, and would start a stopped engine for whoever connects.
        if !runs(host)? {
            return Ok(None);
        }
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
        // One that is starting or stopping listens and does not answer. Asked for its version, an engine
        // that does runs two programs first to learn theirs.
        let answers = ask(&client, "/_ping").is_ok_and(|pong| pong.status().is_success());
        Ok(answers.then_some(Self { client }))
    }

    /// Its version, for example `26.1.5+dfsg1`.
    ///
    /// # Errors
    /// If the engine does not answer.
    pub fn version(&self) -> Result<String> {
        let Version { version } = self.get("/version")?;
        Ok(version)
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

    /// Whether an image of this name and tag is here.
    ///
    /// # Errors
    /// If the engine does not answer.
    pub fn has_image(&self, name: &str) -> Result<bool> {
        self.has(&format!("/images/{name}/json"))
    }

    /// Whether there is a volume of this name.
    ///
    /// # Errors
    /// If the engine does not answer.
    pub fn has_volume(&self, name: &str) -> Result<bool> {
        self.has(&format!("/volumes/{name}"))
    }

    fn has(&self, path: &str) -> Result<bool> {
        let answer = ask(&self.client, path)?;
        match answer.status().as_u16() {
            200 => Ok(true),
            404 => Ok(false),
            status => bail!("the Docker engine answered {status} for {path}"),
        }
    }

    /// The digest of the image of this name and tag.
    ///
    /// # Errors
    /// If the engine does not answer or has no such image.
    pub fn image_id(&self, name: &str) -> Result<String> {
        let Image { id, .. } = self.get(&format!("/images/{name}/json"))?;
        Ok(id)
    }

    /// Whether the registry has another image under this name than the one that is here.
    ///
    /// # Errors
    /// If the engine or the registry does not answer.
    pub fn has_newer(&self, name: &str) -> Result<bool> {
        let Image { repo_digests, .. } = self.get(&format!("/images/{name}/json"))?;
        let Offered { descriptor } = self.get(&format!("/distribution/{name}/json"))?;
        let digest = format!("@{}", descriptor.digest);
        let mut known = repo_digests.iter().flatten();
        Ok(!known.any(|here| here.ends_with(&digest)))
    }

    fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let response = ask(&self.client, path)?;
        let status = response.status();
        if !status.is_success() {
            bail!("the Docker engine answered {status} for {path}");
        }
        response
            .json()
            .with_context(|| format!("reading the Docker engine's answer for {path}"))
    }
}

fn ask(client: &Client, path: &str) -> Result<Response> {
    client
        .get(format!("http://docker{path}"))
        .send()
        .with_context(|| format!("asking the Docker engine for {path}"))
}

fn runs(host: &Host) -> Result<bool> {
    let pid = host.read_text(Path::new(PID_FILE))?.unwrap_or_default();
    let process = host.path(Path::new("/proc").join(pid.trim()));
    Ok(!pid.trim().is_empty() && process.exists())
}
