//! `uninstall`: what the receipt says is ours, taken away in reverse.

mod list;
mod refusals;
mod row;

use std::path::Path;

use row::Row;

use super::Outcome;
use super::install::open_log;
use crate::cli::{Given, UninstallFlags};
use crate::fault::{Exit, Fault, Result};
use crate::host::{Host, lock};
use crate::plan::Removals;
use crate::receipt::{Receipt, Role};
use crate::roles::LOG;
use crate::settings::{Elsewhere, Saved, api_token};
use crate::ui;

const NOTHING: &str = "There is nothing to remove.";

/// Takes this node away, after a question.
///
/// # Errors
/// [`Exit::Usage`] if nobody can be asked and nobody said `--yes`; [`Exit::NotReady`] for what must not be removed; else
/// the first thing that can't be removed. The same command goes on from there.
pub fn run(given: &Given, flags: &UninstallFlags, host: &Host) -> Result<Outcome> {
    refusals::not_root(host)?;
    let api_token_file = flags.api_token_file.as_ref();
    let api_token_file = api_token_file.or(given.cli.install.api_token_file.as_ref());
    let api_token = api_token(api_token_file.map(AsRef::as_ref))?;
    let elsewhere = Elsewhere::resolve()?;
    // Wherever it stands on the line, it means the same.
    let dry_run = flags.dry_run || given.cli.install.dry_run;
    let _lock = if dry_run { None } else { Some(lock(host)?) };
    let saved = Saved::load(host, None)?;
    refusals::not_taken_over(&saved)?;
    let is_installed = saved.receipt.is_some();
    let left = Receipt::left(host)?;
    let Some(mut receipt) = saved.receipt.or(left) else {
        if !dry_run {
            Receipt::clear_unfinished(host)?;
            host.remove(Path::new(LOG))?;
        }
        ui::result(NOTHING);
        return Ok(Outcome::default());
    };
    refusals::engine_away(host, &receipt, flags)?;
    refusals::foreign_containers(host, &receipt, flags)?;
    refusals::needed_packages(&receipt, flags)?;
    refusals::operators_sites(host, &receipt, flags)?;

    let what = if is_installed { "" } else { "what is left of " };
    ui::heading(&format!(
        "streamhub-install {}: uninstall of {what}the {} in {}",
        env!("CARGO_PKG_VERSION"),
        receipt.role.name(),
        receipt.dir.display()
    ));
    let is_new = receipt.note(list::unrecorded(host, &receipt, flags)?);
    let row = row::of(host, &receipt, api_token)?;
    let plan = |receipt: &Receipt| {
        let row = row.clone().filter(Row::has_token);
        Removals(list::removals(receipt, flags, row))
    };
    let would_change = plan(&receipt).show(host)?;
    list::show_what_stays(host, &receipt, flags)?;
    if dry_run {
        ui::result("Dry run: nothing was changed.");
        return Ok(Outcome {
            would_change,
            ..Outcome::default()
        });
    }
    if would_change {
        ask(given, flags)?;
        open_log(host)?;
        // A run that is killed half-way would not find them again.
        if is_new {
            receipt.save(host)?;
        }
        plan(&receipt).apply(host, &mut receipt)?;
    }
    let stays = list::stays(host, &receipt)?;
    let end = if would_change || is_installed {
        let mut words = last_words(&receipt, flags, row.as_ref());
        if let Some(flags) = list::flags_for(&receipt, &stays) {
            let command = elsewhere.command(&format!("uninstall {flags}"));
            words += &format!("\n  the rest   that stays here, and is noted: {command}");
        }
        words
    } else {
        NOTHING.to_owned()
    };
    receipt.discard(host, &stays)?;
    ui::result(&end);
    Ok(Outcome::default())
}

fn ask(given: &Given, flags: &UninstallFlags) -> Result<()> {
    if flags.yes {
        return Ok(());
    }
    let answer = if given.cli.install.non_interactive {
        None
    } else {
        ui::confirm("Remove all this?")?
    };
    match answer {
        Some(true) => Ok(()),
        Some(false) => {
            Err(Fault::new(Exit::Failed, "nothing was removed: the answer was no").into())
        }
        None => Err(Fault::new(
            Exit::Usage,
            "an uninstall has to be confirmed, and there is no terminal to ask on",
        )
        .fix("pass --yes, or set STREAMHUB_UNINSTALL_YES=1; --dry-run shows what would go")
        .into()),
    }
}

fn last_words(receipt: &Receipt, flags: &UninstallFlags, row: Option<&Row>) -> String {
    let mut words = format!("\nThe {} is removed from this host.", receipt.role.name());
    if flags.keep_data {
        words += &format!(
            "\n  data       stays in {}, with its .env: an install there takes it up",
            receipt.dir.display()
        );
    }
    if let Some(row) = row.filter(|row| !row.has_token()) {
        words += &format!("\n  its row    {}", row.by_hand());
    }
    if receipt.role == Role::Origin {
        words += "\n  edges      that have joined it beat in vain: run streamhub-install uninstall on each";
    }
    words
}
