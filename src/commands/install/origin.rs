//! The install of an origin: preflight, plan, everything on disk, everything started, verify, summary.

use anyhow::Context;

use super::{note_compose, open_log};
use crate::cli::Given;
use crate::commands::Outcome;
use crate::env_file::EnvFile;
use crate::fault::Result;
use crate::host::Host;
use crate::plan::{self, Plan};
use crate::receipt::{Receipt, Role, Saved};
use crate::resource::{API_TOKEN, Change, refused_token};
use crate::roles::origin;
use crate::secret::Secret;
use crate::settings::{Origin, Settings};
use crate::verify::origin::verify;
use crate::{preflight, signals, ui};

mod summary;

pub(super) fn run(
    given: &Given,
    host: &Host,
    settings: Settings,
    asked: &Origin,
) -> Result<Outcome> {
    ui::heading(&format!(
        "streamhub-install {}: origin {}",
        env!("CARGO_PKG_VERSION"),
        asked.domain
    ));
    let ready = preflight::run(host, &settings)?;
    // The plan is shown even where it can't be carried out yet; where it can't even be made, the
    // findings say why.
    let draft = if settings.dry_run {
        let draft = draft(host, &settings, asked);
        ready.or_refuse()?;
        draft?
    } else {
        ready.or_refuse()?;
        draft(host, &settings, asked)?
    };
    if settings.dry_run {
        ui::result("Dry run: nothing was changed.");
        return Ok(Outcome {
            would_change: !draft.is_empty(),
            ..Outcome::default()
        });
    }
    carry_out(given, host, &settings, asked, &draft)
}

fn draft(host: &Host, settings: &Settings, asked: &Origin) -> Result<Plan> {
    let plan = plan::probe(host, origin::wanted(settings, asked, host.cores())?)?;
    plan::show(&[&plan]);
    Ok(plan)
}

fn carry_out(
    given: &Given,
    host: &Host,
    settings: &Settings,
    asked: &Origin,
    draft: &Plan,
) -> Result<Outcome> {
    open_log(host)?;
    for file in origin::files(settings, asked) {
        host.clear_unfinished(&file)?;
    }
    let mut receipt = match settings.saved.receipt.clone() {
        Some(receipt) => receipt,
        None => Receipt::first(host, Role::Origin, &settings.dir)?,
    };
    receipt.dir.clone_from(&settings.dir);
    // Once its settings are kept, nobody takes it for the script's any more.
    if let Some(adoption) = origin::adopted(settings, asked) {
        receipt.begin(host, adoption.things, true)?;
    }
    // A run that is cut off after this goes on without flags.
    receipt.keep_settings(host, settings.to_keep(given))?;
    let changed = draft.apply(host, &mut receipt)?;
    receipt.finish(host)?;
    let kept = Saved {
        taking_redis_back: false,
        ..receipt.settings.clone()
    };
    receipt.keep_settings(host, kept)?;
    note_compose(host, &mut receipt)?;
    signals::check()?;

    let env = env(host, settings)?;
    ui::step("prove that it serves", || {
        verify(host, settings, asked, &env)
    })?;
    note_token(host, settings, asked, &env, &mut receipt)?;
    let certificate = origin::certificate(settings, asked)?;
    let lacking = certificate.map(|certificate| certificate.probe(host));
    let lacking = lacking.transpose()?.unwrap_or(Change::None);
    // One that could not be replaced is in use, and good.
    let is_kept = asked.acme_is_named && matches!(lacking, Change::Update(_));
    let has_certificate = lacking == Change::None || is_kept;
    summary::show(settings, asked, &env, has_certificate, changed.len());
    Ok(Outcome {
        degraded: lacking != Change::None,
        ..Outcome::default()
    })
}

/// An API token that was replaced in the dashboard is told of, and not handed over again.
fn note_token(
    host: &Host,
    settings: &Settings,
    asked: &Origin,
    env: &EnvFile,
    receipt: &mut Receipt,
) -> Result<()> {
    let token = Secret::new(env.get(API_TOKEN)?.unwrap_or_default());
    let refused = refused_token(asked.port, &token)?;
    if refused.is_some() {
        ui::warn(&format!(
            "the core does not take the API token of .env, since it has another one: write that one into {0} as {API_TOKEN}; if it has none any more, remove the line from {0}, and the next run makes one",
            settings.dir.join(".env").display()
        ));
    }
    receipt.keep_refused_token(host, refused)
}

/// What stands in `.env` now.
fn env(host: &Host, settings: &Settings) -> Result<EnvFile> {
    let path = settings.dir.join(".env");
    let bytes = host.read_ours(&path)?;
    let bytes = bytes.with_context(|| format!("{} is gone", path.display()))?;
    EnvFile::parse(&bytes)
}
