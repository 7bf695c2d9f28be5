//! This program itself, where the timer's unit runs it from.

use std::path::PathBuf;

use anyhow::Context;

use super::file::access_change;
use super::{Change, Resource};
use crate::fault::Result;
use crate::host::{Found, Host};
use crate::receipt::Owned;

/// Where it is installed.
pub const PATH: &str = "/usr/local/bin/streamhub-install";

/// For everybody to run, and for root alone to change.
const MODE: u32 = 0o755;

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
        let Found::File(metadata) = host.find(&path)? else {
            return Ok(Change::Create(None));
        };
        let is_running = std::env::current_exe().is_ok_and(|running| running == installed);
        let is_same = || -> Result<bool> {
            let installed = std::fs::read(&installed).context("reading the installed program")?;
            Ok(installed == Self::own_bytes()?)
        };
        if !is_running && !is_same()? {
            let version = env!("CARGO_PKG_VERSION");
            return Ok(Change::Update(format!(
                "replace it by this version, {version}"
            )));
        }
        Ok(access_change(host, &metadata, MODE))
    }

    fn apply(&self, host: &Host) -> Result<()> {
        host.write(&PathBuf::from(PATH), &Self::own_bytes()?, MODE)
    }

    fn owned(&self, _host: &Host) -> Vec<Owned> {
        vec![Owned::File {
            path: PathBuf::from(PATH),
        }]
    }
}
