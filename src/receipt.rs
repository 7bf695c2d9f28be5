//! What we own on this host and what was asked for, so that a later run, and an uninstall by a newer
//! version, know without guessing. Never a secret.

mod owned;
mod removal;
mod saved;
mod words;

use std::path::{Path, PathBuf};

use anyhow::Context;
pub use owned::{Entry, Owned};
pub use saved::{Saved, Told};
use serde::{Deserialize, Serialize};

use crate::fault::{Exit, Fault, Result};
use crate::host::{Found, Host};
use crate::{apt, exec};

/// Where it lies.
pub const PATH: &str = "/etc/streamhub/receipt.json";
const DIRECTORY: &str = "/etc/streamhub";
/// The form of this file; a newer one is refused rather than misread.
const VERSION: u32 = 1;

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Origin,
    Edge,
}

impl Role {
    /// `origin` or `edge`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Origin => "origin",
            Self::Edge => "edge",
        }
    }
}

/// The receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    version: u32,
    /// The program's version that wrote it.
    pub written_by: String,
    pub role: Role,
    pub dir: PathBuf,
    /// What the operator asked for; empty until an origin has taken this node.
    pub settings: Saved,
    pub owned: Vec<Entry>,
    /// The compose plugin, once it has told its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compose: Option<Told>,
    /// The node was drained here: its livekit ends with its last call and stays so until it is activated.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub drained: bool,
    /// When the livekit was started that has been told to end. Told twice, it would cut its calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_to_end: Option<String>,
    /// The SHA-256 of an API token that the core was handed and does not take, since it has another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_token: Option<String>,
}

impl Receipt {
    /// The receipt of a first run.
    pub fn new(role: Role, dir: &Path) -> Self {
        Self {
            version: VERSION,
            written_by: env!("CARGO_PKG_VERSION").to_owned(),
            role,
            dir: dir.to_owned(),
            settings: Saved::default(),
            owned: Vec::new(),
            compose: None,
            drained: false,
            told_to_end: None,
            refused_token: None,
        }
    }

    /// The receipt of this host, if there is one.
    ///
    /// # Errors
    /// If it can't be read, or was written by a newer version.
    pub fn load(host: &Host) -> Result<Option<Self>> {
        Self::read(host, Path::new(PATH))
    }

    fn read(host: &Host, path: &Path) -> Result<Option<Self>> {
        let Some(bytes) = host.read_ours(path)? else {
            return Ok(None);
        };
        let form: Form = serde_json::from_slice(&bytes).map_err(|e| damaged(path, &e))?;
        if form.version > VERSION {
            return Err(Fault::new(
                Exit::NotReady,
                format!(
                    "{} was written by a newer version (form {})",
                    path.display(),
                    form.version
                ),
            )
            .fix("use that version or a newer one")
            .into());
        }
        let receipt = serde_json::from_slice(&bytes).map_err(|e| damaged(path, &e))?;
        Ok(Some(receipt))
    }

    /// Notes a change that is about to be made.
    ///
    /// # Errors
    /// If the receipt can't be written.
    pub fn begin(&mut self, host: &Host, things: Vec<Owned>, created: bool) -> Result<()> {
        for thing in things {
            match self.owned.iter_mut().find(|entry| entry.thing == thing) {
                // What we made once stays ours when it is changed.
                Some(entry) => entry.pending = true,
                None => self.owned.push(Entry {
                    created: created || thing.is_named_when_missing(),
                    thing,
                    pending: true,
                }),
            }
        }
        self.save(host)
    }

    /// Notes that every change is complete, also one that a killed run could not note any more.
    ///
    /// # Errors
    /// As [`Receipt::begin`].
    pub fn finish(&mut self, host: &Host) -> Result<()> {
        if !self.owned.iter().any(|entry| entry.pending) {
            return Ok(());
        }
        self.drop_absent(host)?;
        for entry in &mut self.owned {
            entry.pending = false;
        }
        self.save(host)
    }

    /// Notes that a change has failed: what it took back, or never made, is not ours.
    ///
    /// # Errors
    /// As [`Receipt::begin`].
    pub fn fail(&mut self, host: &Host) -> Result<()> {
        self.drop_absent(host)?;
        self.save(host)
    }

    /// What was only going to be ours and is not there would be a stranger's if it came later.
    fn drop_absent(&mut self, host: &Host) -> Result<()> {
        for entry in self.owned.iter_mut().filter(|entry| entry.pending) {
            if let Owned::Packages { names } = &mut entry.thing
                && exec::is_installed("dpkg-query")
            {
                let asked: Vec<&str> = names.iter().map(String::as_str).collect();
                *names = apt::present(&asked)?
                    .into_iter()
                    .map(str::to_owned)
                    .collect();
            }
        }
        let is_there = |entry: &Entry| match &entry.thing {
            Owned::File { path } => !matches!(host.find(path), Ok(Found::Nothing)),
            Owned::Packages { names } => !names.is_empty(),
            // Its own record, or what every source has.
            Owned::SourceTree { path } => [".streamhub-source", "deploy"]
                .iter()
                .any(|name| !matches!(host.find(&path.join(name)), Ok(Found::Nothing))),
            // The change was taken back.
            Owned::Unlinked { path, .. } => matches!(host.find(path), Ok(Found::Nothing)),
            Owned::Certificate { name } => {
                let path = Path::new("/etc/letsencrypt/live").join(name);
                !matches!(host.find(&path), Ok(Found::Nothing))
            }
            _ => true,
        };
        self.owned.retain(|entry| !entry.pending || is_there(entry));
        Ok(())
    }

    /// Whether this file is ours because we made it.
    pub fn has_created(&self, file: &Path) -> bool {
        let is_it = |thing: &Owned| matches!(thing, Owned::File { path } if path == file);
        self.owned
            .iter()
            .any(|entry| entry.created && is_it(&entry.thing))
    }

    /// Keeps the settings for re-runs, if they are new.
    ///
    /// # Errors
    /// As [`Receipt::begin`].
    pub fn keep_settings(&mut self, host: &Host, settings: Saved) -> Result<()> {
        if self.settings == settings {
            return Ok(());
        }
        self.settings = settings;
        self.save(host)
    }

    /// Keeps what the compose plugin has told, if it is new.
    ///
    /// # Errors
    /// As [`Receipt::begin`].
    pub fn keep_compose(&mut self, host: &Host, told: Told) -> Result<()> {
        if self.compose.as_ref() == Some(&told) {
            return Ok(());
        }
        self.compose = Some(told);
        self.save(host)
    }

    /// Notes that the node is drained, and which livekit was told so; or that it is not.
    ///
    /// # Errors
    /// As [`Receipt::begin`].
    pub fn keep_drain(&mut self, host: &Host, drained: bool, told: Option<String>) -> Result<()> {
        if (self.drained, &self.told_to_end) == (drained, &told) {
            return Ok(());
        }
        self.drained = drained;
        self.told_to_end = told;
        self.save(host)
    }

    /// Notes which API token the core refuses, or that it takes the one of `.env`.
    ///
    /// # Errors
    /// As [`Receipt::begin`].
    pub fn keep_refused_token(&mut self, host: &Host, digest: Option<String>) -> Result<()> {
        if self.refused_token == digest {
            return Ok(());
        }
        self.refused_token = digest;
        self.save(host)
    }

    /// Writes it.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn save(&mut self, host: &Host) -> Result<()> {
        self.write(host, Path::new(PATH))
    }

    fn write(&mut self, host: &Host, path: &Path) -> Result<()> {
        self.written_by = env!("CARGO_PKG_VERSION").to_owned();
        let mut text = serde_json::to_string_pretty(self).context("the receipt as JSON")?;
        text.push('\n');
        host.make_dir(Path::new(DIRECTORY), 0o700)?;
        host.write(path, text.as_bytes(), 0o600)
    }
}

#[derive(Deserialize)]
struct Form {
    version: u32,
}

fn damaged(path: &Path, error: &serde_json::Error) -> Fault {
    let path = path.display();
    Fault::new(Exit::NotReady, format!("{path} can't be read as a receipt"))
        .why(error.to_string())
        .fix("if it is damaged, move it away and run the install again with its flags")
}
