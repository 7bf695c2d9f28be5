//! Flags over environment over saved over default, validated: what the rest of the program works from.

mod address;
mod docker;
mod edge;
mod elsewhere;
mod fences;
mod files;
mod origin;
mod predecessor;
mod registry;
mod saved;
mod tokens;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use edge::{Edge, MASTER_CA};
pub use elsewhere::Elsewhere;
pub use files::HEARTBEAT_ENV;
pub use origin::{
    CORE_PORT, Core, Domain, Left, Origin, Proxy, SECRET_KEYS, api_port, edge_addresses,
    is_for_clusters,
};
pub use predecessor::HEARTBEAT_SCRIPT;
pub use registry::{Itself, Registry};
pub use saved::{Joined, Saved};
pub use tokens::api_token;

use crate::cli::Given;
use crate::engine::PROJECT;
use crate::fault::{Exit, Fault, Result};
use crate::host::Host;
use crate::receipt::{self, Role};
use crate::resource::Docker;

/// Where StreamHub lives unless told otherwise.
const DEFAULT_DIR: &str = "/opt/streamhub";
const DEFAULT_DRAIN: &str = "2m";
/// Nobody waits longer for a call to end.
const LONGEST_DRAIN: Duration = Duration::from_secs(24 * 3600);

/// Everything that a run was asked for.
#[derive(Clone, Debug)]
pub struct Settings {
    pub dir: PathBuf,
    /// The compose project.
    pub project: String,
    pub dry_run: bool,
    /// Whether newer code and images are to be fetched: `update`.
    pub refresh: bool,
    /// Docker on this host, and where it comes from if it is missing.
    pub docker: Docker,
    /// How long a recreated service may finish its calls.
    pub drain: Duration,
    /// Preflight checks that are skipped, by name.
    pub skip: Vec<String>,
    /// How to say a command for a host that may not have this program.
    pub elsewhere: Elsewhere,
    /// What it is asked to be.
    pub node: Node,
    /// What an earlier run left, as far as this user may read it.
    pub saved: Saved,
}

/// What a host is asked to be, and what only that role has.
#[derive(Clone, Debug)]
pub enum Node {
    Edge(Box<Edge>),
    Origin(Box<Origin>),
}

impl Settings {
    /// The edge that this host is asked to be, if it is.
    pub fn edge(&self) -> Option<&Edge> {
        match &self.node {
            Node::Edge(edge) => Some(edge),
            Node::Origin(_) => None,
        }
    }

    /// The origin that this host is asked to be, if it is.
    pub fn origin(&self) -> Option<&Origin> {
        match &self.node {
            Node::Origin(origin) => Some(origin),
            Node::Edge(_) => None,
        }
    }

    /// Which of them.
    pub fn role(&self) -> Role {
        match &self.node {
            Node::Edge(_) => Role::Edge,
            Node::Origin(_) => Role::Origin,
        }
    }

    /// Merges and validates what was given with what an earlier run saved.
    ///
    /// # Errors
    /// [`Exit::Usage`] for a missing or bad value and for a fence, naming the flag;
    /// [`Exit::Failed`] for a capability that is not built yet.
    pub fn resolve(given: &Given, host: &Host) -> Result<Self> {
        let flags = &given.cli.install;
        let saved = Saved::load(host, flags.dir.as_deref())?;
        if saved.unreadable && !flags.dry_run {
            return Err(Fault::new(
                Exit::NotReady,
                "only root may read what an earlier run left here",
            )
            .fix("run it as root: sudo streamhub-install …")
            .into());
        }
        let role = fences::role(given, &saved)?;
        fences::other_roles_flags(given, role, &saved)?;
        let dir = dir(given, &saved)?;
        let kept = saved.settings();
        let source = flags.docker_source.clone().or(kept.docker_source.clone());
        let docker = docker::docker(source.as_deref())?;
        let drain = flags.drain_timeout.clone().or(kept.drain_timeout.clone());
        let drain = drain_timeout(drain.as_deref().unwrap_or(DEFAULT_DRAIN))?;
        let mut skip = flags.skip_check.clone();
        if std::env::var("STREAMHUB_SKIP_OS_CHECK").is_ok_and(|v| v == "1") {
            skip.push("os".to_owned());
        }
        let saved = saved.with_join(host, &dir)?;
        let node = match role {
            Role::Edge => Node::Edge(Box::new(Edge::resolve(given, host, &saved)?)),
            Role::Origin => Node::Origin(Box::new(Origin::resolve(given, host, &dir, &saved)?)),
        };
        Ok(Self {
            dir,
            project: kept.project.unwrap_or_else(|| PROJECT.to_owned()),
            dry_run: flags.dry_run,
            refresh: flags.update,
            docker,
            drain,
            skip,
            elsewhere: Elsewhere::resolve()?,
            node,
            saved,
        })
    }

    /// Whether this node was drained, on this host: its livekit has ended, or ends with its last call.
    pub fn is_drained(&self) -> bool {
        self.saved.receipt.as_ref().is_some_and(|r| r.drained)
    }

    /// What the receipt keeps of these for a re-run without flags.
    pub fn to_keep(&self, given: &Given) -> receipt::Saved {
        let flags = &given.cli.install;
        let kept = self.saved.settings();
        receipt::Saved {
            docker_source: flags.docker_source.clone().or(kept.docker_source.clone()),
            drain_timeout: flags.drain_timeout.clone().or(kept.drain_timeout.clone()),
            project: kept.project,
            ..match &self.node {
                Node::Edge(edge) => edge.to_keep(),
                Node::Origin(origin) => origin.to_keep(),
            }
        }
    }
}

fn dir(given: &Given, saved: &Saved) -> Result<PathBuf> {
    let asked = given.cli.install.dir.as_ref();
    // A first try that no origin has taken may go elsewhere.
    let installed = saved.receipt.as_ref().filter(|_| saved.was_taken());
    let installed = installed.map(|receipt| receipt.dir.as_path());
    match (asked, installed) {
        (Some(asked), Some(installed)) if *asked != installed => Err(Fault::new(
            Exit::Usage,
            format!("--dir {} is not where this node is installed: {}", asked.display(), installed.display()),
        )
        .fix("leave --dir out; a node is moved by `streamhub-install uninstall --keep-data` and a new install")
        .into()),
        (_, Some(installed)) => Ok(installed.to_owned()),
        (Some(asked), None) => {
            is_usable_dir(asked)?;
            Ok(asked.clone())
        }
        (None, None) => Ok(PathBuf::from(DEFAULT_DIR)),
    }
}

/// Compose, systemd and shells all see this path: it is kept plain.
fn is_usable_dir(dir: &Path) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    let text = dir.to_string_lossy();
    let why = if !dir.is_absolute() {
        "it is not absolute"
    } else if !text.chars().all(plain) || text.contains("..") {
        "it may hold letters, digits and /._- only, and no .."
    } else if dir.components().count() < 3 {
        "it is a top-level directory, which belongs to the system"
    } else {
        return Ok(());
    };
    Err(usage(
        "--dir",
        &text,
        why,
        "an absolute path such as /opt/streamhub",
    ))
}

fn drain_timeout(text: &str) -> Result<Duration> {
    let bad = |why: &str| {
        usage(
            "--drain-timeout",
            text,
            why,
            "a duration such as 90s, 2m or 1h",
        )
    };
    let drain = humantime::parse_duration(text).map_err(|e| bad(&e.to_string()))?;
    if drain > LONGEST_DRAIN {
        return Err(bad("it is over 24 hours"));
    }
    Ok(drain)
}

/// A variable's value; an empty one counts as unset.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A bad value: names the flag, the value, what is wrong with it, and what the flag takes.
fn usage(flag: &str, value: &str, why: &str, takes: &str) -> anyhow::Error {
    Fault::new(
        Exit::Usage,
        format!("{flag} {value:?} can't be used: {why}"),
    )
    .fix(format!("{flag} takes {takes}"))
    .into()
}
