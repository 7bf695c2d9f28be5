//! Parse, dispatch, print the error, exit.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use streamhub_install::cli::{self, Command, Given};
use streamhub_install::commands::{
    self, Outcome, allow_edge, doctor, generated, heartbeat, install, nodes, rotate, status,
    support_bundle, uninstall, update,
};
use streamhub_install::fault::{Fault, Result};
use streamhub_install::host::Host;
use streamhub_install::signals;
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
    let outcome = run(given).map_err(|error| Fault::of(&error));
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

fn run(mut given: Given) -> Result<Outcome> {
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
        Some(Command::Rotate { secret, yes }) => {
            let (secret, yes) = (*secret, *yes);
            rotate::run(given, &host, secret, yes)
        }
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
