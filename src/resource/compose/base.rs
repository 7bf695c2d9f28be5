//! A compose file that is not ours: StreamHub's own, which its releases define. Read, never written.

mod redis;

use anyhow::Context;
use yaml_rust2::{Yaml, YamlEmitter, YamlLoader};

use crate::env_file::EnvFile;
use crate::fault::{Exit, Fault, Result};

use super::variables::interpolated;

/// A compose file, as far as it matters here.
#[derive(Clone, Debug)]
pub struct BaseFile(Yaml);

impl BaseFile {
    /// Reads its text.
    ///
    /// # Errors
    /// If it is no YAML.
    pub fn parse(text: &str) -> Result<Self> {
        let mut documents = YamlLoader::load_from_str(text).context("reading it as YAML")?;
        Ok(Self(documents.pop().unwrap_or(Yaml::Null)))
    }

    fn service(&self, name: &str) -> &Yaml {
        &self.0["services"][name]
    }

    /// The services in it that are not among these and say of no image: compose refuses them, and with them all.
    pub fn undefined_services(&self, defined: &[&str]) -> Vec<&str> {
        let services = self.0["services"].as_hash().into_iter().flatten();
        let says_how = |service: &Yaml| {
            ["image", "build", "extends", "provider"]
                .iter()
                .any(|key| !service[*key].is_badvalue())
        };
        services
            .filter(|(_, service)| service.as_hash().is_some() && !says_how(service))
            .filter_map(|(name, _)| name.as_str())
            .filter(|name| !defined.contains(name))
            .collect()
    }

    /// Everything in it that decides over a service: its own section, aliases resolved, and what that names of the
    /// file's other parts.
    ///
    /// # Errors
    /// If it can't be written as text.
    pub fn part(&self, service: &str) -> Result<String> {
        let named = ["configs", "secrets"]
            .into_iter()
            .flat_map(|kind| self.named(service, kind));
        let shared = ["networks", "volumes"].map(|kind| &self.0[kind]);
        let mut text = String::new();
        for yaml in std::iter::once(self.service(service))
            .chain(named)
            .chain(shared)
        {
            YamlEmitter::new(&mut text)
                .dump(yaml)
                .map_err(|e| anyhow::anyhow!("the section of {service}: {e}"))?;
        }
        // As the variables that they are to compose.
        for name in passed_on(self.field(service, "environment")) {
            text.push_str(&format!("\n${{{name}}}"));
        }
        Ok(text)
    }

    /// The entries of this part of the file that a service names, as `name` or as `source: name`.
    fn named(&self, service: &str, kind: &'static str) -> impl Iterator<Item = &Yaml> {
        let names = self.field(service, kind).as_vec();
        let name = |item: &Yaml| {
            let name = item.as_str().or_else(|| item["source"].as_str());
            name.map(str::to_owned)
        };
        let names: Vec<String> = names.into_iter().flatten().filter_map(name).collect();
        names
            .into_iter()
            .map(move |name| &self.0[kind][name.as_str()])
    }

    /// Whether a service takes its environment from a file: then every key of `.env` decides over it.
    pub fn has_env_file(&self, service: &str) -> bool {
        !self.field(service, "env_file").is_badvalue()
    }

    /// Whether a service's image is built here.
    pub fn is_built(&self, service: &str) -> bool {
        !self.field(service, "build").is_badvalue()
    }

    /// A service's image, variables in it resolved; `None` where it names none.
    ///
    /// # Errors
    /// [`Exit::NotReady`] if a variable has no value that it needs, or one that only compose can tell.
    pub fn image(&self, service: &str, env: &EnvFile) -> Result<Option<String>> {
        let Some(text) = self.field(service, "image").as_str() else {
            return Ok(None);
        };
        let unknown = || {
            Fault::new(
                Exit::NotReady,
                format!("which image {service} runs can't be told from {text}"),
            )
            .fix("write the values of its variables out in .env")
            .into()
        };
        interpolated(text, env).map(Some).ok_or_else(unknown)
    }

    /// The files of this host that a service is given, as the compose file names them; directories and a volume's name
    /// may be among them.
    pub fn mounted(&self, service: &str, env: &EnvFile) -> Vec<String> {
        let volumes = self.field(service, "volumes").as_vec();
        let volumes = volumes
            .into_iter()
            .flatten()
            .map(|volume| &volume["source"]);
        let short = self.field(service, "volumes").as_vec();
        let short = short.into_iter().flatten().filter_map(Yaml::as_str);
        let files = ["configs", "secrets"]
            .into_iter()
            .flat_map(|kind| self.named(service, kind))
            .map(|entry| &entry["file"]);
        let long = volumes.chain(files).filter_map(Yaml::as_str);
        // Its variables first: a default's colon is none of the volume's.
        let source = |text: &str| {
            let text = interpolated(text, env)?;
            Some(text.split(':').next()?.to_owned())
        };
        short.chain(long).filter_map(source).collect()
    }

    /// A field of a service, or of what it merges in.
    fn field(&self, service: &str, name: &str) -> &Yaml {
        field(self.service(service), name)
    }

    /// The options about its data with which StreamHub's own file starts redis.
    ///
    /// # Errors
    /// If it is started in a way that does not tell them.
    pub fn redis_options(&self, env: &EnvFile) -> Result<Vec<String>> {
        if self.service("redis").is_badvalue() {
            return Ok(Vec::new());
        }
        let has_entrypoint = !matches!(
            self.field("redis", "entrypoint"),
            Yaml::BadValue | Yaml::Null
        );
        if has_entrypoint {
            return Err(redis::unknown("it has an entrypoint of its own"));
        }
        redis::options(self.field("redis", "command"), env)
    }
}

/// A field of a section, or of the first that has it of those that it merges in.
fn field<'a>(section: &'a Yaml, name: &str) -> &'a Yaml {
    let own = &section[name];
    if !own.is_badvalue() {
        return own;
    }
    let merged = match &section["<<"] {
        Yaml::Array(sections) => sections.as_slice(),
        Yaml::BadValue => &[],
        section => std::slice::from_ref(section),
    };
    let mut found = merged.iter().map(|section| field(section, name));
    found.find(|found| !found.is_badvalue()).unwrap_or(own)
}

/// The variables that an environment passes on from `.env`: those without a value of their own.
fn passed_on(environment: &Yaml) -> Vec<&str> {
    match environment {
        Yaml::Array(items) => items
            .iter()
            .filter_map(Yaml::as_str)
            .filter(|item| !item.contains('='))
            .collect(),
        Yaml::Hash(pairs) => pairs
            .iter()
            .flat_map(|(name, value)| match (name.as_str(), value) {
                (Some("<<"), Yaml::Array(merged)) => merged.iter().flat_map(passed_on).collect(),
                (Some("<<"), merged) => passed_on(merged),
                (Some(name), Yaml::Null) => vec![name],
                _ => Vec::new(),
            })
            .collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "
x-media: &media
  image: example/media:${TAG:-latest}
services:
  redis:
    image: redis:7-alpine
    command: redis-server --bind ${REDIS_BIND:-127.0.0.1} --requirepass ${REDIS_PASSWORD} --appendonly yes --save 60 1
  core:
    build: .
    image: streamhub-core:local
    env_file: .env
  livekit:
    <<: *media
    command: [--config, /etc/livekit.yaml]
    configs: [{source: livekit, target: /etc/livekit.yaml}]
configs:
  livekit: {content: 'keys: ${LIVEKIT_API_KEY}'}
";

    #[test]
    fn what_decides_over_a_service_is_found() {
        let base = BaseFile::parse(TEXT).unwrap();
        let env = EnvFile::parse(b"TAG=v2\n").unwrap();
        assert_eq!(
            base.image("livekit", &env).unwrap().as_deref(),
            Some("example/media:v2")
        );
        assert_eq!(
            base.image("redis", &env).unwrap().as_deref(),
            Some("redis:7-alpine")
        );
        assert!(base.is_built("core") && !base.is_built("redis"));
        assert!(base.has_env_file("core") && !base.has_env_file("livekit"));
        assert!(
            base.part("livekit")
                .unwrap()
                .contains("example/media:${TAG:-latest}")
        );
        assert!(!base.part("livekit").unwrap().contains("redis-server"));
        assert!(base.part("livekit").unwrap().contains("LIVEKIT_API_KEY"));
        assert!(!base.part("redis").unwrap().contains("LIVEKIT_API_KEY"));
    }

    #[test]
    fn an_image_that_only_compose_can_tell_is_not_guessed() {
        let text = "services: {egress: {image: 'example/egress:${VERSION:?}'}, core: {build: .}}";
        let base = BaseFile::parse(text).unwrap();
        let error = base.image("egress", &EnvFile::default()).unwrap_err();
        let shown = format!("{error:#}");
        assert!(
            shown.contains("egress") && shown.contains("${VERSION:?}"),
            "{shown}"
        );
        assert_eq!(base.image("core", &EnvFile::default()).unwrap(), None);
    }

    #[test]
    fn what_is_merged_passed_on_or_mounted_is_found() {
        let text = "
x-one: &one {image: 'example/one:1', env_file: .env}
x-two: &two {<<: [*one], build: .}
x-env: &env {TOKEN: , MODE: fast}
services:
  core: {<<: [{init: true}, *two], environment: {<<: *env, KEY: }}
  livekit:
    environment: [SECRET, LEVEL=info]
    volumes: ['${DEPLOY:-./deploy}/a.yaml:/a.yaml:ro', {type: bind, source: ./b, target: /b}]
    secrets: [key]
secrets: {key: {file: ./key.pem}}
";
        let base = BaseFile::parse(text).unwrap();
        let env = EnvFile::default();
        let image = base.image("core", &env).unwrap();
        assert_eq!(image.as_deref(), Some("example/one:1"));
        assert!(base.is_built("core") && base.has_env_file("core"));
        let (core, livekit) = (base.part("core").unwrap(), base.part("livekit").unwrap());
        assert!(core.contains("${TOKEN}") && core.contains("${KEY}") && !core.contains("${MODE}"));
        assert!(livekit.contains("${SECRET}") && !livekit.contains("${LEVEL"));
        let mounted = base.mounted("livekit", &env);
        assert_eq!(mounted, ["./deploy/a.yaml", "./b", "./key.pem"]);
    }
}
