//! One subcommand each.

pub mod heartbeat;
pub mod install;
pub mod status;

/// What a command that succeeded tells a machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    /// A dry run found something to change; what a run has changed, [`crate::plan::has_changed`] knows.
    pub would_change: bool,
    /// It works, and not all is as it should be: the origin is away.
    pub degraded: bool,
    /// Not all is well, and that is the answer to the question, not a fault.
    pub unwell: bool,
    /// The result was a JSON document of its own: no event follows it.
    pub is_document: bool,
}
