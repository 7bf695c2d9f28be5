//! The reference page is what the definitions say. `make docs` writes it anew.

use clap::{Arg, Command};
use streamhub_install::cli::command;
use streamhub_install::preflight::CHECKS;

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
    for check in CHECKS {
        page.push_str(&format!("| `{}` | {} |\n", check.name, check.protects));
    }
    let rest = command
        .get_after_help()
        .map(ToString::to_string)
        .unwrap_or_default();
    page.push_str(&format!(
        "\n## Environment and exit codes\n\n```text\n{rest}\n```\n"
    ));
    page
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
