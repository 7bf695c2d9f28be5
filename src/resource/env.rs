//! A `.env` file, in which only some keys are ours.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::Context;

use super::file::access_change;
use super::{Change, Resource, diff};
use crate::env_file::EnvFile;
use crate::fault::Result;
use crate::host::{Found, Host};
use crate::receipt::Owned;

/// Read by root and by nobody else, always.
const MODE: u32 = 0o600;

/// What is wanted of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// This value, at every run.
    Set(String),
    /// This value, unless the key has one.
    Default(String),
    /// Not there.
    Absent,
}

/// Keys in a `.env` file.
#[derive(Clone, Debug)]
pub struct Env {
    pub path: PathBuf,
    /// The file where there is none yet: every key in its place, with comments.
    pub template: &'static str,
    pub keys: Vec<(&'static str, Rule)>,
    /// The keys whose values are masked in a diff.
    pub secret: &'static [&'static str],
}

impl Env {
    /// The file as it should be, and as it is if it is there.
    ///
    /// # Errors
    /// If it can't be read or a value can't be written.
    pub fn wanted(&self, host: &Host) -> Result<(Option<EnvFile>, EnvFile)> {
        let place = || format!("{}", self.path.display());
        let old = host
            .read_ours(&self.path)?
            .map(|bytes| EnvFile::parse(&bytes))
            .transpose()
            .with_context(place)?;
        let mut new = match &old {
            Some(old) => old.clone(),
            None => EnvFile::parse(self.template.as_bytes())?,
        };
        for (key, rule) in &self.keys {
            match rule {
                Rule::Set(value) => new.set(key, value).with_context(place)?,
                Rule::Default(value) if new.get(key)?.is_none() => {
                    new.set(key, value).with_context(place)?
                }
                Rule::Default(_) => {}
                Rule::Absent => new.remove(key),
            }
        }
        Ok((old, new))
    }

    /// The diff, with every secret masked and a changed one told from an equal one.
    fn masked_diff(&self, old: &EnvFile, new: &EnvFile) -> String {
        let is_secret = |key: &str| self.secret.contains(&key);
        let changed: BTreeSet<&str> = self
            .secret
            .iter()
            .copied()
            .filter(|key| old.get(key).ok() != new.get(key).ok())
            .collect();
        let mask = |when: &'static str| {
            let changed = changed.clone();
            move |key: &str| {
                if changed.contains(key) {
                    format!("(secret, {when})")
                } else {
                    "(secret)".to_owned()
                }
            }
        };
        // Only lines that change are shown: what stands beside them may be an operator's own secret.
        diff(
            0,
            &old.masked(is_secret, mask("old")),
            &new.masked(is_secret, mask("new")),
        )
    }
}

impl Resource for Env {
    fn name(&self) -> String {
        format!("file {}", self.path.display())
    }

    fn probe(&self, host: &Host) -> Result<Change> {
        host.refuse_unsafe(&self.path)?;
        let (old, new) = self.wanted(host)?;
        let Some(old) = old else {
            return Ok(Change::Create(Some(
                self.masked_diff(&EnvFile::default(), &new),
            )));
        };
        if old.text() != new.text() {
            return Ok(Change::Update(self.masked_diff(&old, &new)));
        }
        match host.find(&self.path)? {
            Found::File(metadata) => Ok(access_change(host, &metadata, MODE)),
            _ => Ok(Change::None),
        }
    }

    fn apply(&self, host: &Host) -> Result<()> {
        let (_, new) = self.wanted(host)?;
        host.write(&self.path, new.text().as_bytes(), MODE)
    }

    fn owned(&self, _host: &Host) -> Vec<Owned> {
        vec![Owned::File {
            path: self.path.clone(),
        }]
    }
}
