//! A directory with a mode.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::file::mode_change;
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
}

impl Resource for Directory {
    fn name(&self) -> String {
        format!("directory {}", self.path.display())
    }

    fn probe(&self, host: &Host) -> Result<Change> {
        host.refuse_unsafe_directory(&self.path)?;
        match host.find(&self.path)? {
            Found::Directory(metadata) => Ok(mode_change(metadata.permissions().mode(), self.mode)),
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
