//! The install of an origin.

use crate::cli::Given;
use crate::commands::Outcome;
use crate::fault::Result;
use crate::host::Host;
use crate::settings::{Origin, Settings, later};

pub(super) fn run(
    _given: &Given,
    _host: &Host,
    _settings: Settings,
    _origin: &Origin,
) -> Result<Outcome> {
    Err(later(
        "setting up an origin (an edge is set up with --join)",
    ))
}
