//! `heartbeat`: one beat, as the timer runs it. Takes no lock and writes nothing.

use std::path::Path;

use anyhow::Context;
use url::Url;

use super::Outcome;
use crate::beat::{Node, beat};
use crate::engine::PROJECT;
use crate::env_file::EnvFile;
use crate::fault::{Exit, Fault, Result};
use crate::host::Host;
use crate::http;
use crate::origin_api::{OriginApi, Refusal};
use crate::secret::Secret;
use crate::settings::{HEARTBEAT_ENV, MASTER_CA};

/// Beats once.
///
/// # Errors
/// One that says in plain words what the origin made of it; the unit fails with it.
pub fn run(host: &Host) -> Result<Outcome> {
    let not_joined = || {
        Fault::new(
            Exit::Failed,
            format!("{HEARTBEAT_ENV} is not there: this host has not joined"),
        )
        .fix("join it: streamhub-install --join …")
    };
    let bytes = host
        .read_ours(Path::new(HEARTBEAT_ENV))?
        .ok_or_else(not_joined)?;
    let env = EnvFile::parse(&bytes).context(HEARTBEAT_ENV)?;
    let need = |key: &str| -> Result<String> {
        let value = env
            .get(key)?
            .with_context(|| format!("{HEARTBEAT_ENV} has no {key}"))?;
        Ok(value.to_owned())
    };
    let url = Url::parse(&need("STREAMHUB_HB_URL")?).context("STREAMHUB_HB_URL")?;
    let token = Secret::new(need("STREAMHUB_HB_TOKEN")?);
    let node = need("STREAMHUB_HB_NODE_ID")?;
    let authorities = match host.read_text(Path::new(MASTER_CA))? {
        Some(pem) => http::certificates(&pem).context(MASTER_CA)?,
        None => Vec::new(),
    };
    let who = Node {
        id: &node,
        project: env.get("STREAMHUB_HB_PROJECT")?.unwrap_or(PROJECT),
    };
    beat(host, &OriginApi::new(&url, authorities)?, &token, &who)
        .map_err(|refusal| in_plain_words(&refusal, &url, &node))?;
    Ok(Outcome::default())
}

fn in_plain_words(refusal: &Refusal, url: &Url, node: &str) -> Fault {
    let url = url.as_str().trim_end_matches('/');
    match refusal {
        Refusal::Rejected { status: 404, .. } => Fault::new(
            Exit::Failed,
            format!(
                "the origin at {url} does not know this node ({node}): an operator removed it there"
            ),
        )
        .fix(
            "join it again: streamhub-install --join; or take it down: streamhub-install uninstall",
        ),
        Refusal::BadToken(_) => Fault::new(
            Exit::TokenRefused,
            format!("the origin at {url} refuses this node's join token: it was changed there"),
        )
        .fix("join with the new one: streamhub-install --join --master-token-file <file>"),
        other => Fault::new(
            other.exit(),
            format!("the origin at {url} took no heartbeat: {other}"),
        )
        .fix(other.fix()),
    }
}
