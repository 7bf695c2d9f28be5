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

use crate::fault::{Exit, Fault};
use crate::plan;
use crate::ui::{self, Event};

/// What a command that succeeded tells a machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    /// A dry run found something to change, or the registry was changed; what a run has changed on this
    /// host, [`crate::plan::has_changed`] knows.
    pub would_change: bool,
    /// It works, and not all is as it should be: the origin is away.
    pub degraded: bool,
    /// Not all is well, and that is the answer to the question, not a fault.
    pub unwell: bool,
    /// The result was a JSON document of its own: no event follows it.
    pub is_document: bool,
}

/// Reports how a run ended, and gives its exit code.
pub fn report(outcome: Result<Outcome, Fault>) -> ExitCode {
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
