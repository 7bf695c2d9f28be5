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
        // Once it is gone the receipt drops it: what comes there later is a stranger's.
        vec![Owned::File {
            path: self.path.into(),
        }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan;
    use crate::receipt::{Receipt, Role};

    #[test]
    fn what_was_taken_away_is_not_ours_any_more() {
        let root = tempfile::TempDir::new().unwrap();
        let host = Host::new(root.path());
        host.make_dir(Path::new("/etc/streamhub"), 0o755).unwrap();
        host.write(Path::new("/etc/old.sh"), b"#!/bin/sh\n", 0o755)
            .unwrap();
        let mut receipt = Receipt::new(Role::Edge, Path::new("/opt/streamhub"));
        let path = "/etc/old.sh";
        let old = Owned::File { path: path.into() };
        receipt.begin(&host, vec![old.clone()], true).unwrap();
        receipt.finish(&host).unwrap();
        assert!(receipt.owned.iter().any(|entry| entry.thing == old));
        let absent = Absent { path, why: "old" };
        let plan = plan::probe(&host, vec![Box::new(absent)]).unwrap();
        plan.apply(&host, &mut receipt).unwrap();
        assert!(!receipt.owned.iter().any(|entry| entry.thing == old));
    }
}
