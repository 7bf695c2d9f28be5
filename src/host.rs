//! The machine: its files, written atomically and never through a symlink, and its facts.
//!
//! Every path below a [`Host`] is given as the operator knows it; `--root` puts a prefix before it.

mod facts;
mod links;
mod lock;
mod ports;
mod removal;
mod safety;
mod tree;

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context;

pub use facts::{Memory, Os, local_address_towards};
pub use lock::{Lock, lock};
pub use ports::{Holder, Listener, Protocol, container_of, listeners};

use crate::fault::{Exit, Fault, Result};

/// No file of ours is larger; a bigger one is refused instead of read.
const LARGEST_READ: u64 = 1024 * 1024;

/// A machine, or a directory that is treated as one.
#[derive(Clone, Debug)]
pub struct Host {
    root: PathBuf,
}

/// What stands at a path.
#[derive(Debug)]
pub enum Found {
    Nothing,
    File(Metadata),
    Directory(Metadata),
    Symlink,
    Other,
}

impl Host {
    /// The machine whose root directory is `root`: `/`, or a tree in a test.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Where a path of the machine really is.
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// Whether this process may do anything.
    pub fn is_root(&self) -> bool {
        nix::unistd::geteuid().is_root()
    }

    /// What stands at a path, without following a symlink in its last part.
    ///
    /// # Errors
    /// If the kernel won't say, an ordinary user's permission included.
    pub fn find(&self, path: &Path) -> Result<Found> {
        match fs::symlink_metadata(self.path(path)) {
            Ok(m) if m.is_symlink() => Ok(Found::Symlink),
            Ok(m) if m.is_dir() => Ok(Found::Directory(m)),
            Ok(m) if m.is_file() => Ok(Found::File(m)),
            Ok(_) => Ok(Found::Other),
            Err(e) if is_absent(&e) => Ok(Found::Nothing),
            Err(e) => Err(e).with_context(|| format!("looking at {}", path.display())),
        }
    }

    /// A file's bytes, or `None` when there is none. At most 1 MiB.
    ///
    /// # Errors
    /// If it can't be read, is no regular file, or is larger.
    pub fn read(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        let what = || format!("reading {}", path.display());
        let mut file = match File::open(self.path(path)) {
            Ok(file) => file,
            Err(e) if is_absent(&e) => return Ok(None),
            Err(e) => return Err(e).with_context(what),
        };
        let mut bytes = Vec::new();
        (&mut file)
            .take(LARGEST_READ + 1)
            .read_to_end(&mut bytes)
            .with_context(what)?;
        if bytes.len() as u64 > LARGEST_READ {
            return Err(Fault::new(
                Exit::NotReady,
                format!("{} is larger than 1 MiB", path.display()),
            )
            .fix("move it away; it is none of the files that this program writes")
            .into());
        }
        Ok(Some(bytes))
    }

    /// As [`Host::read`], as text.
    ///
    /// # Errors
    /// As there, and if it is not UTF-8.
    pub fn read_text(&self, path: &Path) -> Result<Option<String>> {
        self.read(path)?
            .map(|bytes| {
                String::from_utf8(bytes).with_context(|| format!("{} is not UTF-8", path.display()))
            })
            .transpose()
    }

    /// Puts a file in place so that a reader, or a crash, sees the old one or the new one and nothing
    /// between: exclusive temporary file in the same directory with its final mode, write, fsync,
    /// rename, fsync of the directory. A temporary file left by a killed run is replaced.
    ///
    /// # Errors
    /// If the place is unsafe or the disk refuses; the old file is then as it was.
    pub fn write(&self, path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
        self.refuse_unsafe(path)?;
        self.replace(path, bytes, mode)
            .with_context(|| format!("writing {}", path.display()))
    }

    /// Removes what a run that was killed while it wrote this file left beside it: the rest of a file
    /// that may hold a secret.
    ///
    /// # Errors
    /// If it can't be removed.
    pub fn clear_unfinished(&self, path: &Path) -> Result<()> {
        let real = self.path(path);
        let name = real.file_name().context("it has no name")?;
        let left = real.with_file_name(unfinished(&name.to_string_lossy()));
        match fs::remove_file(left) {
            Err(e) if !is_absent(&e) => Err(e).context("removing what an earlier run left"),
            _ => Ok(()),
        }
    }

    fn replace(&self, path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
        let real = self.path(path);
        let parent = real.parent().context("it has no directory")?;
        let name = real
            .file_name()
            .context("it has no name")?
            .to_string_lossy();
        let prefix = unfinished(&name);
        self.clear_unfinished(path)?;
        let mut file = tempfile::Builder::new()
            .prefix(&prefix)
            .rand_bytes(0)
            .permissions(fs::Permissions::from_mode(mode))
            .tempfile_in(parent)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(&real)?;
        File::open(parent)?.sync_all()?;
        Ok(())
    }

    /// Removes a file, or a symlink and not what it points to, and what a killed run left beside it. One
    /// that is not there is no error.
    ///
    /// # Errors
    /// If it can't be removed.
    pub fn remove(&self, path: &Path) -> Result<()> {
        self.clear_unfinished(path)?;
        let real = self.path(path);
        let what = || format!("removing {}", path.display());
        match fs::remove_file(&real) {
            Err(e) if is_absent(&e) => return Ok(()),
            removed => removed.with_context(what)?,
        }
        match real.parent() {
            Some(parent) => File::open(parent)?.sync_all().with_context(what),
            None => Ok(()),
        }
    }

    /// Makes a directory and the missing ones above it (0755); an existing one is left as it is.
    ///
    /// # Errors
    /// If a part of the path is unsafe or can't be made.
    pub fn make_dir(&self, path: &Path, mode: u32) -> Result<()> {
        self.refuse_unsafe_directory(path)?;
        if matches!(self.find(path)?, Found::Directory(_)) {
            return Ok(());
        }
        let real = self.path(path);
        let make = || -> io::Result<()> {
            if let Some(parent) = real.parent() {
                fs::DirBuilder::new()
                    .recursive(true)
                    .mode(0o755)
                    .create(parent)?;
            }
            fs::DirBuilder::new().mode(mode).create(&real)?;
            if let Some(parent) = real.parent() {
                File::open(parent)?.sync_all()?;
            }
            Ok(())
        };
        make().with_context(|| format!("creating the directory {}", path.display()))
    }

    /// Sets a directory's mode.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn set_mode(&self, path: &Path, mode: u32) -> Result<()> {
        fs::set_permissions(self.path(path), fs::Permissions::from_mode(mode))
            .with_context(|| format!("setting the mode of {}", path.display()))
    }

    /// Makes a file for root alone, in whosever directory: never over one that is there, nor through a symlink.
    ///
    /// # Errors
    /// If it is there already, or can't be written; what was begun is then taken away.
    pub fn create_private(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let real = self.path(path);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&real)
            .with_context(|| format!("creating {}", path.display()))?;
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        if written.is_err() {
            let _ = fs::remove_file(&real);
        }
        written.with_context(|| format!("writing {}", path.display()))
    }

    /// Opens a log for appending: 0600, never through a symlink.
    ///
    /// # Errors
    /// If the place is unsafe or can't be written.
    pub fn open_log(&self, path: &Path) -> Result<File> {
        self.refuse_unsafe(path)?;
        OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .custom_flags(nix::libc::O_NOFOLLOW)
            .open(self.path(path))
            .with_context(|| format!("opening {}", path.display()))
    }
}

/// What a file is called until it is complete.
fn unfinished(name: &str) -> String {
    format!(".{name}.new")
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}
