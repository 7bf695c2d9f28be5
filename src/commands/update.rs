//! `update`: an install that also asks for newer code and images.

use super::{Outcome, install};
use crate::cli::Given;
use crate::fault::{Exit, Fault, Result};
use crate::host::Host;
use crate::settings::Saved;

/// Refreshes the source, pulls, rebuilds the core, and recreates each service at most once.
///
/// # Errors
/// [`Exit::Usage`] where nothing is installed; else as an install.
pub fn run(given: Given, host: &Host, dry_run: bool) -> Result<Outcome> {
    let saved = Saved::load(host, given.cli.install.dir.as_deref())?;
    if saved.receipt.is_none() && !saved.unreadable {
        return Err(
            Fault::new(Exit::Usage, "there is nothing to update on this host")
                .fix("install it first: streamhub-install, or streamhub-install --join on an edge")
                .into(),
        );
    }
    install::run(&mut given.updating(dry_run), host)
}
