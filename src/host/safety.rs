//! Places where a file of ours must not be written.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use super::{Found, Host};
use crate::fault::{Exit, Fault, Result};

impl Host {
    /// As [`Host::read`], of a file that this program writes: never through a symlink, whose target
    /// would be taken for ours.
    ///
    /// # Errors
    /// As there, and if it is a symlink, or a pipe or device that would be read for ever.
    pub fn read_ours(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        match self.find(path)? {
            Found::Symlink => Err(symlink(path)),
            Found::Other | Found::Directory(_) => Err(not_a_file(path)),
            Found::Nothing | Found::File(_) => self.read(path),
        }
    }

    /// Refuses a place where a file of ours must not be written: a symlink or anything else that is no
    /// regular file, or a directory that others can write to. Looks only.
    ///
    /// # Errors
    /// [`Exit::NotReady`], naming the path and the fix.
    pub fn refuse_unsafe(&self, path: &Path) -> Result<()> {
        match self.find(path)? {
            Found::Nothing | Found::File(_) => {}
            Found::Symlink => return Err(symlink(path)),
            Found::Directory(_) | Found::Other => return Err(not_a_file(path)),
        }
        let Some(parent) = path.parent() else {
            return Ok(());
        };
        self.refuse_unsafe_directory(parent)?;
        match self.strangers_directory(parent) {
            None => Ok(()),
            Some(above) => refuse(
                format!(
                    "{} does not belong to root: its owner could swap {}",
                    above.display(),
                    path.display()
                ),
                format!("chown root {}", above.display()),
            ),
        }
    }

    /// Refuses a directory that is a symlink, that others can write to, or that can't be written at
    /// all. One that does not exist yet is judged by the nearest that does.
    ///
    /// # Errors
    /// As [`Host::refuse_unsafe`].
    pub fn refuse_unsafe_directory(&self, path: &Path) -> Result<()> {
        match self.find(path)? {
            Found::Nothing => path
                .parent()
                .map_or(Ok(()), |parent| self.refuse_unsafe_directory(parent)),
            Found::Directory(m) if m.mode() & 0o002 != 0 => refuse(
                format!(
                    "{} is world-writable: anyone could swap the files in it",
                    path.display()
                ),
                format!("chmod o-w {}", path.display()),
            ),
            Found::Directory(_) => {
                if let Some(above) = self.swappable(path) {
                    return refuse(
                        format!(
                            "{} is world-writable: anyone could swap {}",
                            above.display(),
                            path.display()
                        ),
                        format!("chmod o-w {}", above.display()),
                    );
                }
                match access(&self.path(path), AccessFlags::W_OK) {
                    Err(nix::errno::Errno::EROFS) => refuse(
                        format!("{} is on a read-only file system", path.display()),
                        format!("mount it writable: mount -o remount,rw {}", path.display()),
                    ),
                    _ => Ok(()),
                }
            }
            Found::Symlink => Err(symlink(path)),
            Found::File(_) | Found::Other => refuse(
                format!("{} is not a directory", path.display()),
                format!("move it away: mv {0} {0}.old", path.display()),
            ),
        }
    }

    /// The first of a directory and those above it that belongs neither to root nor to this user.
    fn strangers_directory(&self, directory: &Path) -> Option<PathBuf> {
        let own = nix::unistd::geteuid().as_raw();
        directory.ancestors().find_map(|above| {
            let owner = fs::metadata(self.path(above)).ok()?.uid();
            (owner != 0 && owner != own).then(|| above.to_owned())
        })
    }

    /// A directory above `path` in which anyone could rename what is not theirs.
    fn swappable(&self, path: &Path) -> Option<PathBuf> {
        path.ancestors().skip(1).find_map(|above| {
            let mode = fs::metadata(self.path(above)).ok()?.mode();
            // The sticky bit, as on /tmp, protects what belongs to others.
            (mode & 0o002 != 0 && mode & 0o1000 == 0).then(|| above.to_owned())
        })
    }
}

fn refuse(what: String, fix: String) -> Result<()> {
    Err(Fault::new(Exit::NotReady, what).fix(fix).into())
}

fn not_a_file(path: &Path) -> anyhow::Error {
    Fault::new(
        Exit::NotReady,
        format!("{} is not a regular file", path.display()),
    )
    .fix(format!("move it away: mv {0} {0}.old", path.display()))
    .into()
}

fn symlink(path: &Path) -> anyhow::Error {
    Fault::new(
        Exit::NotReady,
        format!("{} is a symlink: refusing to go through it", path.display()),
    )
    .fix(format!(
        "look where it points, then remove it: rm {}",
        path.display()
    ))
    .into()
}
