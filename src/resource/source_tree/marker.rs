//! What is known of the tree in place: which version it is, what it brought, and what it never touches.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::fault::{Exit, Fault, Result};
use crate::host::Host;

/// Where it lies in the install directory.
pub const NAME: &str = ".streamhub-source";

/// Where a tree is laid out before it is moved: in the directory itself, which alone is sure to be on its file system.
pub const STAGING: &str = ".streamhub-source.new";

/// The operator's and ours, whatever a source holds.
const KEPT: &[&str] = &[
    ".env",
    "data",
    ".git",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.streamhub.yml",
    NAME,
    STAGING,
];

/// Whether a path in the tree, relative to it, is never touched by a mirror.
pub fn is_kept(path: &Path) -> bool {
    let is_local = |name: &OsStr| name.as_encoded_bytes().ends_with(b".local");
    let mut names = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name),
        _ => None,
    });
    let at_the_top = |name: &OsStr| {
        let name = name.to_string_lossy();
        // What a write that was cut off has left of one.
        let unfinished = |kept: &str| name.strip_prefix('.') == Some(&format!("{kept}.new"));
        KEPT.iter().any(|kept| *kept == name || unfinished(kept))
    };
    names.clone().next().is_some_and(at_the_top) || names.any(is_local)
}

/// Which version of the source a tree is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Version {
    /// By git's name for it.
    Commit(String),
    /// By the SHA-256 of the archive that it came in.
    Archive(String),
}

/// The record of a mirror, in the directory that it describes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// Not set while files are being moved: the tree is then a mix of two.
    pub is_whole: bool,
    /// The address that it came from.
    pub from: String,
    pub version: Version,
    /// The version that the core's image was last built from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub built: Option<Version>,
    /// Every file that the source has brought, relative to the directory: what may go when the source drops it.
    pub files: BTreeSet<PathBuf>,
}

impl Marker {
    /// The record of the tree in this directory, if a mirror has made it.
    ///
    /// # Errors
    /// If it can't be read, or is none.
    pub fn load(host: &Host, dir: &Path) -> Result<Option<Self>> {
        let path = dir.join(NAME);
        let Some(bytes) = host.read_ours(&path)? else {
            return Ok(None);
        };
        let marker: Self = serde_json::from_slice(&bytes).map_err(|e| {
            Fault::new(
                Exit::NotReady,
                format!("{} can't be read", path.display()),
            )
            .why(e.to_string())
            .fix(format!(
                "move it away (mv {0} {0}.old): the next streamhub-install update writes it anew",
                path.display()
            ))
        })?;
        Ok(Some(marker))
    }

    /// Writes it.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn save(&self, host: &Host, dir: &Path) -> Result<()> {
        let mut text = serde_json::to_string_pretty(self).context("the tree's record as JSON")?;
        text.push('\n');
        host.write(&dir.join(NAME), text.as_bytes(), 0o644)
    }
}
