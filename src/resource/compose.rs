//! The compose file, and what a service's digest is made of.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context;
use sha2::{Digest, Sha256};

use super::{Change, Env, File, Resource};
use crate::engine::PROJECT;
use crate::env_file::EnvFile;
use crate::fault::Result;
use crate::host::Host;
use crate::receipt::Owned;
use crate::render::render;

/// The label by which a running container tells what it was made from.
pub const DIGEST_LABEL: &str = "studio.streamhub.digest";

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
        let digests = self
            .services
            .iter()
            .map(|service| Ok((service.name, self.digest(service.name, &env)?)))
            .collect::<Result<Vec<_>>>()?;
        let text = render(
            &format!("{}/docker-compose.yml", self.role),
            self.values(&digests),
        )?;
        Ok(Rendered { text, digests })
    }

    /// Everything that makes the service what it is: its definition, its configuration, and the value
    /// of every variable in either. A container made from something else has another digest.
    fn digest(&self, service: &str, env: &EnvFile) -> Result<String> {
        let blank: Vec<_> = self
            .services
            .iter()
            .map(|s| (s.name, String::new()))
            .collect();
        let mut digest = Sha256::new();
        for part in ["yml", "config.yml"] {
            let text = render(
                &format!("{}/{service}.{part}", self.role),
                self.values(&blank),
            )?;
            digest.update(&text);
            for name in variables(&text) {
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
            project => PROJECT,
            redis => self.redis.clone(),
            images => by_name(self.services.iter().map(|s| (s.name, s.image))),
            digests => by_name(digests.iter().map(|(name, digest)| (*name, digest.as_str()))),
        }
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
        self.file(host)?.probe(host)
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
