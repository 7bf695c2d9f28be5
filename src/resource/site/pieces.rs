//! The files and links that a site is made of, and what stood in their places before.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;

use super::AVAILABLE;
use crate::fault::{Exit, Fault, Result};
use crate::host::{Found, Host};

/// What stands at a path, or is to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    Nothing,
    Text(Vec<u8>),
    Link(PathBuf),
}

/// A path, and what is to stand there.
#[derive(Clone, Debug)]
pub struct Piece {
    pub path: PathBuf,
    pub wanted: Standing,
}

impl Piece {
    pub fn new(path: PathBuf, wanted: Standing) -> Self {
        Self { path, wanted }
    }

    pub fn text(path: impl Into<PathBuf>, text: String) -> Self {
        Self::new(path.into(), Standing::Text(text.into_bytes()))
    }

    /// Refuses to put a link, or nothing, in the place of what is no link of ours: it may be all that there is of an
    /// operator's site.
    ///
    /// # Errors
    /// [`Exit::NotReady`], with how to move it.
    pub fn refuse_others(&self, host: &Host, now: &Standing) -> Result<()> {
        let name = self.path.file_name().unwrap_or_default();
        let leads_there = |to: &Path, wanted: &Path| {
            to == wanted || to == Path::new("../sites-available").join(name)
        };
        let place = self.path.display();
        let (what, fix) = match (now, &self.wanted) {
            (Standing::Text(_), Standing::Link(_) | Standing::Nothing)
                if !self.path.starts_with(AVAILABLE) =>
            {
                let mut free = Path::new(AVAILABLE).join(name);
                if !matches!(host.find(&free)?, Found::Nothing) {
                    free.as_mut_os_string().push(".old");
                }
                let free = free.display();
                (
                    format!("{place} holds a site of its own, where StreamHub's link belongs"),
                    format!(
                        "move it to where sites are kept: mv {place} {free}; then run this again"
                    ),
                )
            }
            (Standing::Link(to), Standing::Link(wanted)) if !leads_there(to, wanted) => (
                format!(
                    "{place} leads to {}, which is not StreamHub's",
                    to.display()
                ),
                format!("if that site may go: unlink {place}; then run this again"),
            ),
            _ => return Ok(()),
        };
        Err(Fault::new(Exit::NotReady, what).fix(fix).into())
    }
}

impl Standing {
    /// What stands there now.
    ///
    /// # Errors
    /// If it can't be read, or is neither a file nor a link.
    pub fn look(host: &Host, path: &Path) -> Result<Self> {
        if let Some(target) = host.link_target(path)? {
            return Ok(Self::Link(target));
        }
        Ok(host.read_ours(path)?.map_or(Self::Nothing, Self::Text))
    }

    /// Makes it stand there.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn make(&self, host: &Host, path: &Path) -> Result<()> {
        match self {
            Self::Nothing => host.remove(path),
            Self::Link(target) => host.link(path, target),
            Self::Text(text) => host.write(path, text, 0o644),
        }
    }
}

/// When what stands at a path changed last; `None` where nothing does.
pub fn changed(host: &Host, path: &Path) -> Result<Option<SystemTime>> {
    if let Found::Nothing = host.find(path)? {
        return Ok(None);
    }
    let metadata = std::fs::symlink_metadata(host.path(path))
        .with_context(|| format!("looking at {}", path.display()))?;
    let since = Duration::new(
        u64::try_from(metadata.ctime()).unwrap_or(0),
        u32::try_from(metadata.ctime_nsec()).unwrap_or(0),
    );
    Ok(Some(UNIX_EPOCH + since))
}
