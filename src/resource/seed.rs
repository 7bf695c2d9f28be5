//! The API token in an origin's core: handed over once, so that it is worth something.

use std::time::{Duration, Instant};

use anyhow::Context;
use sha2::{Digest, Sha256};
use url::Url;

use super::{Change, Env, Resource};
use crate::engine::{Engine, Run, container_name, docker, of_service};
use crate::fault::Result;
use crate::host::Host;
use crate::origin_api::{OriginApi, Refusal};
use crate::receipt::Owned;
use crate::secret::Secret;
use crate::signals;
use crate::ui;
use crate::unhealthy::unhealthy;

pub const KEY: &str = "STREAMHUB_API_TOKEN";
const SERVICE: &str = "core";
/// Why the core can't be asked.
pub const CORE_IS_SILENT: &str = "the core does not answer";
/// A core migrates its database before it answers.
const CORE_LIMIT: Duration = Duration::from_secs(180);
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// A core that has started anew so often does so for ever.
const MOST_RESTARTS: u64 = 5;

/// The token of `.env`, known to the core on this port.
#[derive(Clone, Debug)]
pub struct Seed {
    pub env: Env,
    pub project: String,
    pub port: u16,
    /// The one that was handed over in vain, by its digest, which [`refused_token`] told: the core has another.
    pub refused: Option<String>,
}

/// The SHA-256 of this API token where the core on this port does not take it.
///
/// # Errors
/// If there is no such API.
pub fn refused_token(port: u16, token: &Secret) -> Result<Option<String>> {
    Ok(match api(port)?.nodes(token) {
        Err(Refusal::BadToken(_)) => Some(digest(token)),
        // What else stands in the way says nothing about it.
        _ => None,
    })
}

fn digest(token: &Secret) -> String {
    format!("{:x}", Sha256::digest(token.expose()))
}

fn api(port: u16) -> Result<OriginApi> {
    let url = Url::parse(&format!("http://127.0.0.1:{port}")).context("the core's API")?;
    OriginApi::new(&url, Vec::new())
}

impl Seed {
    fn token(&self, host: &Host) -> Result<Secret> {
        let (_, env) = self.env.wanted(host)?;
        let token = env.get(KEY)?.with_context(|| format!("{KEY} in .env"))?;
        Ok(Secret::new(token))
    }

    /// How the core's container runs, if there is one.
    fn core(&self, host: &Host) -> Result<Option<Run>> {
        let Some(engine) = Engine::find(host)? else {
            return Ok(None);
        };
        let containers = engine.containers()?;
        of_service(&containers, &self.project, SERVICE)
            .map(|core| engine.run_of(&core.id))
            .transpose()
    }

    /// Waits until the core answers.
    fn wait(&self, host: &Host, api: &OriginApi) -> Result<()> {
        let end = Instant::now() + CORE_LIMIT;
        let container = container_name(SERVICE);
        while let Err(refusal) = api.health() {
            let core = self.core(host).ok().flatten();
            let what = if core.is_some_and(|run| run.restarts >= MOST_RESTARTS) {
                "the core starts again and again".to_owned()
            } else if Instant::now() >= end {
                format!("the core does not become healthy within 180 s: {refusal}")
            } else {
                ui::waiting("the core has to come up");
                signals::sleep(LOOK_EVERY)?;
                continue;
            };
            let fix = "its log above says why; when that is mended, run this again";
            return Err(unhealthy(&what, Some(&container), fix));
        }
        Ok(())
    }
}

impl Resource for Seed {
    fn name(&self) -> String {
        "API token in the core".to_owned()
    }

    fn probe(&self, host: &Host) -> Result<Change> {
        let token = self.token(host)?;
        Ok(match api(self.port)?.nodes(&token) {
            Ok(_) => Change::None,
            Err(Refusal::BadToken(_)) if self.refused == Some(digest(&token)) => Change::None,
            Err(Refusal::BadToken(_)) => Change::Create(None),
            Err(_) if self.core(host)?.is_some() => Change::Unknown(CORE_IS_SILENT),
            Err(_) => Change::Create(Some("once the core answers".to_owned())),
        })
    }

    fn apply(&self, host: &Host) -> Result<()> {
        let api = api(self.port)?;
        self.wait(host, &api)?;
        let token = self.token(host)?;
        if api.nodes(&token).is_ok() {
            return Ok(());
        }
        docker()
            .args(["exec", "--interactive", &container_name(SERVICE)])
            .args(["node", "deploy/seed-token.js", "-", "bootstrap"])
            .stdin(token.clone())
            .succeed()
            .context("handing the API token to the core")
            .map(drop)
    }

    fn owned(&self, _host: &Host) -> Vec<Owned> {
        Vec::new()
    }
}
