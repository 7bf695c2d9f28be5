//! A host's disk: an overlay of a layer, with Docker's own directories beside it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::process::{attempt, must};

/// The directories of one overlay.
#[derive(Clone, Debug)]
pub struct Overlay {
    /// What differs from the layers below.
    pub upper: PathBuf,
    work: PathBuf,
    /// The whole, where it is mounted.
    pub root: PathBuf,
}

impl Overlay {
    /// An empty one in `dir`.
    pub fn create(dir: &Path) -> Self {
        let overlay = Self {
            upper: dir.join("upper"),
            work: dir.join("work"),
            root: dir.join("root"),
        };
        for part in [&overlay.upper, &overlay.work, &overlay.root] {
            fs::create_dir_all(part).expect("the lab's directory is writable");
        }
        overlay
    }
}

/// Mounts it over these layers, topmost first.
///
/// Mounted `volatile`: a sync costs nothing, and what an overlay loses when this machine itself goes down is of no use
/// to anyone.
pub fn mount_overlay(layers: &[PathBuf], overlay: &Overlay) {
    let layers: Vec<&str> = layers
        .iter()
        .map(|l| l.to_str().expect("the lab's paths are text"))
        .collect();
    let options = format!(
        "lowerdir={},upperdir={},workdir={},volatile",
        layers.join(":"),
        overlay.upper.display(),
        overlay.work.display()
    );
    let root = overlay.root.to_string_lossy();
    must(
        "mount",
        &["-t", "overlay", "overlay", "-o", &options, &root],
    );
}

/// Removes a directory of the lab with everything that is mounted below it.
pub fn remove(dir: &Path) {
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("/proc is mounted");
    let below: Vec<&str> = mounts
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        .filter(|at| Path::new(at).starts_with(dir))
        .collect();
    for at in below.iter().rev() {
        // Lazily: a process that is just going away may still have its working directory there.
        let _ = attempt("umount", &["--lazy", at]);
    }
    if let Err(e) = fs::remove_dir_all(dir)
        && e.kind() != std::io::ErrorKind::NotFound
    {
        // Not worth a test's failure, and the next run tries again.
        eprintln!("lab: cannot remove {}: {e}", dir.display());
    }
}
