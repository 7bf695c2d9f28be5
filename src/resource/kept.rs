//! A copy of what somebody else wrote in the place of a file of ours.

use std::path::PathBuf;

use super::{Change, Resource, is_signed};
use crate::fault::Result;
use crate::host::Host;
use crate::receipt::Owned;

/// It may hold an operator's own secrets.
const MODE: u32 = 0o600;

/// A copy beside a file that is about to be replaced, unless it is ours already.
#[derive(Clone, Debug)]
pub struct Kept {
    pub of: PathBuf,
}

impl Kept {
    /// What is to be kept and where, if it is not kept yet: beside the file, under the first name that is free.
    fn wanted(&self, host: &Host) -> Result<Option<(PathBuf, Vec<u8>)>> {
        let Some(bytes) = host.read_ours(&self.of)?.filter(|bytes| !is_signed(bytes)) else {
            return Ok(None);
        };
        let mut suffix = ".old".to_owned();
        for next in 2_u32.. {
            let copy = PathBuf::from(format!("{}{suffix}", self.of.display()));
            match host.read_ours(&copy)? {
                None => return Ok(Some((copy, bytes))),
                Some(kept) if kept == bytes => break,
                Some(_) => suffix = format!(".old.{next}"),
            }
        }
        Ok(None)
    }
}

impl Resource for Kept {
    fn name(&self) -> String {
        format!("copy of {}", self.of.display())
    }

    fn probe(&self, host: &Host) -> Result<Change> {
        Ok(match self.wanted(host)? {
            None => Change::None,
            Some((copy, _)) => Change::Create(Some(format!(
                "{}: the file that is replaced",
                copy.display()
            ))),
        })
    }

    fn apply(&self, host: &Host) -> Result<()> {
        match self.wanted(host)? {
            None => Ok(()),
            Some((copy, bytes)) => host.write(&copy, &bytes, MODE),
        }
    }

    fn owned(&self, host: &Host) -> Vec<Owned> {
        let wanted = self.wanted(host).ok().flatten();
        let file = |(path, _)| Owned::File { path };
        wanted.map(file).into_iter().collect()
    }
}
