//! `rotate`: a new secret in `.env`, the services that use it recreated once, and what each edge has to run.
//!
//! It is an install in which one secret is wanted anew. `.env` changes in one step: a run that is cut off before has
//! changed nothing, and after it the next run, of whatever kind, takes the new secret everywhere.

use std::path::Path;

use super::{Outcome, install};
use crate::cli::{Given, InstallFlags, RotatedSecret};
use crate::env_file::EnvFile;
use crate::fault::{Exit, Fault, Result};
use crate::host::Host;
use crate::origin_api::OriginApi;
use crate::receipt::Role;
use crate::secret::Secret;
use crate::settings::Saved;
use crate::ui;

const EDGES_RERUN: &str = "sudo streamhub-install";
const EDGES_JOIN: &str =
    "sudo streamhub-install --join --master-token-file <file with the new join token>";

/// Makes a secret anew, once the operator has agreed to what that means for the edges.
///
/// # Errors
/// [`Exit::Usage`] anywhere but on an origin, or where nobody agrees; else as an install.
pub fn run(given: &Given, host: &Host, secret: RotatedSecret, yes: bool) -> Result<Outcome> {
    let saved = Saved::load(host, None)?;
    let dir = match &saved.receipt {
        Some(receipt) if receipt.role == Role::Origin => receipt.dir.clone(),
        _ if saved.unreadable => return Err(needs_root().into()),
        _ => return Err(not_an_origin().into()),
    };
    let env = env(host, &dir)?;
    if secret == RotatedSecret::RedisPassword && saved.settings().cluster_redis_bind.is_none() {
        return Err(Fault::new(
            Exit::Usage,
            "redis has no password to rotate: it listens on loopback alone",
        )
        .fix("offer it to edges first: streamhub-install --cluster-redis-bind <address>")
        .into());
    }
    let mut wanted = wanted(given, secret)?;
    if given.cli.install.dry_run {
        return install::run(&mut wanted, host);
    }
    agree(secret, yes, !given.cli.install.non_interactive)?;
    let edges = edges(&env);
    let outcome = install::run(&mut wanted, host);
    // Also where it is not proven to serve, the old secret is gone.
    let now = self::env(host, &dir)?;
    if key(secret, &now)? != key(secret, &env)? {
        tell(secret, &edges, &now, &dir);
    }
    outcome
}

/// The install that a rotation is: what is saved and this one secret anew. Of what was given counts only how the run
/// goes; a setting that happens to stand beside it, or in the environment, is not what the operator agrees to.
fn wanted(given: &Given, secret: RotatedSecret) -> Result<Given> {
    let mut wanted = Given::nothing()?;
    wanted.rotated = Some(secret);
    wanted.cli.output = given.cli.output.clone();
    let flags = given.cli.install.clone();
    wanted.cli.install = InstallFlags {
        dir: flags.dir,
        dry_run: flags.dry_run,
        drain_timeout: flags.drain_timeout,
        skip_check: flags.skip_check,
        non_interactive: true,
        ..wanted.cli.install
    };
    Ok(wanted)
}

/// The rotated value, as `.env` has it.
fn key(secret: RotatedSecret, env: &EnvFile) -> Result<Option<&str>> {
    env.get(match secret {
        RotatedSecret::RedisPassword => "REDIS_PASSWORD",
        RotatedSecret::ClusterToken => "STREAMHUB_CLUSTER_TOKEN",
        RotatedSecret::LivekitKeys => "LIVEKIT_API_SECRET",
    })
}

fn not_an_origin() -> Fault {
    Fault::new(
        Exit::Usage,
        "secrets are rotated on the origin, and this host is none",
    )
    .fix("run it on the origin; an edge takes the new ones up with its next run")
}

fn needs_root() -> Fault {
    Fault::new(Exit::NotReady, "only root may rotate secrets")
        .fix("sudo streamhub-install rotate …")
}

fn env(host: &Host, dir: &Path) -> Result<EnvFile> {
    let bytes = host.read_ours(&dir.join(".env"))?.unwrap_or_default();
    EnvFile::parse(&bytes)
}

/// What it cuts off until the edges have run again.
fn agree(secret: RotatedSecret, yes: bool, may_ask: bool) -> Result<()> {
    let meaning = match secret {
        RotatedSecret::RedisPassword => {
            "every edge loses redis, and with it its rooms, until it has run again"
        }
        RotatedSecret::ClusterToken => {
            "every edge's heartbeat is refused until it has joined again with the new token"
        }
        RotatedSecret::LivekitKeys => {
            "media services are recreated, and every edge refuses new participants until it has run again"
        }
    };
    ui::warn(&format!("once it is rotated, {meaning}"));
    if yes {
        return Ok(());
    }
    let answer = if may_ask {
        ui::confirm("Rotate it now?")?
    } else {
        None
    };
    let agreed = answer.ok_or_else(|| {
        Fault::new(Exit::Usage, "nobody can be asked here")
            .fix("pass --yes to rotate it all the same")
    })?;
    if agreed {
        return Ok(());
    }
    Err(Fault::new(Exit::Usage, "not rotated: nothing was changed").into())
}

/// The names of the other nodes, as far as the core tells them.
fn edges(env: &EnvFile) -> Vec<String> {
    let asked = || -> Result<Vec<String>> {
        let port = env.get("PORT")?.unwrap_or("3020");
        let api = OriginApi::new(&format!("http://127.0.0.1:{port}").parse()?, Vec::new())?;
        let token = Secret::new(env.get("STREAMHUB_API_TOKEN")?.unwrap_or_default());
        let nodes = api.nodes(&token)?;
        Ok(nodes
            .nodes
            .into_iter()
            .map(|node| node.name)
            .filter(|name| name != "origin")
            .collect())
    };
    asked().unwrap_or_default()
}

fn tell(secret: RotatedSecret, edges: &[String], env: &EnvFile, dir: &Path) {
    let command = match secret {
        RotatedSecret::ClusterToken => EDGES_JOIN,
        RotatedSecret::RedisPassword | RotatedSecret::LivekitKeys => EDGES_RERUN,
    };
    let which = match edges {
        [] => "On every edge".to_owned(),
        edges => format!("On every edge ({})", edges.join(", ")),
    };
    let text = |token: &str| {
        let token = match secret {
            RotatedSecret::ClusterToken => format!("\nThe new join token: {token}"),
            RotatedSecret::RedisPassword | RotatedSecret::LivekitKeys => String::new(),
        };
        format!("\nRotated. {which} run:\n  {command}{token}")
    };
    let token = env
        .get("STREAMHUB_CLUSTER_TOKEN")
        .ok()
        .flatten()
        .unwrap_or_default();
    ui::disclose(
        &text(token),
        &text(&format!("(see {}/.env)", dir.display())),
    );
}
