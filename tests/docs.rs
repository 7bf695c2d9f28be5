//! The reference page is what the definitions say (`make docs` writes it anew), and what operators read shows every
//! command and flag in an example that the program takes.

mod pages;

use std::collections::BTreeSet;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};
use pages::{code, pages, runs};
use streamhub_install::check::Check;
use streamhub_install::cli::command;
use streamhub_install::{doctor, preflight};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reference.md");

#[test]
fn the_reference_is_up_to_date() {
    let wanted = reference();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(PATH, &wanted).expect("docs/ can be written");
    }
    let there = std::fs::read_to_string(PATH).unwrap_or_default();
    assert!(
        there == wanted,
        "docs/reference.md is not what the code says: run `make docs`"
    );
}

fn reference() -> String {
    let command = command();
    let mut page = String::from(
        "# Reference\n\n<!-- Made from the program's own definitions by `make docs`. -->\n\n## Flags\n",
    );
    let mut heading = String::new();
    for arg in command.get_arguments().filter(|arg| !arg.is_hide_set()) {
        let of_arg = arg.get_help_heading().unwrap_or("Help");
        if of_arg != heading {
            heading = of_arg.to_owned();
            page.push_str(&format!(
                "\n### {heading}\n\n| flag | meaning |\n|---|---|\n"
            ));
        }
        page.push_str(&row(arg));
    }
    page.push_str("\n## Commands\n\n| command | does |\n|---|---|\n");
    subcommands(&command, "", &mut page);
    page.push_str("\n## Preflight checks\n\nThe names that `--skip-check` takes.\n\n| check | protects from |\n|---|---|\n");
    checks(preflight::CHECKS, &mut page);
    page.push_str("\n## What doctor looks at\n\n| check | protects from |\n|---|---|\n");
    checks(doctor::CHECKS, &mut page);
    let rest = command
        .get_after_help()
        .map(ToString::to_string)
        .unwrap_or_default();
    page.push_str(&format!(
        "\n## Environment and exit codes\n\n```text\n{rest}\n```\n"
    ));
    page
}

fn checks(checks: &[Check], page: &mut String) {
    for check in checks {
        page.push_str(&format!("| `{}` | {} |\n", check.name, check.protects));
    }
}

fn row(arg: &Arg) -> String {
    let short = arg
        .get_short()
        .map(|c| format!("`-{c}`, "))
        .unwrap_or_default();
    let aliases: String = arg
        .get_visible_aliases()
        .unwrap_or_default()
        .iter()
        .map(|alias| format!(", `--{alias}`"))
        .collect();
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let row = format!("{short}`{}`{aliases} \0 {help}", usage(arg));
    // What is left of `|` belongs to the texts.
    format!("| {} |\n", row.replace('|', "\\|").replace('\0', "|"))
}

/// `--flag <VALUE>`, `--flag a|b`, or `<VALUE>` without a flag.
fn usage(arg: &Arg) -> String {
    let flag = arg.get_long().map(|long| format!("--{long}"));
    let value = arg.get_action().takes_values().then(|| {
        let allowed = arg.get_possible_values();
        let allowed: Vec<&str> = allowed.iter().map(|value| value.get_name()).collect();
        let name = arg.get_value_names().and_then(|names| names.first());
        if allowed.is_empty() {
            format!("<{}>", name.map(ToString::to_string).unwrap_or_default())
        } else {
            allowed.join("|")
        }
    });
    [flag, value]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" ")
}

fn subcommands(command: &Command, path: &str, page: &mut String) {
    for sub in command.get_subcommands() {
        let name = format!("{path}{}", sub.get_name());
        let about = sub.get_about().map(ToString::to_string).unwrap_or_default();
        let own = sub.get_arguments().filter(|a| a.get_id() != "help");
        let takes: String = own.map(|arg| format!(" {}", usage(arg))).collect();
        page.push_str(&format!("| `{name}{takes}` | {about} |\n"));
        subcommands(sub, &format!("{name} "), page);
    }
}

/// Adds what a run uses: each command, as `nodes drain`, and each flag, as `nodes drain --wait`.
fn used(matches: &ArgMatches, command: &Command, path: &str, found: &mut BTreeSet<String>) {
    for (id, name) in flags(command, path) {
        if matches.try_contains_id(&id).unwrap_or(false)
            && matches.value_source(&id) == Some(ValueSource::CommandLine)
        {
            found.insert(name);
        }
    }
    if let Some((name, below)) = matches.subcommand() {
        let path = format!("{path}{name}");
        let sub = command.find_subcommand(name).expect("it was matched");
        used(below, sub, &format!("{path} "), found);
        found.insert(path);
    }
}

/// Adds what the definitions have, named in the same way.
fn defined(command: &Command, path: &str, found: &mut BTreeSet<String>) {
    found.extend(flags(command, path).map(|(_, name)| name));
    for sub in command.get_subcommands() {
        let path = format!("{path}{}", sub.get_name());
        defined(sub, &format!("{path} "), found);
        found.insert(path);
    }
}

/// The id and the full name of each flag that is no other command's.
fn flags(command: &Command, path: &str) -> impl Iterator<Item = (String, String)> {
    let shown = command.get_arguments().filter(|arg| !arg.is_hide_set());
    shown.filter_map(move |arg| {
        let long = arg.get_long()?;
        Some((arg.get_id().to_string(), format!("{path}--{long}")))
    })
}

#[test]
fn operators_find_every_command_and_flag_in_an_example_that_the_program_takes() {
    let (mut seen, mut refused) = (BTreeSet::new(), Vec::new());
    for (page, text) in pages() {
        for args in code(&text).iter().flat_map(|line| runs(line)) {
            let line = format!("streamhub-install {}", args.join(" "));
            let words = std::iter::once("streamhub-install".to_owned()).chain(args);
            match command().try_get_matches_from(words) {
                Ok(matches) => used(&matches, &command(), "", &mut seen),
                Err(error) if !error.use_stderr() => {}
                Err(error) => refused.push(format!("{page}: {line}\n{error}")),
            }
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
    let mut all = BTreeSet::new();
    defined(&command(), "", &mut all);
    let missing: Vec<_> = all.difference(&seen).collect();
    assert!(missing.is_empty(), "in no example: {missing:#?}");
}

#[test]
fn every_other_name_of_a_flag_and_every_variable_is_told() {
    let text: String = pages().into_iter().map(|(_, text)| text).collect();
    let is_told = |name: &str| {
        let mut after = text
            .match_indices(name)
            .map(|(at, _)| &text[at + name.len()..]);
        after.any(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || "-_".contains(c)))
    };
    let command = command();
    let aliases = command.get_arguments().flat_map(|arg| {
        let aliases = arg.get_visible_aliases().unwrap_or_default();
        aliases.into_iter().map(|alias| format!("--{alias}"))
    });
    let about = command.get_after_help().map(ToString::to_string);
    let about = about.unwrap_or_default();
    let variables = about
        .split_whitespace()
        .filter(|word| word.starts_with("STREAMHUB_"));
    let names: Vec<_> = aliases.chain(variables.map(str::to_owned)).collect();
    assert!(names.len() > 10, "{names:?}");
    let missing: Vec<_> = names.iter().filter(|name| !is_told(name)).collect();
    assert!(missing.is_empty(), "told nowhere: {missing:#?}");
}
