//! The install: settings, preflight, plan, and from there as the role has it.

mod edge;
mod origin;
mod questions;

use std::path::Path;

use super::Outcome;
use crate::cli::Given;
use crate::fault::Result;
use crate::host::{Host, lock};
use crate::receipt::Receipt;
use crate::resource::{Installed, compose_version};
use crate::roles::LOG;
use crate::settings::{Node, Settings};
use crate::ui;

/// Makes this host what was asked for, or what it was.
///
/// # Errors
/// A fault with the exit code of its kind; running the same command again goes on from there.
pub fn run(given: &mut Given, host: &Host) -> Result<Outcome> {
    // An ordinary user gets no further than preflight, which says so.
    let _lock = if given.cli.install.dry_run || !host.is_root() {
        None
    } else {
        Some(lock(host)?)
    };
    questions::ask(given, host)?;
    let settings = Settings::resolve(given, host)?;
    match settings.node.clone() {
        Node::Edge(edge) => edge::run(given, host, settings, *edge),
        Node::Origin(origin) => origin::run(given, host, settings, &origin),
    }
}

pub(super) fn open_log(host: &Host) -> Result<()> {
    ui::log_to(Box::new(host.open_log(Path::new(LOG))?));
    Ok(())
}

/// What the next run then need not ask.
fn note_compose(host: &Host, receipt: &mut Receipt) -> Result<()> {
    let plugin = Installed::look(host)?.compose;
    let told = plugin.map(|plugin| compose_version(&plugin, receipt.compose.as_ref()));
    // One that says no version is asked at every run.
    match told {
        Some(Ok(told)) => receipt.keep_compose(host, told),
        _ => Ok(()),
    }
}
