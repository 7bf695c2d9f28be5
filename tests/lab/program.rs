//! The programs that tests bring to a host.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::place::lock;

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// The program under test. Built against this machine's C library, which the hosts' must not be older than.
pub fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_streamhub-install"))
}

/// What `make dist` makes, for operators who fetch from this address: a directory with install.sh and the binary.
pub fn dist(base_url: &str, directory: &Path) {
    let _lock = lock("build-release");
    let output = builder(concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/dist.sh"))
        .arg(base_url)
        .arg(directory)
        .env("CARGO_TARGET_DIR", target_directory())
        .output()
        .expect("there is a shell");
    assert!(output.status.success(), "{output:?}");
    println!("{}", String::from_utf8_lossy(&output.stdout));
}

/// The same as operators get it: what is measured is measured on this one.
pub fn release_program() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(build_release).clone()
}

fn target_directory() -> &'static Path {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent();
    target.expect("cargo's temporary directory is in its target directory")
}

/// A program that builds, as an operator would start it: what cargo tells a test of its package would look like a
/// change to build scripts, and all be built anew.
fn builder(program: &str) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

fn build_release() -> PathBuf {
    let target = target_directory();
    let _lock = lock("build-release");
    let status = builder(env!("CARGO"))
        .args([
            "build",
            "--quiet",
            "--release",
            "--bin",
            "streamhub-install",
        ])
        .arg("--target-dir")
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .expect("cargo runs");
    assert!(status.success(), "the program does not build");
    target.join("release/streamhub-install")
}

/// One of the stand-ins (`origin`, `node`, `livekit-server`, `ingress`, `egress`), linked statically: an image holds nothing else.
pub fn standin(name: &str) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(build_standins).join(name)
}

fn build_standins() -> PathBuf {
    let target = target_directory().join("standins");
    let _lock = lock("build-standins");
    let status = builder(env!("CARGO"))
        .args([
            "build",
            "--quiet",
            "--release",
            "--package",
            "standins",
            "--target",
            TARGET,
        ])
        .arg("--target-dir")
        .arg(&target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .status()
        .expect("cargo runs");
    assert!(status.success(), "the stand-ins do not build");
    target.join(TARGET).join("release")
}
