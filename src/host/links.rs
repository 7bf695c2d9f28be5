//! Symlinks that say something by themselves, such as which of a server's sites are enabled.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::{Host, is_absent, unfinished};
use crate::fault::Result;

impl Host {
    /// What a symlink says; `None` where there is none.
    ///
    /// # Errors
    /// If the kernel won't say.
    pub fn link_target(&self, path: &Path) -> Result<Option<PathBuf>> {
        match fs::read_link(self.path(path)) {
            Ok(target) => Ok(Some(target)),
            Err(e) if is_absent(&e) || e.kind() == std::io::ErrorKind::InvalidInput => Ok(None),
            Err(e) => Err(e).with_context(|| format!("looking at {}", path.display())),
        }
    }

    /// Puts a symlink in place, at once and instead of what stood there.
    ///
    /// # Errors
    /// If the place is unsafe or the disk refuses; what stood there is then as it was.
    pub fn link(&self, path: &Path, target: &Path) -> Result<()> {
        let make = || -> Result<()> {
            let real = self.path(path);
            let parent = real.parent().context("it has no directory")?;
            let name = real.file_name().context("it has no name")?;
            let new = parent.join(unfinished(&name.to_string_lossy()));
            self.clear_unfinished(path)?;
            symlink(target, &new)?;
            fs::rename(&new, &real)?;
            File::open(parent)?.sync_all()?;
            Ok(())
        };
        if let Some(parent) = path.parent() {
            self.refuse_unsafe_directory(parent)?;
        }
        make().with_context(|| format!("linking {}", path.display()))
    }

    /// The names in a directory, in order; none where there is no directory.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn names_in(&self, directory: &Path) -> Result<Vec<String>> {
        let what = || format!("reading {}", directory.display());
        let entries = match fs::read_dir(self.path(directory)) {
            Ok(entries) => entries,
            Err(e) if is_absent(&e) => return Ok(Vec::new()),
            Err(e) => return Err(e).with_context(what),
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.with_context(what)?.file_name();
            names.push(name.to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }
}
