//! What a host's disk holds that its base does not.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::host::Host;

/// What changes on a host that nobody touches, and why. `/run`, `/proc` and the like are no part of the disk, nor are
/// `/var/lib/docker` and `/var/lib/containerd`.
pub const VOLATILE: &[(&str, &str)] = &[
    ("/etc/machine-id", "made at the first boot"),
    ("/tmp", "anyone's"),
    ("/var/tmp", "anyone's"),
    ("/var/log/journal", "grows all the time"),
];

/// Path on the host, and what is there: type, mode, owner, and the digest of its content or where it points; or `gone`
/// for what the base has and the host does not.
pub type Tree = BTreeMap<PathBuf, String>;

impl Host {
    /// What the disk holds that differs from the base, without [`VOLATILE`]. Two trees of a host are equal if nothing
    /// was changed between them, whatever was opened, rewritten in place or put back.
    pub fn tree(&self) -> Tree {
        let mut tree = Tree::new();
        self.compare(Path::new("/"), &mut tree);
        tree
    }

    /// What is at a path: as in [`Self::tree`], and nothing for what is not there. It costs no command on the host.
    pub fn at(&self, path: &str) -> Option<String> {
        describe(&below(&self.disk.root, Path::new(path)))
    }

    /// A file's content, if it is there, in the same way.
    pub fn bytes_at(&self, path: &str) -> Option<Vec<u8>> {
        fs::read(below(&self.disk.root, Path::new(path))).ok()
    }

    fn compare(&self, directory: &Path, tree: &mut Tree) {
        let changed = names(&below(&self.disk.upper, directory));
        // A directory that was removed and made again hides all of the base's without a mark for each.
        let hidden = self
            .layers
            .iter()
            .flat_map(|layer| names(&below(layer, directory)))
            .filter(|name| {
                below(&self.disk.root, &directory.join(name))
                    .symlink_metadata()
                    .is_err()
            });
        for name in changed.into_iter().chain(hidden) {
            let path = directory.join(name);
            if VOLATILE
                .iter()
                .any(|(volatile, _)| path == Path::new(volatile))
            {
                continue;
            }
            let now = describe(&below(&self.disk.root, &path));
            let was = self.in_base(&path);
            let is_directory = now.as_ref().is_some_and(|n| n.starts_with("directory"));
            if now != was {
                tree.insert(path.clone(), now.unwrap_or_else(|| "gone".to_owned()));
            }
            if is_directory {
                self.compare(&path, tree);
            }
        }
    }

    fn in_base(&self, path: &Path) -> Option<String> {
        let at = self.layers.iter().map(|layer| below(layer, path));
        let topmost = at.into_iter().find(|at| at.symlink_metadata().is_ok())?;
        describe(&topmost)
    }
}

/// What is at a path of a mounted disk or of a layer. A layer's mark that a file of the one below is gone counts as
/// nothing.
fn describe(at: &Path) -> Option<String> {
    let meta = at.symlink_metadata().ok()?;
    let (kind, content) = if meta.is_dir() {
        ("directory", String::new())
    } else if meta.is_symlink() {
        let target = fs::read_link(at).ok()?;
        ("link", format!(" -> {}", target.display()))
    } else if meta.is_file() {
        ("file", format!(" {}", digest(at)))
    } else if is_whiteout(&meta) {
        return None;
    } else {
        ("special", format!(" {:x}", meta.rdev()))
    };
    let mode = meta.mode() & 0o7777;
    Some(format!(
        "{kind} {mode:04o} {}:{}{content}",
        meta.uid(),
        meta.gid()
    ))
}

fn is_whiteout(meta: &Metadata) -> bool {
    meta.file_type().is_char_device() && meta.rdev() == 0
}

fn digest(at: &Path) -> String {
    let content = fs::read(at).unwrap_or_else(|e| panic!("{}: {e}", at.display()));
    format!("{:x}", Sha256::digest(content))
}

/// The names in a directory; none if it is no directory.
fn names(directory: &Path) -> Vec<std::ffi::OsString> {
    let is_directory = directory.symlink_metadata().is_ok_and(|m| m.is_dir());
    let entries = is_directory.then(|| fs::read_dir(directory).ok()).flatten();
    entries
        .into_iter()
        .flatten()
        .flatten()
        .map(|e| e.file_name())
        .collect()
}

/// The place in a layer of an absolute path on the host.
fn below(layer: &Path, path: &Path) -> PathBuf {
    layer.join(
        path.strip_prefix("/")
            .expect("paths on a host are absolute"),
    )
}
