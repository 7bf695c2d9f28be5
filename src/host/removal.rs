//! Taking directories away.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::Context;
use nix::errno::Errno;
use procfs::process::Process;

use super::{Found, Host, is_absent, unfinished};
use crate::fault::Result;

impl Host {
    /// What is in a directory, in order; nothing where there is none.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn list(&self, dir: &Path) -> Result<Vec<PathBuf>> {
        let what = || format!("reading {}", dir.display());
        let entries = match fs::read_dir(self.path(dir)) {
            Err(e) if is_absent(&e) => return Ok(Vec::new()),
            entries => entries.with_context(what)?,
        };
        let mut paths = entries
            .map(|entry| Ok(dir.join(entry.with_context(what)?.file_name())))
            .collect::<Result<Vec<_>>>()?;
        paths.sort();
        Ok(paths)
    }

    /// Whether a run that was killed left an unfinished file beside this one.
    ///
    /// # Errors
    /// If the kernel won't say.
    pub fn has_unfinished(&self, path: &Path) -> Result<bool> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let left = path.with_file_name(unfinished(&name));
        Ok(!matches!(self.find(&left)?, Found::Nothing))
    }

    /// Whether something is mounted at a path or below it: what it holds lies elsewhere, and may be anybody's.
    ///
    /// # Errors
    /// If the kernel won't say.
    pub fn has_mount(&self, path: &Path) -> Result<bool> {
        let mounts = Process::myself().and_then(|own| own.mountinfo());
        let real = self.path(path);
        let mut mounts = mounts.context("reading what is mounted")?.into_iter();
        Ok(mounts.any(|mount| mount.mount_point.starts_with(&real)))
    }

    /// Removes a file, a symlink and not what it points to, or a directory with all that is in it. What is not there is
    /// no error.
    ///
    /// # Errors
    /// If it can't be removed whole.
    pub fn remove_any(&self, path: &Path) -> Result<()> {
        match self.find(path)? {
            Found::Directory(_) => self.remove_tree(path),
            _ => self.remove(path),
        }
    }

    /// Removes a directory if nothing is in it, and says whether it is gone.
    ///
    /// # Errors
    /// If the kernel refuses for another reason.
    pub fn remove_empty_dir(&self, path: &Path) -> Result<bool> {
        let real = self.path(path);
        let what = || format!("removing {}", path.display());
        match fs::remove_dir(&real) {
            Err(e) if is_absent(&e) => return Ok(true),
            Err(e) if matches!(errno(&e), Some(Errno::ENOTEMPTY | Errno::EBUSY)) => {
                return Ok(false);
            }
            removed => removed.with_context(what)?,
        }
        if let Some(parent) = real.parent() {
            File::open(parent)?.sync_all().with_context(what)?;
        }
        Ok(true)
    }
}

fn errno(error: &std::io::Error) -> Option<Errno> {
    error.raw_os_error().map(Errno::from_raw)
}
