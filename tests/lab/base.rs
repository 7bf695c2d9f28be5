//! The layers that hosts are overlays of, built once by `base.sh`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::disk::{Overlay, mount_overlay};
use crate::place::built_once;
use crate::process::must;

const SCRIPT: &str = include_str!("base.sh");
/// Debian 13: the release whose systemd, apt, ufw and Docker come closest to Ubuntu 24.04's.
const SUITE: &str = "trixie";

/// What a host has installed before a test touches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// A fresh server: no Docker, but its packages are in apt's cache.
    Bare,
    /// The same with Docker installed and enabled.
    Docker,
    /// That with all that an origin needs besides: nginx, which runs, certbot, git and rsync.
    Origin,
}

impl Layer {
    /// The layer's directories, topmost first, built if they are not there.
    pub fn directories(self) -> Vec<PathBuf> {
        match self {
            Self::Bare => {
                let mirror = mirror();
                let bare = built_once("bare", &key(&mirror), |dir| {
                    run_script(dir, &["bare", &text(&dir.join("root")), SUITE, &mirror]);
                });
                vec![bare.join("root")]
            }
            Self::Docker => on_top_of(Self::Bare, "docker"),
            Self::Origin => on_top_of(Self::Docker, "origin"),
        }
    }
}

/// A program that no host has installed, `caddy` or `pebble`: for an image, or to be pushed to a host.
pub fn tool(name: &str) -> PathBuf {
    let layers = on_top_of(Layer::Bare, "tools");
    layers[0].join("srv/tools/usr/bin").join(name)
}

fn key(mirror: &str) -> [&[u8]; 3] {
    [SCRIPT.as_bytes(), SUITE.as_bytes(), mirror.as_bytes()]
}

/// What the script's part of this name adds to a layer: all directories, topmost first.
fn on_top_of(below: Layer, part: &str) -> Vec<PathBuf> {
    let below = below.directories();
    let built = built_once(part, &key(&mirror()), |dir| {
        let overlay = Overlay::create(dir);
        mount_overlay(&below, &overlay);
        run_script(dir, &[part, &text(&overlay.root)]);
        must("umount", &[&text(&overlay.root)]);
    });
    [vec![built.join("upper")], below].concat()
}

/// Leaves the script's output beside what it builds: the first thing to read when it fails.
fn run_script(dir: &Path, args: &[&str]) {
    let script = dir.join("base.sh");
    fs::write(&script, SCRIPT).expect("the layer's directory is writable");
    let mut all = vec![text(&script)];
    all.extend(args.iter().map(|a| (*a).to_owned()));
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let log = must("sh", &all);
    fs::write(dir.join("log"), log).expect("the layer's directory is writable");
}

/// A Debian mirror that this machine can reach, read from its own apt configuration.
fn mirror() -> String {
    if let Ok(given) = std::env::var("STREAMHUB_LAB_MIRROR")
        && !given.is_empty()
    {
        return given;
    }
    let sites = must("apt-get", &["indextargets", "--format", "$(REPO_URI)"]);
    sites
        .lines()
        .map(|uri| uri.trim_end_matches('/'))
        .find(|uri| uri.ends_with("/debian"))
        .expect("this machine's apt knows no Debian mirror: set STREAMHUB_LAB_MIRROR to the address of one")
        .to_owned()
}

fn text(path: &Path) -> String {
    path.to_str().expect("the lab's paths are text").to_owned()
}
