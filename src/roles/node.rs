//! What every node has, whichever its role: a heartbeat, and what the predecessor may have left.

use std::path::{Path, PathBuf};

use minijinja::context;

use crate::engine::PROJECT;
use crate::fault::Result;
use crate::receipt::Owned;
use crate::render::{render, source};
use crate::resource::{Adoption, Env, File, Rule, SERVICE, SYSCTL, TIMER};
use crate::secret::Secret;
use crate::settings::{HEARTBEAT_ENV, HEARTBEAT_SCRIPT, Settings};

const UNITS: &str = "/etc/systemd/system";
/// What every run says, kept.
pub const LOG: &str = "/var/log/streamhub-install.log";

/// Where and as whom this node beats.
pub(super) fn heartbeat(
    settings: &Settings,
    api: &str,
    token: Option<&Secret>,
    node_id: &str,
) -> Env {
    let project = &settings.project;
    Env {
        path: PathBuf::from(HEARTBEAT_ENV),
        template: source("heartbeat.env"),
        keys: vec![
            ("STREAMHUB_HB_URL", Rule::Set(api.to_owned())),
            (
                "STREAMHUB_HB_TOKEN",
                Rule::Set(token.map_or("", Secret::expose).to_owned()),
            ),
            ("STREAMHUB_HB_NODE_ID", Rule::Set(node_id.to_owned())),
            (
                "STREAMHUB_HB_PROJECT",
                if project == PROJECT {
                    Rule::Absent
                } else {
                    Rule::Set(project.clone())
                },
            ),
        ],
        secret: &["STREAMHUB_HB_TOKEN"],
    }
}

pub(super) fn unit(name: &'static str) -> Result<File> {
    let path = Path::new(UNITS).join(name);
    Ok(file(path, render(name, context! {})?))
}

pub(super) fn file(path: impl Into<PathBuf>, text: String) -> File {
    File {
        path: path.into(),
        text,
        mode: 0o644,
    }
}

/// The taking over of a node that the predecessor set up.
pub(super) fn adoption(settings: &Settings, more: Vec<Owned>) -> Option<Adoption> {
    let saved = &settings.saved;
    let receipt = saved.receipt.as_ref().filter(|_| saved.is_inferred)?;
    let dir = &receipt.dir;
    let file = |path: PathBuf| Owned::File { path };
    let unit = |name: &str| Owned::Unit {
        name: name.to_owned(),
    };
    let mut things = vec![
        Owned::Directory { path: dir.clone() },
        file(dir.join(".env")),
        file(HEARTBEAT_ENV.into()),
        file(HEARTBEAT_SCRIPT.into()),
        file(SYSCTL.into()),
        file(Path::new(UNITS).join(SERVICE)),
        file(Path::new(UNITS).join(TIMER)),
        unit(TIMER),
        unit(SERVICE),
        Owned::Stack {
            project: settings.project.clone(),
            dir: dir.clone(),
        },
    ];
    things.extend(more);
    Some(Adoption {
        inferred: receipt.in_words(),
        things,
    })
}

/// The files that a node of either role writes outside its directory.
pub(super) fn files() -> Vec<PathBuf> {
    [
        HEARTBEAT_ENV,
        crate::receipt::PATH,
        "/etc/systemd/system/streamhub-heartbeat.service",
        "/etc/systemd/system/streamhub-heartbeat.timer",
        SYSCTL,
        "/usr/local/bin/streamhub-install",
        LOG,
    ]
    .map(PathBuf::from)
    .to_vec()
}

/// The files that hold secrets, or may: for root alone.
pub fn secret_files(settings: &Settings) -> Vec<PathBuf> {
    let own = [HEARTBEAT_ENV, crate::receipt::PATH, LOG].map(PathBuf::from);
    std::iter::once(settings.dir.join(".env"))
        .chain(own)
        .collect()
}
