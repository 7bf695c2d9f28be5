//! A directory with a mode.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{Change, Resource};
use crate::fault::Result;
use crate::host::{Found, Host};
use crate::receipt::Owned;

/// A directory; what is in it is nobody's business here.
#[derive(Clone, Debug)]
pub struct Directory {
    path: PathBuf,
    mode: u32,
}

impl Directory {
    /// A directory with its permission bits, for example `0o755`.
    pub fn new(path: impl Into<PathBuf>, mode: u32) -> Self {
        let path = path.into();
        Self { path, mode }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Resource for Directory {
    fn name(&self) -> String {
        format!("directory {}", self.path.display())
    }

    fn probe(&self, host: &Host) -> Result<Change> {
        host.refuse_unsafe_directory(&self.path)?;
        match host.find(&self.path)? {
            Found::Directory(metadata) => Ok(mode_change(&metadata, self.mode)),
            _ => Ok(Change::Create(None)),
        }
    }

    fn apply(&self, host: &Host) -> Result<()> {
        host.make_dir(&self.path, self.mode)?;
        // mkdir's mode passes the umask.
        host.set_mode(&self.path, self.mode)
    }

    fn owned(&self, _host: &Host) -> Vec<Owned> {
        vec![Owned::Directory {
            path: self.path.clone(),
        }]
    }
}

/// A directory keeps its owner: what it holds may belong to a service's user.
fn mode_change(now: &Metadata, mode: u32) -> Change {
    let old = now.mode() & 0o7777;
    if old == mode {
        Change::None
    } else {
        Change::Update(format!("mode {old:04o} → {mode:04o}"))
    }
}
