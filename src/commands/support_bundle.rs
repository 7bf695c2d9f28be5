//! `support-bundle`: what somebody needs to know who is to help from afar, and no secret.

mod inspected;
mod parts;
mod search;
mod settings_file;

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::Outcome;
use crate::fault::{Exit, Fault, Result};
use crate::host::Host;
use crate::ui;

/// Every path in the archive lies below this.
const TOP: &str = "streamhub-support";

/// One file of the archive.
struct Part {
    name: String,
    bytes: Vec<u8>,
}

/// Collects, searches for every known secret, and writes one archive that only root may read.
///
/// # Errors
/// If this user may not look, if the archive can't be written, or if a secret is in it all the same.
pub fn run(host: &Host, output: Option<&Path>) -> Result<Outcome> {
    if !host.is_root() {
        return Err(
            Fault::new(Exit::NotReady, "only root may look at this node")
                .fix("run it as root: sudo streamhub-install support-bundle")
                .into(),
        );
    }
    let path = match output {
        Some(path) => std::path::absolute(path)?,
        None => std::env::current_dir()?.join(default_name(host)?),
    };
    let (parts, search) = ui::step("collect what tells of this node", || parts::collect(host))?;
    let mut left_out = Vec::new();
    let mut kept = Vec::new();
    for part in parts {
        match search.cleaned(&part.bytes) {
            Some(bytes) if !search.finds(part.name.as_bytes()) => {
                kept.push(Part { bytes, ..part });
            }
            _ => left_out.push(part.name),
        }
    }
    let archive = archive(&kept)?;
    // What each part alone does not hold, all of them together do not either; and yet it is looked at.
    if search.finds(&archive) {
        return Err(Fault::new(
            Exit::Failed,
            "a secret is in the archive all the same: nothing was written",
        )
        .fix("run it again; if that does not help, tell whoever maintains this program")
        .into());
    }
    host.create_private(&path, &compressed(&archive)?)?;
    for name in &left_out {
        ui::warn(&format!(
            "{name} was left out: a secret in it can't be taken out"
        ));
    }
    ui::result(&format!(
        "{}: {} files, searched for {} secrets of this node. Look at it before you send it: tar -tzf {0}",
        path.display(),
        kept.len(),
        search.secrets(),
    ));
    Ok(Outcome::default())
}

fn default_name(host: &Host) -> Result<PathBuf> {
    let time = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let time: String = time.chars().filter(char::is_ascii_alphanumeric).collect();
    let name = host.short_name()?;
    Ok(PathBuf::from(format!(
        "streamhub-support-{name}-{time}.tar.gz"
    )))
}

fn archive(parts: &[Part]) -> Result<Vec<u8>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let mut archive = tar::Builder::new(Vec::new());
    for part in parts {
        let mut header = tar::Header::new_gnu();
        header.set_size(part.bytes.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(now);
        let path = format!("{TOP}/{}", part.name);
        archive.append_data(&mut header, path, part.bytes.as_slice())?;
    }
    Ok(archive.into_inner()?)
}

fn compressed(archive: &[u8]) -> Result<Vec<u8>> {
    use std::io::Write;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(archive)?;
    Ok(encoder.finish()?)
}
