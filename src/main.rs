//! Parse, dispatch, print the error, exit.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use streamhub_install::cli::{self, Given};
use streamhub_install::commands;
use streamhub_install::fault::Fault;
use streamhub_install::ui::{self, Style};

fn main() -> ExitCode {
    let given = match Given::parse(std::env::args_os()) {
        Ok(given) => given,
        Err(error) => return not_parsed(&error),
    };
    let output = &given.cli.output;
    ui::init(Style {
        json: output.json,
        quiet: output.quiet,
        verbose: output.verbose,
    });
    let outcome = commands::run(given).map_err(|error| Fault::of(&error));
    commands::report(outcome)
}

/// clap prints its own help, version and usage errors; a machine gets the last as an event.
fn not_parsed(error: &clap::Error) -> ExitCode {
    let Some(fault) = cli::fault_for_machines(error) else {
        error.exit()
    };
    ui::init(Style {
        json: true,
        ..Style::default()
    });
    commands::report(Err(fault))
}
