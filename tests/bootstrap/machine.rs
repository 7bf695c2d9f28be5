//! What a run of the bootstrap sees as its machine.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};
use standins::tls::Authority;
use tempfile::TempDir;

use crate::server::Server;

/// The directories in which the bootstrap may make one of its own, in its order.
pub const PLACES: &[&str] = &["tmp", "var/tmp", "dev/shm", "root", "usr/local/bin"];

/// The shells that operators pipe it into.
pub const SHELLS: &[&[&str]] = &[&["dash"], &["bash"], &["busybox", "sh"]];

/// Every program that it may need, and no other, is on its PATH.
const TOOLS: &[&str] = &[
    "chmod",
    "curl",
    "find",
    "id",
    "mktemp",
    "openssl",
    "rm",
    "sha256sum",
    "shasum",
    "timeout",
    "uname",
    "wget",
];

const STUB: &str = include_str!("stub.py");
pub const VERSION: &str = "1.2.3";

/// A server, and a directory that is mounted as `/mnt` in every run.
pub struct Machine {
    pub dir: TempDir,
    pub authority: Authority,
    pub server: Server,
}

impl Machine {
    pub fn new() -> Self {
        assert!(nix::unistd::geteuid().is_root(), "these tests need root");
        // Not in /tmp, which is one of the places that a run sees another of.
        let dir = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("there is room");
        let at = |path: &str| dir.path().join(path);
        for place in PLACES {
            fs::create_dir_all(at(place)).expect("it is ours");
        }
        for shared in ["tmp", "var/tmp", "dev/shm"] {
            set_mode(&at(shared), 0o1777);
        }
        fs::create_dir_all(at("served")).expect("it is ours");
        fs::create_dir_all(at("bin")).expect("it is ours");
        for tool in TOOLS {
            symlink(find(tool), at("bin").join(tool)).expect("it is ours");
        }
        let authority = Authority::new();
        fs::write(at("ca.pem"), authority.certificate()).expect("it is ours");
        fs::write(
            at(&format!("served/streamhub-install-{VERSION}-x86_64")),
            STUB,
        )
        .expect("it is ours");
        let server = Server::start(dir.path(), &authority, &[]);
        let machine = Self {
            dir,
            authority,
            server,
        };
        machine.os_release("ID=ubuntu\nVERSION_ID=\"24.04\"\nPRETTY_NAME=\"Ubuntu 24.04.3 LTS\"\n");
        // The ordinary user of a run looks in here, and notes here how the stub was started.
        set_mode(machine.dir.path(), 0o777);
        machine
    }

    pub fn os_release(&self, text: &str) {
        fs::write(self.path("os-release"), text).expect("it is ours");
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    /// Takes a program off the PATH.
    pub fn without(&self, tool: &str) {
        fs::remove_file(self.path("bin").join(tool)).expect("it is there");
    }

    /// Puts a shell script in the place of a program.
    pub fn stub(&self, tool: &str, script: &str) {
        let at = self.path("bin").join(tool);
        let _ = fs::remove_file(&at);
        fs::write(&at, format!("#!/bin/sh\n{script}\n")).expect("it is ours");
        set_mode(&at, 0o755);
    }

    /// The address under which the server serves the binary in this way.
    pub fn url(&self, how: &str) -> String {
        format!("https://127.0.0.1:{}/{how}", self.server.port)
    }

    /// The script as `make dist` stamps it.
    pub fn script(&self) -> String {
        let digest = format!("{:x}", Sha256::digest(STUB));
        stamped(&self.url("releases"), &digest)
    }

    /// What lies in the places where the bootstrap may have been.
    pub fn leftovers(&self) -> Vec<PathBuf> {
        let entries = PLACES.iter().flat_map(|place| {
            fs::read_dir(self.path(place))
                .expect("it is there")
                .flatten()
        });
        entries.map(|entry| entry.path()).collect()
    }

    /// How the stub was started, if it was, since this was asked last.
    pub fn report(&self) -> Option<serde_json::Value> {
        let at = self.path("report");
        let text = fs::read_to_string(&at).ok()?;
        fs::remove_file(at).expect("it is ours");
        Some(serde_json::from_str(&text).expect("it is JSON"))
    }
}

/// install.sh, stamped with an address and a digest.
pub fn stamped(url: &str, digest: &str) -> String {
    let output = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/stamp.sh"))
        .args([VERSION, url, digest])
        .output()
        .expect("there is a shell");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("it is text")
}

/// Where a program lies, past any shim of an operator's own.
pub fn find(tool: &str) -> PathBuf {
    which::which_in(tool, Some("/usr/bin:/bin:/usr/sbin:/sbin"), "/")
        .unwrap_or_else(|e| panic!("{tool}: {e}; make tools installs it"))
}

pub fn set_mode(at: &Path, mode: u32) {
    fs::set_permissions(at, fs::Permissions::from_mode(mode)).expect("it is ours");
}
