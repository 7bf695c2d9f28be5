//! Parse, dispatch, print the error, exit.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use streamhub_install::cli::{self, Command, Given};
use streamhub_install::commands::{Outcome, heartbeat, install, status};
use streamhub_install::fault::{Exit, Fault, Result};
use streamhub_install::host::Host;
use streamhub_install::settings::later;
use streamhub_install::ui::{self, Event, Style};
use streamhub_install::{plan, signals};

fn main() -> ExitCode {
    let given = match Given::parse(std::env::args_os()) {
        Ok(given) => given,
        Err(error) => return ExitCode::from(cli::explain(&error).code()),
    };
    let output = &given.cli.output;
    ui::init(Style {
        json: output.json,
        quiet: output.quiet,
        verbose: output.verbose,
    });
    let outcome = run(&given).map_err(|error| Fault::of(&error));
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

fn run(given: &Given) -> Result<Outcome> {
    // What is written has the mode that it was given, whatever the operator's shell takes away.
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
    signals::watch()?;
    let host = Host::new(&given.cli.output.root);
    match &given.cli.command {
        None => install::run(given, &host),
        Some(Command::Heartbeat) => heartbeat::run(&host),
        Some(Command::Status) => status::run(&host, given.cli.output.json),
        Some(command) => Err(later(&format!("`{}`", command.name()))),
    }
}
