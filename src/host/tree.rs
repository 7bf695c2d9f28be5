//! Trees of files: one is laid out beside the place where it is wanted, and moved there file by file.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::{Found, Host, is_absent};
use crate::fault::Result;

impl Host {
    /// Removes a directory with everything in it, and no symlink's target. One that is not there is no error.
    ///
    /// # Errors
    /// If something in it can't be removed.
    pub fn remove_tree(&self, path: &Path) -> Result<()> {
        match fs::remove_dir_all(self.path(path)) {
            Err(e) if !is_absent(&e) => {
                Err(e).with_context(|| format!("removing {}", path.display()))
            }
            _ => Ok(()),
        }
    }

    /// Creates a file where nothing is, with exactly this mode, in a directory that is made where it is missing.
    ///
    /// # Errors
    /// If something is there, or the disk refuses.
    pub fn create_file(&self, path: &Path, mode: u32) -> Result<File> {
        let real = self.path(path);
        let create = || -> io::Result<File> {
            create_parents(&real)?;
            let file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(mode)
                .open(&real)?;
            // The mode at creation passes the umask.
            file.set_permissions(Permissions::from_mode(mode))?;
            Ok(file)
        };
        create().with_context(|| format!("creating {}", path.display()))
    }

    /// As [`Host::create_file`], a symlink to `target`.
    ///
    /// # Errors
    /// As there.
    pub fn create_symlink(&self, path: &Path, target: &Path) -> Result<()> {
        let real = self.path(path);
        create_parents(&real)
            .and_then(|()| symlink(target, &real))
            .with_context(|| format!("creating the symlink {}", path.display()))
    }

    /// Waits until everything on the file system of `path` is on its disk.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn sync(&self, path: &Path) -> Result<()> {
        let what = || format!("writing {} to the disk", path.display());
        let there = File::open(self.path(path)).with_context(what)?;
        nix::unistd::syncfs(&there).with_context(what)
    }

    /// Whether two files, or two symlinks, are the same: kind, bytes, mode and owner.
    ///
    /// # Errors
    /// If one can't be read.
    pub fn is_same(&self, one: &Path, other: &Path) -> Result<bool> {
        match (self.find(one)?, self.find(other)?) {
            (Found::Symlink, Found::Symlink) => {
                Ok(fs::read_link(self.path(one))? == fs::read_link(self.path(other))?)
            }
            (Found::File(a), Found::File(b)) => {
                let alike = |m: &fs::Metadata| (m.len(), m.mode(), m.uid(), m.gid());
                if alike(&a) != alike(&b) {
                    return Ok(false);
                }
                let bytes = |path| -> io::Result<_> { Ok(BufReader::new(File::open(path)?)) };
                same_bytes(bytes(self.path(one))?, bytes(self.path(other))?)
                    .with_context(|| format!("comparing {}", other.display()))
            }
            _ => Ok(false),
        }
    }

    /// Moves a file or symlink to its place on the same file system, over the one that is there: a reader sees the old
    /// or the new. The directories above it are made where they are missing (0755).
    ///
    /// # Errors
    /// If the disk refuses, or a directory is in the place.
    pub fn move_into_place(&self, from: &Path, to: &Path) -> Result<()> {
        let real = self.path(to);
        create_parents(&real)
            .and_then(|()| fs::rename(self.path(from), &real))
            .with_context(|| format!("replacing {}", to.display()))
    }

    /// Removes a file or symlink, and the directories above it that this empties, up to `top`, which stays.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn prune(&self, path: &Path, top: &Path) -> Result<()> {
        match fs::remove_file(self.path(path)) {
            Err(e) if !is_absent(&e) => {
                return Err(e).with_context(|| format!("removing {}", path.display()));
            }
            _ => {}
        }
        for above in path.ancestors().skip(1).take_while(|above| *above != top) {
            if fs::remove_dir(self.path(above)).is_err() {
                // It is not empty.
                break;
            }
        }
        Ok(())
    }

    /// Whether a directory goes when these files are pruned: it holds them, and nothing else.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn holds_only(&self, directory: &Path, files: &BTreeSet<PathBuf>) -> Result<bool> {
        let entries = fs::read_dir(self.path(directory))
            .with_context(|| format!("reading {}", directory.display()))?;
        let mut is_empty = true;
        for entry in entries {
            is_empty = false;
            let entry = entry?;
            let path = directory.join(entry.file_name());
            let is_known = if entry.file_type()?.is_dir() {
                self.holds_only(&path, files)?
            } else {
                files.contains(&path)
            };
            if !is_known {
                return Ok(false);
            }
        }
        Ok(!is_empty)
    }
}

/// Makes the missing directories above a path (0755, whatever the umask).
fn create_parents(path: &Path) -> io::Result<()> {
    let Some(parent) = path.parent() else {
        return Ok(());
    };
    if parent.symlink_metadata().is_ok_and(|m| m.is_dir()) {
        return Ok(());
    }
    create_parents(parent)?;
    fs::create_dir(parent)?;
    fs::set_permissions(parent, Permissions::from_mode(0o755))
}

fn same_bytes(mut one: impl Read, mut other: impl Read) -> Result<bool> {
    let (mut a, mut b) = ([0; 8192], [0; 8192]);
    loop {
        let n = one.read(&mut a)?;
        if n == 0 {
            return Ok(other.read(&mut b)? == 0);
        }
        match other.read_exact(&mut b[..n]) {
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            read => read?,
        }
        if a[..n] != b[..n] {
            return Ok(false);
        }
    }
}
