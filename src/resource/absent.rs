//! A file that is not to be there any more.

use std::path::Path;

use super::{Change, Resource};
use crate::fault::Result;
use crate::host::{Found, Host};
use crate::receipt::Owned;

/// A file that nobody needs any more, and why.
#[derive(Clone, Copy, Debug)]
pub struct Absent {
    pub path: &'static str,
    pub why: &'static str,
}

impl Resource for Absent {
    fn name(&self) -> String {
        format!("no file {}", self.path)
    }

    fn probe(&self, host: &Host) -> Result<Change> {
        Ok(match host.find(Path::new(self.path))? {
            Found::File(_) | Found::Symlink => Change::Update(format!("remove it: {}", self.why)),
            // A directory or a device of that name is nothing that we or the predecessor made.
            Found::Nothing | Found::Directory(_) | Found::Other => Change::None,
        })
    }

    fn apply(&self, host: &Host) -> Result<()> {
        host.remove(Path::new(self.path))
    }

    fn owned(&self, _host: &Host) -> Vec<Owned> {
        Vec::new()
    }
}
