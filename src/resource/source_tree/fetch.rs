//! Where StreamHub's source comes from: git, else an archive over HTTP. An archive whose checksum is pinned has to match
//! it, and git is then not asked: it would pass the pin by.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use reqwest::Method;
use sha2::{Digest, Sha256};
use url::Url;

use super::git::Repository;
use super::marker::Version;
use crate::fault::{Exit, Fault, Result};
use crate::host::Host;
use crate::http::{self, Bounds};
use crate::{signals, ui};

const BOUNDS: Bounds = Bounds {
    size: 512 * 1024 * 1024,
    time: Duration::from_secs(900),
    silence: Duration::from_secs(30),
};

/// Where the source is to be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// A git repository, whose default branch counts.
    pub repository: Url,
    /// A tar archive, gzipped or not: taken where git can't be used, or where it is pinned. No redirect is followed.
    pub tarball: Url,
    /// What the archive has to be: 64 hexadecimal digits in lower case.
    pub sha256: Option<String>,
}

/// An archive that was fetched.
#[derive(Debug)]
pub struct Fetched {
    pub archive: PathBuf,
    pub from: Url,
    pub version: Version,
}

impl Source {
    /// The address that is asked first.
    pub fn first(&self) -> &Url {
        match self.sha256 {
            Some(_) => &self.tarball,
            None => &self.repository,
        }
    }

    /// Which version it has now, or `None` where only fetching it would tell. Changes nothing.
    ///
    /// # Errors
    /// If it can't be asked.
    pub fn newest(&self) -> Result<Option<Version>> {
        if let Some(pin) = &self.sha256 {
            return Ok(Some(Version::Archive(pin.clone())));
        }
        match Repository(&self.repository).newest() {
            Ok(commit) => Ok(Some(Version::Commit(commit))),
            Err(e) if signals::check().is_err() => Err(e),
            Err(e) => match ask(&self.tarball) {
                Ok(()) => Ok(None),
                Err(other) => Err(self.fault(&[e, other])),
            },
        }
    }

    /// Fetches the newest into a directory.
    ///
    /// # Errors
    /// If neither git nor the archive can be had, or the archive is not the pinned one.
    pub fn fetch(&self, host: &Host, into: &Path) -> Result<Fetched> {
        let mut failed = Vec::new();
        if self.sha256.is_none() {
            match Repository(&self.repository).fetch(host, into) {
                Ok((archive, commit)) => {
                    return Ok(Fetched {
                        archive,
                        from: self.repository.clone(),
                        version: Version::Commit(commit),
                    });
                }
                Err(e) if signals::check().is_err() => return Err(e),
                Err(e) => failed.push(e),
            }
        }
        if !failed.is_empty() {
            ui::note(&format!(
                "git can't fetch the source: taking {}",
                self.tarball
            ));
        }
        let fetched = download(host, &self.tarball, &into.join("source.tar"));
        match fetched {
            Ok(fetched) => self.hold_to_pin(fetched),
            Err(e) if signals::check().is_err() => Err(e),
            Err(e) => {
                failed.push(e);
                Err(self.fault(&failed))
            }
        }
    }

    fn hold_to_pin(&self, fetched: Fetched) -> Result<Fetched> {
        let Some(pin) = &self.sha256 else {
            return Ok(fetched);
        };
        match &fetched.version {
            Version::Archive(found) if found == pin => Ok(fetched),
            Version::Archive(found) | Version::Commit(found) => Err(Fault::new(
                Exit::Failed,
                format!("{} is not the archive that is expected", fetched.from),
            )
            .why(format!("its SHA-256 is {found}, where {pin} is expected"))
            .fix("if it was meant to change, set STREAMHUB_SRC_SHA256 to what its publisher names; else ask them: nothing was changed")
            .into()),
        }
    }

    fn fault(&self, failed: &[anyhow::Error]) -> anyhow::Error {
        let fault = Fault::new(Exit::Failed, "StreamHub's source can't be fetched");
        let fault = failed.iter().fold(fault, |fault, e| fault.because(e));
        let address = self.first();
        fault
            .fix(format!(
                "check this host's way to {address} (DNS, firewall, git's proxy), then run this again; STREAMHUB_REPO_URL and STREAMHUB_SRC_URL name another place"
            ))
            .into()
    }
}

/// Whether an archive can be had.
fn ask(from: &Url) -> Result<()> {
    let client = http::client(from.scheme() == "https", Vec::new())?;
    let request = client.request(Method::HEAD, from.clone()).build()?;
    let answered = http::send(&client, request).with_context(|| from.to_string())?;
    // Not every server takes the question.
    let is_there = matches!(answered.status, 200 | 405 | 501);
    let to = answered.location.map_or_else(String::new, |to| {
        format!(" (to {to}, which is not followed)")
    });
    ensure!(is_there, "{from} answers {}{to}", answered.status);
    Ok(())
}

fn download(host: &Host, from: &Url, to: &Path) -> Result<Fetched> {
    let client = http::client(from.scheme() == "https", Vec::new())?;
    let request = client
        .request(Method::GET, from.clone())
        .build()
        .with_context(|| from.to_string())?;
    let mut file = host.create_file(to, 0o600)?;
    let mut digest = Sha256::new();
    let mut size = 0;
    http::download(&client, request, BOUNDS, |piece| {
        digest.update(piece);
        size += piece.len();
        file.write_all(piece).context("writing the archive")
    })
    .with_context(|| from.to_string())?;
    ensure!(size > 0, "{from}: the answer is empty");
    Ok(Fetched {
        archive: to.to_owned(),
        from: from.clone(),
        version: Version::Archive(format!("{:x}", digest.finalize())),
    })
}
