//! StreamHub's own source in an origin's install directory, where its core is built and its compose file stands.
//!
//! It is fetched once; after that only a refresh asks for a newer one. A refresh mirrors the source exactly, except what is
//! the operator's or ours (see [`marker::is_kept`]), and removes only what an earlier source brought: files that an
//! operator has added beside it stay.

mod archive;
mod fetch;
mod git;
mod marker;
mod mirror;

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use url::Url;

use self::archive::{MOST, lay_out};
use self::marker::{Marker, NAME, STAGING, Version};
use self::mirror::Mirror;
use super::prebuilt::other_core;
use super::{BASE, Change, Resource, is_signed};
use crate::fault::{Exit, Fault, Result};
use crate::host::{Found, Host};
use crate::receipt::Owned;
use crate::signals;

pub use fetch::Source;
pub(super) use marker::{NAME as MARKER, STAGING as UNFINISHED_TREE, is_kept};

/// Without these it is not StreamHub's.
const TELLING: &[&str] = &["docker-compose.yml", "deploy/Dockerfile"];

/// The source tree.
#[derive(Clone, Debug)]
pub struct SourceTree {
    dir: PathBuf,
    upstream: Source,
    /// Whether a tree that is there is to become the newest.
    refresh: bool,
    /// The newest version: asked once in a run.
    newest: OnceCell<Option<Version>>,
}

/// What has to happen.
#[derive(Debug, PartialEq, Eq)]
enum Need {
    Nothing,
    /// Remove what a killed run has left.
    Clear,
    Fetch,
    /// Complete what a killed run has begun.
    Complete,
    /// Become the newest, in words.
    Refresh(String),
}

impl SourceTree {
    /// The tree in this directory. Only a refresh looks for a newer one where there is one.
    pub fn new(dir: impl Into<PathBuf>, upstream: Source, refresh: bool) -> Self {
        Self {
            dir: dir.into(),
            upstream,
            refresh,
            newest: OnceCell::new(),
        }
    }

    fn staging(&self) -> PathBuf {
        self.dir.join(STAGING)
    }

    fn need(&self, host: &Host) -> Result<Need> {
        host.refuse_unsafe(&self.dir.join(NAME))?;
        let base = self.dir.join(BASE);
        if host.read_ours(&base)?.is_some_and(|text| is_signed(&text)) {
            let why = "without one the core would be built from a source tree, which brings another such file";
            return Err(other_core(
                &base,
                "that of a prebuilt core (--core-image)",
                why,
            ));
        }
        let marker = Marker::load(host, &self.dir)?;
        if marker.as_ref().is_some_and(|marker| !marker.is_whole) {
            return Ok(Need::Complete);
        }
        if !has_telling(host, &self.dir)? {
            return Ok(Need::Fetch);
        }
        if self.refresh
            && let Some(words) = self.newer(host, marker.as_ref())?
        {
            return Ok(Need::Refresh(words));
        }
        Ok(match host.find(&self.staging())? {
            Found::Nothing => Need::Nothing,
            _ => Need::Clear,
        })
    }

    /// What a refresh would change, if anything.
    fn newer(&self, host: &Host, marker: Option<&Marker>) -> Result<Option<String>> {
        let newest = match self.newest.get() {
            Some(newest) => newest,
            None => {
                let newest = self.upstream.newest()?;
                self.newest.get_or_init(|| newest)
            }
        };
        let here = match marker {
            Some(marker) => Some(marker.version.clone()),
            None => git::checkout(host, &self.dir).map(|(commit, _)| Version::Commit(commit)),
        };
        // A tree without a record may be anything: its first refresh mirrors.
        if marker.is_some() && newest.is_some() && here == *newest {
            return Ok(None);
        }
        let from = here.map_or_else(|| "an unknown version".to_owned(), in_words);
        Ok(Some(match newest {
            Some(version) => format!(
                "from {from} to {}, of {}\n",
                in_words(version.clone()),
                self.upstream.first()
            ),
            None => format!(
                "from {from} to what is there now: fetch {} again\n",
                self.upstream.tarball
            ),
        }))
    }

    /// Fetch, lay out, look at it, mirror, record.
    fn bring(&self, host: &Host) -> Result<()> {
        let (dir, staging) = (&self.dir, self.staging());
        host.make_dir(&staging, 0o700)?;
        let fetched = self.upstream.fetch(host, &staging)?;
        let laid = lay_out(host, &fetched.archive, &staging.join("tree"), MOST)
            .and_then(|laid| {
                anyhow::ensure!(
                    has_telling(host, &laid.root)?,
                    "it has no {}",
                    TELLING.join(" or no ")
                );
                Ok(laid)
            })
            .map_err(|e| not_streamhub(&fetched.from, e))?;
        // A file that is moved has to be on the disk, or a power cut makes it an empty one.
        host.sync(&staging)?;
        let brought = self.brought(host)?;
        let mirror = Mirror::prepare(host, dir, &laid, &brought)?;
        signals::check()?;
        let files: BTreeSet<PathBuf> = mirror.wanted().cloned().collect();
        let mut marker = Marker {
            is_whole: false,
            from: fetched.from.to_string(),
            version: fetched.version,
            built: Marker::load(host, dir)?.and_then(|marker| marker.built),
            files: brought.union(&files).cloned().collect(),
        };
        marker.save(host, dir)?;
        mirror.carry_out(host)?;
        host.sync(dir)?;
        marker.is_whole = true;
        marker.files = files;
        marker.save(host, dir)
    }

    /// What an earlier source has brought here, as far as it is known.
    fn brought(&self, host: &Host) -> Result<BTreeSet<PathBuf>> {
        Ok(files(host, &self.dir)?.unwrap_or_default())
    }
}

impl Resource for SourceTree {
    fn name(&self) -> String {
        format!("StreamHub's source in {}", self.dir.display())
    }

    fn probe(&self, host: &Host) -> Result<Change> {
        let from = self.upstream.first();
        Ok(match self.need(host)? {
            Need::Nothing => Change::None,
            Need::Clear => Change::Update("remove what a killed run has left\n".to_owned()),
            Need::Fetch => Change::Create(Some(format!("fetch it from {from}\n"))),
            Need::Complete => Change::Update(format!(
                "complete what a killed run has begun: fetch it from {from}\n"
            )),
            Need::Refresh(words) => Change::Update(words),
        })
    }

    fn apply(&self, host: &Host) -> Result<()> {
        let need = self.need(host)?;
        host.remove_tree(&self.staging())?;
        if need == Need::Clear {
            return Ok(());
        }
        let brought = self.bring(host);
        let cleared = host.remove_tree(&self.staging());
        brought.and(cleared)
    }

    fn owned(&self, _host: &Host) -> Vec<Owned> {
        vec![Owned::SourceTree {
            path: self.dir.clone(),
        }]
    }
}

/// The files of the source tree in a directory, relative to it; `None` where nothing tells them.
pub(super) fn files(host: &Host, dir: &Path) -> Result<Option<BTreeSet<PathBuf>>> {
    Ok(match Marker::load(host, dir)? {
        Some(marker) => Some(marker.files),
        None => git::checkout(host, dir).map(|(_, files)| files),
    })
}

/// Whether the core's image is from the tree that is there, as far as it is known: a predecessor recorded nothing.
pub(super) fn is_built(host: &Host, dir: &Path) -> Result<bool> {
    let marker = Marker::load(host, dir)?;
    Ok(marker.is_none_or(|marker| marker.built.as_ref() == Some(&marker.version)))
}

/// Records that the core's image has been built from the tree that is there.
pub(super) fn record_built(host: &Host, dir: &Path) -> Result<()> {
    let Some(mut marker) = Marker::load(host, dir)? else {
        return Ok(());
    };
    marker.built = Some(marker.version.clone());
    marker.save(host, dir)
}

fn has_telling(host: &Host, tree: &Path) -> Result<bool> {
    for name in TELLING {
        if !matches!(host.find(&tree.join(name))?, Found::File(_)) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn in_words(version: Version) -> String {
    match version {
        Version::Commit(commit) => format!("commit {commit}"),
        Version::Archive(sum) => format!("the archive with SHA-256 {sum}"),
    }
}

fn not_streamhub(from: &Url, error: anyhow::Error) -> anyhow::Error {
    if signals::check().is_err() {
        return error;
    }
    Fault::new(
        Exit::Failed,
        format!("what {from} has can't be used as StreamHub's source"),
    )
    .because(&error)
    .fix("check STREAMHUB_REPO_URL and STREAMHUB_SRC_URL, and this host's disk (df -h), then run this again; the tree is as it was")
    .into()
}

#[cfg(test)]
mod tests;
