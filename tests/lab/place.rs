//! Where the lab keeps what outlives a test, and how test processes that run at once share it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// The lab's directory: on a disk, since Docker cannot keep its layers on an overlay, and outside the source tree.
pub fn lab_dir() -> PathBuf {
    match std::env::var_os("STREAMHUB_LAB_DIR") {
        Some(dir) if !dir.is_empty() => PathBuf::from(dir),
        _ => PathBuf::from("/var/cache/streamhub-lab"),
    }
}

/// A directory below the lab's, created if it is not there yet.
pub fn directory(name: &str) -> PathBuf {
    let dir = lab_dir().join(name);
    fs::create_dir_all(&dir).unwrap_or_else(|e| panic!("cannot create {}: {e}", dir.display()));
    dir
}

/// Holds the lock of this name against every other test process until the returned file is dropped.
pub fn lock(name: &str) -> File {
    let file = lock_file(name);
    file.lock()
        .unwrap_or_else(|e| panic!("cannot lock {name}: {e}"));
    file
}

/// The same, or nothing if another holds it.
pub fn try_lock(name: &str) -> Option<File> {
    let file = lock_file(name);
    file.try_lock().ok().map(|()| file)
}

fn lock_file(name: &str) -> File {
    let path = directory("locks").join(name);
    File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .unwrap_or_else(|e| panic!("cannot open {}: {e}", path.display()))
}

/// The directory `<kind>-<digest of what it is made of>`, built by `build` if no run has built it before.
///
/// `build` gets a directory beside it that is renamed only when it returns: one that was interrupted never counts.
pub fn built_once(kind: &str, made_of: &[&[u8]], build: impl FnOnce(&Path)) -> PathBuf {
    let finished = directory("built").join(format!("{kind}-{}", &digest(made_of)[..16]));
    let _lock = lock(&format!("build-{kind}"));
    if !finished.exists() {
        let building = finished.with_extension("building");
        super::disk::remove(&building);
        fs::create_dir(&building).expect("the lab's directory is writable");
        build(&building);
        fs::rename(&building, &finished).expect("both are in one directory");
    }
    finished
}

/// The digest of several parts, each counted with its length so that no two lists read the same.
fn digest(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    format!("{:x}", hash.finalize())
}
