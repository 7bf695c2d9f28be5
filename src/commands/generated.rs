//! `completions` and `man`: made from the definitions of the command line, so that they can't differ from it.

use clap::{Arg, Command};
use clap_complete::Shell;
use clap_mangen::Man;
use roff::{Roff, bold, roman};

use super::Outcome;
use crate::fault::Result;
use crate::{cli, ui};

const NAME: &str = "streamhub-install";

/// Prints what a shell needs to complete flags and commands.
pub fn completions(shell: Shell) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut cli::command(), NAME, &mut script);
    ui::page(&script);
    printed()
}

/// Prints the manual page: `man -l -` shows it, a file in man8 keeps it.
///
/// # Errors
/// Never, as memory takes all that is written.
pub fn manual() -> Result<Outcome> {
    let mut command = cli::command();
    command.build();
    let man = Man::new(command.clone()).section("8");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    // One page says all, where the library would refer to a page for each command.
    let mut rest = Roff::new();
    rest.control("SH", ["COMMANDS"]);
    commands(&command, "", &mut rest);
    rest.control("SH", ["ENVIRONMENT AND EXIT CODES"]);
    let after = command.get_after_help().map(ToString::to_string);
    rest.control("nf", []);
    rest.text([roman(after.unwrap_or_default())]);
    rest.control("fi", []);
    rest.to_writer(&mut page)?;
    ui::page(&page);
    Ok(printed())
}

/// Each command with its own flags.
fn commands(parent: &Command, path: &str, page: &mut Roff) {
    let all = parent.get_subcommands();
    for command in all.filter(|command| command.get_name() != "help") {
        let name = format!("{path}{}", command.get_name());
        let about = command.get_about().map(ToString::to_string);
        page.control("TP", []);
        page.text([bold(name.as_str())]);
        page.text([roman(about.unwrap_or_default())]);
        let own: Vec<&Arg> = command
            .get_arguments()
            .filter(|arg| !arg.is_global_set() && arg.get_id() != "help")
            .collect();
        if !own.is_empty() {
            page.control("RS", []);
            for arg in own {
                page.control("TP", []);
                page.text([bold(arg.to_string())]);
                let help = arg.get_help().map(ToString::to_string);
                page.text([roman(help.unwrap_or_default())]);
            }
            page.control("RE", []);
        }
        commands(command, &format!("{name} "), page);
    }
}

fn printed() -> Outcome {
    Outcome {
        is_document: true,
        ..Outcome::default()
    }
}
