//! One subcommand each.

pub mod allow_edge;
pub mod doctor;
pub mod generated;
pub mod heartbeat;
pub mod install;
pub mod nodes;
pub mod rotate;
pub mod status;
pub mod support_bundle;
pub mod uninstall;
pub mod update;

use std::process::ExitCode;

use crate::cli::{Command, Given};
use crate::fault::{Exit, Fault, Result};
use crate::host::Host;
use crate::ui::{self, Event};
use crate::{plan, signals};

/// What a command that succeeded tells a machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    /// A dry run found something to change, or the registry was changed; what a run has changed on this
    /// host, [`crate::plan::has_changed`] knows.
    pub would_change: bool,
    /// It works, and not all is as it should be: the origin is away, or a certificate could not be had.
    pub degraded: bool,
    /// Not all is well, and that is the answer to the question, not a fault.
    pub unwell: bool,
    /// The result was a JSON document of its own: no event follows it.
    pub is_document: bool,
}

/// Carries out what was asked for.
///
/// # Errors
/// The command's own.
pub fn run(mut given: Given) -> Result<Outcome> {
    // What is written has the mode that it was given, whatever the operator's shell takes away.
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
    signals::watch()?;
    let host = Host::new(&given.cli.output.root);
    match &given.cli.command {
        None => install::run(&mut given, &host),
        Some(Command::Update { dry_run }) => {
            let dry_run = *dry_run;
            update::run(given, &host, dry_run)
        }
        Some(Command::Heartbeat) => heartbeat::run(&host),
        Some(Command::Rotate { secret, yes }) => rotate::run(&given, &host, *secret, *yes),
        Some(Command::Doctor) => doctor::run(&host, given.cli.output.json),
        Some(Command::Status) => status::run(&host, given.cli.output.json),
        Some(Command::Nodes { access, action }) => nodes::run(&given, &host, access, action),
        Some(Command::Completions { shell }) => Ok(generated::completions(*shell)),
        Some(Command::SupportBundle { output }) => support_bundle::run(&host, output.as_deref()),
        Some(Command::Man) => generated::manual(),
        Some(Command::Uninstall(flags)) => uninstall::run(&given, flags, &host),
        Some(Command::AllowEdge {
            addresses,
            revoke,
            dry_run,
        }) => allow_edge::run(&host, addresses, *revoke, *dry_run),
    }
}

/// Reports how a run ended, and gives its exit code.
pub fn report(outcome: std::result::Result<Outcome, Fault>) -> ExitCode {
    let (exit, outcome) = match outcome {
        Ok(outcome) if outcome.unwell => (Exit::Failed, outcome),
        Ok(outcome) => (Exit::Done, outcome),
        Err(fault) => {
            ui::emit(&Event::of_fault(&fault));
            (fault.exit, Outcome::default())
        }
    };
    if !outcome.is_document {
        ui::emit(&Event::Done {
            changed: outcome.would_change || plan::has_changed(),
            degraded: outcome.degraded,
            exit: exit.code(),
        });
    }
    ExitCode::from(exit.code())
}
