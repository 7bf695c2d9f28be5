//! The pages' commands, each run as the page has it, with what it says of them proven and no secret showing.

use std::collections::BTreeSet;

use crate::host::Host;
use crate::pages::{code, pages, runs};
use crate::tour::{Step, Tour};
use crate::tour_installs::INSTALLS;
use crate::tour_life::LIFE;

/// Every line of the pages that runs the program, as a tour names it: install.sh in its place runs the program with the
/// same arguments, which is tried in `bootstrap_test`, and a tour is root's.
fn documented() -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for (_, text) in pages() {
        for line in code(&text) {
            if !runs(&line).is_empty() {
                lines.insert(named(&line));
            }
        }
    }
    lines
}

fn named(line: &str) -> String {
    let line = line.split(" # ").next().unwrap_or_default();
    // In a list, as cloud-init's.
    let line = line.trim_start().trim_start_matches("- ");
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = line.strip_prefix("sudo ").unwrap_or(&line);
    for script in [" sh -s -- ", "sh install.sh "] {
        if let Some((_, args)) = line.split_once(script) {
            return format!("streamhub-install {args}");
        }
    }
    line.to_owned()
}

#[test]
fn no_command_of_the_pages_is_left_out_of_the_tours() {
    let steps = INSTALLS.iter().chain(LIFE);
    let taken: BTreeSet<String> = steps.filter_map(Step::line).map(str::to_owned).collect();
    let documented = documented();
    let left_out: Vec<_> = documented.difference(&taken).collect();
    assert!(left_out.is_empty(), "in no tour: {left_out:#?}");
    let nowhere: Vec<_> = taken.difference(&documented).collect();
    assert!(nowhere.is_empty(), "on no page: {nowhere:#?}");
}

#[test]
fn an_origin_is_installed_and_taken_away_in_every_way_of_the_pages() {
    let elsewhere = Host::named("elsewhere").with_origin_packages().boot();
    Tour::start(&elsewhere, true).take(INSTALLS);
}

#[test]
fn an_origin_and_its_edge_live_as_the_pages_say() {
    let elsewhere = Host::named("elsewhere").with_origin_packages().boot();
    Tour::start(&elsewhere, false).take(LIFE);
}
