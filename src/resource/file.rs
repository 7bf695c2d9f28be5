//! A file that is wholly ours.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use super::{Change, Resource, diff};
use crate::fault::Result;
use crate::host::{Found, Host};
use crate::receipt::Owned;

/// A text file with a mode.
#[derive(Clone, Debug)]
pub struct File {
    pub path: PathBuf,
    pub text: String,
    /// Permission bits, for example `0o644`.
    pub mode: u32,
}

impl Resource for File {
    fn name(&self) -> String {
        format!("file {}", self.path.display())
    }

    fn probe(&self, host: &Host) -> Result<Change> {
        host.refuse_unsafe(&self.path)?;
        let Found::File(metadata) = host.find(&self.path)? else {
            return Ok(Change::Create(None));
        };
        let old = host.read(&self.path)?.unwrap_or_default();
        if old != self.text.as_bytes() {
            return Ok(Change::Update(diff(
                1,
                &String::from_utf8_lossy(&old),
                &self.text,
            )));
        }
        Ok(access_change(host, &metadata, self.mode))
    }

    fn apply(&self, host: &Host) -> Result<()> {
        host.write(&self.path, self.text.as_bytes(), self.mode)
    }

    fn owned(&self, _host: &Host) -> Vec<Owned> {
        vec![Owned::File {
            path: self.path.clone(),
        }]
    }
}

/// The change to a mode, and to root's own where this is root.
pub(super) fn access_change(host: &Host, now: &Metadata, mode: u32) -> Change {
    let old = now.mode() & 0o7777;
    if old != mode {
        return Change::Update(format!("mode {old:04o} → {mode:04o}"));
    }
    if host.is_root() && now.uid() != 0 {
        return Change::Update(format!("owner {} → root", now.uid()));
    }
    Change::None
}
