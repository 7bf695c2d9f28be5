//! A copy of what somebody else wrote in the place of a file of ours.

use std::path::PathBuf;

use super::{Change, Resource};
use crate::fault::Result;
use crate::host::{Found, Host};
use crate::receipt::Owned;

/// What every file says that this program writes whole.
const SIGNATURE: &[u8] = b"Written by streamhub-install";
/// It may hold an operator's own secrets.
const MODE: u32 = 0o600;

/// A copy beside a file that is about to be replaced, unless it is ours already.
#[derive(Clone, Debug)]
pub struct Kept {
    of: PathBuf,
    copy: PathBuf,
}

impl Kept {
    /// A copy named `<name>.old` of the file at `path`.
    pub fn copy_of(path: PathBuf) -> Self {
        let mut copy = path.clone().into_os_string();
        copy.push(".old");
        Self {
            of: path,
            copy: copy.into(),
        }
    }

    /// The bytes to keep, if there are any and they are not kept yet.
    fn to_keep(&self, host: &Host) -> Result<Option<Vec<u8>>> {
        if !matches!(host.find(&self.copy)?, Found::Nothing) {
            return Ok(None);
        }
        let is_ours = |bytes: &Vec<u8>| bytes.windows(SIGNATURE.len()).any(|w| w == SIGNATURE);
        Ok(host.read_ours(&self.of)?.filter(|bytes| !is_ours(bytes)))
    }
}

impl Resource for Kept {
    fn name(&self) -> String {
        format!("file {}", self.copy.display())
    }

    fn probe(&self, host: &Host) -> Result<Change> {
        Ok(match self.to_keep(host)? {
            None => Change::None,
            Some(_) => Change::Create(Some(format!(
                "a copy of {}, which is replaced",
                self.of.display()
            ))),
        })
    }

    fn apply(&self, host: &Host) -> Result<()> {
        match self.to_keep(host)? {
            None => Ok(()),
            Some(bytes) => host.write(&self.copy, &bytes, MODE),
        }
    }

    fn owned(&self, _host: &Host) -> Vec<Owned> {
        vec![Owned::File {
            path: self.copy.clone(),
        }]
    }
}
