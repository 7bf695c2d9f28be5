//! Containers, as the engine's list shows them, and whose they are.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde::Deserialize;

/// The labels under which compose keeps what a container belongs to.
const PROJECT_LABEL: &str = "com.docker.compose.project";
const SERVICE_LABEL: &str = "com.docker.compose.service";
const DIRECTORY_LABEL: &str = "com.docker.compose.project.working_dir";
/// Ours, in templates/: what the container was made from.
pub const DIGEST_LABEL: &str = "studio.streamhub.digest";
/// What `docker compose run` starts beside a service.
const ONE_OFF_LABEL: &str = "com.docker.compose.oneoff";

/// A container, as the engine's list shows it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Container {
    pub id: String,
    /// With the leading slash that the engine gives them.
    names: Vec<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    /// The digest of the image that it was made from.
    #[serde(rename = "ImageID", default)]
    pub image_id: String,
    /// That image's name, as it was asked for.
    #[serde(default)]
    pub image: String,
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

    fn label(&self, name: &str) -> Option<&str> {
        self.labels.get(name).map(String::as_str)
    }

    /// The compose project that it belongs to.
    pub fn project(&self) -> Option<&str> {
        self.label(PROJECT_LABEL)
    }

    /// The directory that its compose file lies in.
    pub fn directory(&self) -> Option<&Path> {
        self.label(DIRECTORY_LABEL).map(Path::new)
    }

    /// Whether it belongs to this project in this directory: somebody else's may have the same name elsewhere.
    pub fn is_of(&self, project: &str, dir: &Path) -> bool {
        self.project() == Some(project) && self.directory().is_none_or(|at| at == dir)
    }

    /// What it was made from; `None` where this program did not make it.
    pub fn digest(&self) -> Option<&str> {
        self.label(DIGEST_LABEL)
    }

    /// The service of this project that it runs.
    pub fn service(&self, project: &str) -> Option<&str> {
        let is_service =
            self.project() == Some(project) && self.label(ONE_OFF_LABEL) != Some("True");
        self.label(SERVICE_LABEL).filter(|_| is_service)
    }

    /// Whether it never ran, and so serves nobody: compose, killed between making it and starting it, left it.
    pub fn is_left_over(&self) -> bool {
        matches!(self.state.as_str(), "created" | "dead")
    }

    /// Whether it is what compose makes for the service: killed in the middle of a recreate, compose
    /// leaves another name, and in the middle of a create, a container without its configuration.
    pub fn is_whole(&self, project: &str) -> bool {
        let name = self.service(project).map(container_name);
        name.as_deref() == Some(self.name())
            && !matches!(
                self.state.as_str(),
                "created" | "dead" | "paused" | "removing"
            )
    }
}

/// A service that can't run mostly falls over within this time.
const SHORTEST_LOOK: Duration = Duration::from_secs(5);
/// Docker never waits longer between two starts.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

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

impl Run {
    /// Since its last start; `None` when the engine's clock and ours disagree.
    pub fn age(&self) -> Option<Duration> {
        let started = humantime::parse_rfc3339_weak(&self.started_at).ok()?;
        SystemTime::now().duration_since(started).ok()
    }

    /// Whether it falls over again and again: it was restarted, and has not yet run for as long as Docker would wait before
    /// the next start. That is 0.1 s at first and doubles up to a minute (moby's restartmanager), so one that fell over
    /// once as the host booted, before redis was there, is soon known as steady.
    pub fn is_looping(&self) -> bool {
        let restarts = u32::try_from(self.restarts).unwrap_or(u32::MAX);
        let doubled = Duration::from_millis(100).saturating_mul(2_u32.saturating_pow(restarts));
        let pause = doubled.clamp(SHORTEST_LOOK, LONGEST_PAUSE);
        restarts > 0 && self.age().is_none_or(|age| age < pause)
    }
}

/// The container that runs a service of a project.
pub fn of_service<'a>(
    containers: &'a [Container],
    project: &'a str,
    service: &'a str,
) -> Option<&'a Container> {
    all_of_service(containers, project, service).next()
}

/// The same with what compose, killed while it replaced one by another, left beside it.
pub fn all_of_service<'a>(
    containers: &'a [Container],
    project: &'a str,
    service: &'a str,
) -> impl Iterator<Item = &'a Container> {
    containers
        .iter()
        .filter(move |c| c.service(project) == Some(service))
}

/// The name of a service's container, which others rely on.
pub fn container_name(service: &str) -> String {
    format!("streamhub-{service}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_fall_is_soon_over_and_a_loop_is_not() {
        let is_looping = |restarts: u64, seconds: u64| {
            let started = SystemTime::now() - Duration::from_secs(seconds);
            let run = Run {
                running: true,
                status: "running".to_owned(),
                restarts,
                started_at: humantime::format_rfc3339_nanos(started).to_string(),
                exit_code: 0,
            };
            run.is_looping()
        };
        assert!(!is_looping(0, 0));
        assert!(is_looping(1, 2) && !is_looping(1, 10));
        assert!(is_looping(8, 20) && !is_looping(8, 30));
        assert!(is_looping(1000, 50) && !is_looping(1000, 70));
    }
}
