//! This program itself, where the timer's unit runs it from.

use std::path::PathBuf;

use anyhow::Context;

use super::{Change, Resource};
use crate::fault::Result;
use crate::host::Host;
use crate::receipt::Owned;

/// Where it is installed.
pub const PATH: &str = "/usr/local/bin/streamhub-install";

/// The running binary, installed.
#[derive(Clone, Copy, Debug)]
pub struct Program;

impl Program {
    fn own_bytes() -> Result<Vec<u8>> {
        // By the kernel's link: the file may have been replaced since it was started.
        std::fs::read("/proc/self/exe").context("reading this program's own binary")
    }
}

impl Resource for Program {
    fn name(&self) -> String {
        format!("program {PATH}")
    }

    fn probe(&self, host: &Host) -> Result<Change> {
        let path = PathBuf::from(PATH);
        host.refuse_unsafe(&path)?;
        let installed = host.path(&path);
        if std::env::current_exe().is_ok_and(|running| running == installed) {
            return Ok(Change::None);
        }
        Ok(match std::fs::read(&installed) {
            Ok(bytes) if bytes == Self::own_bytes()? => Change::None,
            Ok(_) => Change::Update(format!(
                "replace it by this version, {}",
                env!("CARGO_PKG_VERSION")
            )),
            Err(_) => Change::Create(None),
        })
    }

    fn apply(&self, host: &Host) -> Result<()> {
        host.write(&PathBuf::from(PATH), &Self::own_bytes()?, 0o755)
    }

    fn owned(&self, _host: &Host) -> Vec<Owned> {
        vec![Owned::File {
            path: PathBuf::from(PATH),
        }]
    }
}
