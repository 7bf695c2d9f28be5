//! The compose file, and what a service's digest is made of.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context;
use sha2::{Digest, Sha256};

use super::{Change, Env, File, Resource, is_signed};
use crate::env_file::EnvFile;
use crate::fault::Result;
use crate::host::Host;
use crate::receipt::Owned;
use crate::render::render;

/// Where an operator may change what the compose file says: run by hand, compose merges the first of them
/// that is there (the specification's default file names), and so do we.
pub(super) const OVERRIDES: &[&str] = &[
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

/// A service of the stack, by the name that compose knows it under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    pub name: &'static str,
    pub image: &'static str,
}

/// What the stack is made of: the compose file and the stack itself are two views of it.
#[derive(Clone, Debug)]
pub struct Definition {
    /// `templates/<role>/`, where the compose file and each service's parts lie.
    pub role: &'static str,
    pub dir: PathBuf,
    /// The compose project.
    pub project: String,
    pub services: &'static [Service],
    /// What the templates are told of the redis: `username`, `password`, `tls` as yes or no, `db`.
    pub redis: minijinja::Value,
    pub env: Env,
}

/// A compose file's text and each service's digest in it.
#[derive(Clone, Debug)]
pub struct Rendered {
    pub text: String,
    pub digests: Vec<(&'static str, String)>,
}

impl Definition {
    /// Renders the compose file for the `.env` that this host will have.
    ///
    /// # Errors
    /// If `.env` can't be read, or a template is wrong.
    pub fn render(&self, host: &Host) -> Result<Rendered> {
        let (_, env) = self.env.wanted(host)?;
        let layer = self.operators_layer(host)?.map(|(_, text)| text);
        let digests = self
            .services
            .iter()
            .map(|service| {
                Ok((
                    service.name,
                    self.digest(service.name, &env, layer.as_deref())?,
                ))
            })
            .collect::<Result<Vec<_>>>()?;
        let text = render(
            &format!("{}/docker-compose.yml", self.role),
            self.values(&digests),
        )?;
        Ok(Rendered { text, digests })
    }

    /// Everything that makes the service what it is: its definition, its configuration, and the value
    /// of every variable in either. A container made from something else has another digest.
    fn digest(
        &self,
        service: &str,
        env: &EnvFile,
        operators_layer: Option<&str>,
    ) -> Result<String> {
        let blank: Vec<_> = self
            .services
            .iter()
            .map(|s| (s.name, String::new()))
            .collect();
        let mut parts = ["yml", "config.yml"]
            .map(|part| format!("{}/{service}.{part}", self.role))
            .map(|template| render(&template, self.values(&blank)))
            .into_iter()
            .collect::<Result<Vec<_>>>()?;
        // Which of the services it is about, only compose knows.
        parts.extend(operators_layer.map(str::to_owned));
        let mut digest = Sha256::new();
        for text in &parts {
            digest.update(text);
            for name in variables(text) {
                let value = env.get(name).context("making a service's digest")?;
                digest.update(format!("\0{name}={}", value.unwrap_or_default()));
            }
        }
        // Half of it is plenty to tell two apart, and gives nothing away.
        Ok(digest.finalize()[..16]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect())
    }

    fn values(&self, digests: &[(&str, String)]) -> minijinja::Value {
        minijinja::context! {
            project => self.project.clone(),
            redis => self.redis.clone(),
            images => by_name(self.services.iter().map(|s| (s.name, s.image))),
            digests => by_name(digests.iter().map(|(name, digest)| (*name, digest.as_str()))),
        }
    }

    /// An operator's own layer, and its text.
    fn operators_layer(&self, host: &Host) -> Result<Option<(PathBuf, String)>> {
        let mut places = OVERRIDES.iter().map(|name| self.dir.join(name));
        places
            .find_map(|path| match host.read_text(&path) {
                Ok(text) => text.map(|text| Ok((path, text))),
                Err(e) => Some(Err(e)),
            })
            .transpose()
    }

    /// The files that compose merges, in its order.
    ///
    /// # Errors
    /// If one can't be read.
    pub fn layers(&self, host: &Host) -> Result<Vec<PathBuf>> {
        let layer = self.operators_layer(host)?.map(|(path, _)| path);
        Ok(std::iter::once(self.path()).chain(layer).collect())
    }

    /// Where the compose file lies.
    pub fn path(&self) -> PathBuf {
        self.dir.join("docker-compose.yml")
    }
}

fn by_name<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> BTreeMap<String, String> {
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// The names in `${NAME}` and `${NAME:-default}`.
fn variables(text: &str) -> impl Iterator<Item = &str> {
    text.split("${").skip(1).map(|rest| {
        let end = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .unwrap_or(rest.len());
        &rest[..end]
    })
}

/// The compose file on disk. It holds no secret: those are in `.env`.
#[derive(Clone, Debug)]
pub struct ComposeFile(pub Definition);

impl ComposeFile {
    fn file(&self, host: &Host) -> Result<File> {
        Ok(File {
            path: self.0.path(),
            text: self.0.render(host)?.text,
            mode: 0o644,
        })
    }
}

impl Resource for ComposeFile {
    fn name(&self) -> String {
        format!("file {}", self.0.path().display())
    }

    fn probe(&self, host: &Host) -> Result<Change> {
        let change = self.file(host)?.probe(host)?;
        let old = host.read_ours(&self.0.path())?;
        Ok(match change {
            // Its text is somebody else's, and may hold what no plan and no log may show.
            Change::Update(_) if old.is_some_and(|old| !is_signed(&old)) => {
                Change::Update("replace what somebody else wrote".to_owned())
            }
            change => change,
        })
    }

    fn apply(&self, host: &Host) -> Result<()> {
        self.file(host)?.apply(host)
    }

    fn owned(&self, _host: &Host) -> Vec<Owned> {
        vec![Owned::File {
            path: self.0.path(),
        }]
    }
}
