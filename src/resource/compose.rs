//! The compose file, and what a service's digest is made of.

mod base;
mod digest;
mod variables;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::{Change, Env, File, Resource, is_signed};
use crate::engine::docker;
use crate::env_file::EnvFile;
use crate::exec::Program;
use crate::fault::Result;
use crate::host::{Found, Host};
use crate::receipt::Owned;
use crate::render::{render, source};

pub use base::BaseFile;
use digest::{contents, digest};

/// Where an operator may change what the compose file says: run by hand, compose merges the first of them
/// that is there (the specification's default file names), and so do we.
const OVERRIDES: &[&str] = &[
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
    /// What our file is called in the directory.
    pub file: &'static str,
    /// The compose file below ours; `None` where ours is the only one.
    pub base: Option<Base>,
    pub dir: PathBuf,
    /// The compose project.
    pub project: String,
    pub services: Vec<Service>,
    /// What the role's templates are told besides `project`, `images`, `digests` and `redis_options`.
    pub values: minijinja::Value,
    pub env: Env,
}

/// A compose file that ours is a layer upon.
#[derive(Clone, Debug)]
pub enum Base {
    /// StreamHub's own, in its source tree: nothing until that is there.
    OfSource,
    /// One of ours, with this text.
    Ours(String),
}

/// The name of a compose file that is not a layer.
pub const BASE: &str = "docker-compose.yml";
/// The name of our layer upon StreamHub's own.
pub const LAYER: &str = "docker-compose.streamhub.yml";

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
        let base = self.base(host)?;
        let layer = self.operators_layer(host)?.map(|(_, text)| text);
        let digests = self
            .services
            .iter()
            .map(|service| {
                let mut parts = self.parts(service.name, &base, &env, layer.as_deref())?;
                let mounted = base.mounted(service.name, &env);
                parts.push(contents(host, &self.dir, &mounted)?);
                let everything = base.has_env_file(service.name).then(|| env.assignments());
                Ok((service.name, digest(&parts, &env, everything)?))
            })
            .collect::<Result<Vec<_>>>()?;
        let text = render(
            &format!("{}/{}", self.role, self.file),
            self.context(&digests, &base, &env)?,
        )?;
        Ok(Rendered { text, digests })
    }

    /// The compose file below ours, as it is now; an empty one where there is none.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn base(&self, host: &Host) -> Result<BaseFile> {
        let text = match &self.base {
            None => None,
            Some(Base::Ours(text)) => Some(text.clone()),
            Some(Base::OfSource) => host.read_text(&self.dir.join(BASE))?,
        };
        BaseFile::parse(&text.unwrap_or_default()).context(BASE)
    }

    /// Everything that makes the service what it is: its definition and its configuration.
    fn parts(
        &self,
        service: &str,
        base: &BaseFile,
        env: &EnvFile,
        operators_layer: Option<&str>,
    ) -> Result<Vec<String>> {
        let blank: Vec<_> = self
            .services
            .iter()
            .map(|s| (s.name, String::new()))
            .collect();
        let mut parts = ["yml", "config.yml"]
            .map(|part| format!("{}/{service}.{part}", self.role))
            .into_iter()
            // In a layer not every service has both.
            .filter(|template| !source(template).is_empty())
            .map(|template| render(&template, self.context(&blank, base, env)?))
            .collect::<Result<Vec<_>>>()?;
        if self.base.is_some() {
            parts.push(base.part(service)?);
        }
        // Which of the services it is about, only compose knows.
        parts.extend(operators_layer.map(str::to_owned));
        Ok(parts)
    }

    fn context(
        &self,
        digests: &[(&str, String)],
        base: &BaseFile,
        env: &EnvFile,
    ) -> Result<minijinja::Value> {
        Ok(minijinja::context! {
            redis_options => base.redis_options(env)?,
            project => self.project.clone(),
            images => by_name(self.services.iter().map(|s| (s.name, s.image))),
            digests => by_name(digests.iter().map(|(name, digest)| (*name, digest.as_str()))),
            ..self.values.clone()
        })
    }

    /// An operator's own layer, and its text.
    fn operators_layer(&self, host: &Host) -> Result<Option<(PathBuf, String)>> {
        let Some(name) = operators_layer(host, &self.dir)? else {
            return Ok(None);
        };
        let path = self.dir.join(name);
        let text = host.read_text(&path)?;
        Ok(text.map(|text| (path, text)))
    }

    /// The image of each service: what the compose file below ours names, or our own choice where it names none.
    ///
    /// # Errors
    /// If a file can't be read, or an image's name has a variable without a value.
    pub fn images(&self, host: &Host) -> Result<BTreeMap<&'static str, String>> {
        let base = self.base(host)?;
        let (_, env) = self.env.wanted(host)?;
        let services = self.services.iter();
        let image = |service: &Service| {
            let named = base.image(service.name, &env)?;
            let image = named.unwrap_or_else(|| service.image.to_owned());
            Ok((service.name, image))
        };
        services.map(image).collect()
    }

    /// Whether the core's image is built here, from a source tree.
    pub fn builds_core(&self) -> bool {
        matches!(self.base, Some(Base::OfSource))
    }

    /// The files that compose merges, in its order.
    ///
    /// # Errors
    /// If one can't be read.
    pub fn layers(&self, host: &Host) -> Result<Vec<PathBuf>> {
        let base = self.base.as_ref().map(|_| self.dir.join(BASE));
        let layer = self.operators_layer(host)?.map(|(path, _)| path);
        Ok(base.into_iter().chain([self.path()]).chain(layer).collect())
    }

    /// `docker compose`, told everything that the operator's environment could otherwise decide.
    ///
    /// # Errors
    /// If a file can't be read.
    pub(super) fn compose(&self, host: &Host) -> Result<Program> {
        let program = docker()
            .args(["compose", "--project-name", &self.project])
            .arg("--project-directory")
            .arg(&self.dir)
            .arg("--env-file")
            .arg(self.dir.join(".env"));
        let files = self.layers(host)?.into_iter();
        Ok(files.fold(program, |program, file| program.arg("--file").arg(file)))
    }

    /// Where our compose file lies.
    pub fn path(&self) -> PathBuf {
        self.dir.join(self.file)
    }
}

/// The name of an operator's own layer in a directory, if there is one.
///
/// # Errors
/// If the kernel won't say.
pub fn operators_layer(host: &Host, dir: &Path) -> Result<Option<&'static str>> {
    for name in OVERRIDES {
        if matches!(host.find(&dir.join(name))?, Found::File(_) | Found::Symlink) {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

fn by_name<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> BTreeMap<String, String> {
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
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
