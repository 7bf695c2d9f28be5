//! The install: settings, preflight, plan, prepare, register, configure, start, verify, summary.

use std::net::IpAddr;
use std::path::Path;

use super::Outcome;
use crate::cli::Given;
use crate::fault::Result;
use crate::host::{Host, lock};
use crate::origin_api::Answer;
use crate::receipt::{Receipt, Role};
use crate::register::{Registered, register};
use crate::roles::edge;
use crate::settings::Settings;
use crate::verify::{Claim, verify};
use crate::{plan, preflight, ui};

const LOG: &str = "/var/log/streamhub-install.log";

/// Makes this host what was asked for, or what it was.
///
/// # Errors
/// A fault with the exit code of its kind; running the same command again goes on from there.
pub fn run(given: &Given, host: &Host) -> Result<Outcome> {
    let dry_run = given.cli.install.dry_run;
    // An ordinary user gets no further than preflight, which says so.
    let _lock = if dry_run || !host.is_root() {
        None
    } else {
        Some(lock(host)?)
    };
    let settings = Settings::resolve(given, host)?;
    ui::heading(&format!(
        "streamhub-install {}: edge {} of the origin at {}",
        env!("CARGO_PKG_VERSION"),
        settings.edge.node_name,
        settings.edge.origin()
    ));
    preflight::run(host, &settings)?;

    let known = settings
        .saved
        .joined
        .as_ref()
        .map(|joined| joined.answer.clone());
    let planned = known.unwrap_or_else(Answer::not_given_yet);
    let prepare = plan::probe(host, edge::prepare(&settings))?;
    let mut serve = plan::probe(host, edge::serve(&settings, &planned, host.cores())?)?;
    plan::show(&[&prepare, &serve]);
    if dry_run {
        ui::result("Dry run: nothing was changed.");
        return Ok(Outcome {
            changed: !(prepare.is_empty() && serve.is_empty()),
            ..Outcome::default()
        });
    }

    ui::log_to(Box::new(host.open_log(Path::new(LOG))?));
    let mut receipt = settings
        .saved
        .receipt
        .clone()
        .unwrap_or_else(|| Receipt::new(Role::Edge, &settings.dir));
    let mut changed = prepare.apply(host, &mut receipt)?;

    let (settings, answer, taken) = match register(&settings)? {
        Registered::Answered {
            answer,
            address,
            notes,
        } => {
            receipt.keep_settings(host, settings.to_keep(given))?;
            (settings, answer, Some((address, notes)))
        }
        // What this run was asked for waits until the origin can take it.
        Registered::Kept(answer) => (Settings::resolve(&Given::nothing()?, host)?, answer, None),
    };
    let as_planned = taken.is_some() && answer == planned && changed.is_empty();
    if !as_planned {
        serve = plan::probe(host, edge::serve(&settings, &answer, host.cores())?)?;
    }
    changed.extend(serve.apply(host, &mut receipt)?);

    let claim = Claim {
        settings: &settings,
        answer: &answer,
        changed: !changed.is_empty(),
        origin_is_away: taken.is_none(),
    };
    ui::step("prove that it serves", || verify(host, &claim))?;
    let degraded = taken.is_none();
    summary(&settings, &answer, changed.len(), taken);
    Ok(Outcome {
        changed: !changed.is_empty(),
        degraded,
        ..Outcome::default()
    })
}

fn summary(
    settings: &Settings,
    answer: &Answer,
    changes: usize,
    taken: Option<(IpAddr, Vec<String>)>,
) {
    let edge = &settings.edge;
    let region = edge.region.as_deref().unwrap_or("none");
    let changes = match changes {
        0 => "nothing".to_owned(),
        1 => "1 thing".to_owned(),
        n => format!("{n} things"),
    };
    let state = if taken.is_some() {
        "joined and serving"
    } else {
        "serving; its origin is away"
    };
    let (address, notes) = taken.map_or((None, Vec::new()), |(ip, notes)| (Some(ip), notes));
    let address = address.map_or_else(|| "as registered before".to_owned(), |ip| ip.to_string());
    ui::result(&format!(
        "\n{} is {state}.\n  origin     {}\n  node id    {}\n  address    {address}\n  region     {region}\n  directory  {} (`docker compose ps` and `logs` work there)\n  heartbeat  every 20 s: systemctl list-timers {}\n  changed    {changes}\n  settings   {}/.env; run streamhub-install again after changing it",
        edge.node_name,
        edge.origin(),
        answer.node_id,
        settings.dir.display(),
        crate::resource::TIMER,
        settings.dir.display(),
    ));
    for note in notes {
        ui::result(&format!("  note       {note}"));
    }
}
