//! What tells that a container is made from what is wanted now.

use std::path::{Component, Path};

use anyhow::Context;
use sha2::{Digest, Sha256};

use super::super::source_tree::is_kept;
use super::variables::variables;
use crate::env_file::EnvFile;
use crate::fault::Result;
use crate::host::{Found, Host};

/// A larger file is no configuration.
const LARGEST: u64 = 1 << 20;

/// Of the texts and the value of every variable in them; of everything in `.env` for a service that is given all. A
/// container made from something else has another one.
///
/// # Errors
/// If a variable's value is one that only compose resolves.
pub fn digest(parts: &[String], env: &EnvFile, everything: Option<String>) -> Result<String> {
    let mut digest = Sha256::new();
    for text in parts {
        digest.update(text);
        for name in variables(text) {
            let value = env.get(name).context("making a service's digest")?;
            digest.update(format!("\0{name}={}", value.unwrap_or_default()));
        }
    }
    digest.update(everything.unwrap_or_default());
    Ok(in_hex(digest))
}

/// A line on each of these files that is part of the source tree in this directory: what a service keeps in files of its
/// own says nothing about its definition.
///
/// # Errors
/// If one can't be read.
pub fn contents(host: &Host, dir: &Path, mounted: &[String]) -> Result<String> {
    let mut lines = String::new();
    for source in mounted {
        let path = dir.join(source);
        let Ok(relative) = path.strip_prefix(dir) else {
            continue;
        };
        let leads_out = relative
            .components()
            .any(|part| part == Component::ParentDir);
        if leads_out || is_kept(relative) {
            continue;
        }
        match host.find(&path)? {
            Found::File(metadata) if metadata.len() <= LARGEST => {}
            _ => continue,
        }
        let bytes = host.read(&path)?.unwrap_or_default();
        let sum = in_hex(Sha256::new_with_prefix(bytes));
        lines.push_str(&format!("{} {sum}\n", relative.display()));
    }
    Ok(lines)
}

/// Half of it is plenty to tell two apart, and gives nothing away.
fn in_hex(digest: Sha256) -> String {
    let half = &digest.finalize()[..16];
    half.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mounted_file_of_the_source_tells_and_a_services_own_does_not() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::new(root.path());
        let dir = Path::new("/opt/streamhub");
        host.make_dir(&dir.join("deploy"), 0o755).unwrap();
        host.make_dir(&dir.join("data"), 0o755).unwrap();
        let mounted = [
            "./deploy/a.yaml",
            "./data/state",
            "../../etc/passwd",
            "/etc/hosts",
            "./deploy",
        ];
        let mounted = mounted.map(str::to_owned);
        let write = |path: &str, text: &[u8]| host.write(&dir.join(path), text, 0o644).unwrap();
        let now = || contents(&host, dir, &mounted).unwrap();
        write("deploy/a.yaml", b"a: 1\n");
        let first = now();
        write("data/state", b"changed\n");
        assert_eq!(now(), first);
        assert_eq!(first.lines().count(), 1, "{first}");
        write("deploy/a.yaml", b"a: 2\n");
        assert_ne!(now(), first);
    }
}
