//! What goes and what stays, and in which order.

use std::collections::BTreeSet;
use std::path::Path;

use super::row::Row;
use crate::cli::UninstallFlags;
use crate::engine::{Container, Engine};
use crate::fault::Result;
use crate::host::Host;
use crate::receipt::{Entry, Owned, Receipt};
use crate::resource::{APT, PROGRAM, Place, Removal, SYSCTL, SiteParts, UNITS, caddy_certificates};
use crate::roles::LOG;
use crate::settings::HEARTBEAT_ENV;
use crate::ui;

/// What is ours and stands in no entry: Caddy's certificates, with `--purge` the images that our containers were made
/// from, and with `--purge-tls` the certificate that is named.
pub fn unrecorded(host: &Host, receipt: &Receipt, flags: &UninstallFlags) -> Result<Vec<Owned>> {
    let mut things = Vec::new();
    for entry in &receipt.owned {
        if let Owned::Stack { project, dir } = &entry.thing {
            let volume = caddy_certificates(host, project, dir)?;
            things.extend(volume.map(|volume| Owned::CaddyCertificates { volume }));
        }
    }
    if flags.purge_tls {
        let name = flags.domain.clone();
        things.extend(name.map(|name| Owned::Certificate { name }));
    }
    if flags.purge {
        things.extend(images(host, receipt)?);
    }
    Ok(things)
}

fn images(host: &Host, receipt: &Receipt) -> Result<Vec<Owned>> {
    let Some(engine) = Engine::find(host)? else {
        return Ok(Vec::new());
    };
    let is_ours = |c: &Container| {
        receipt.owned.iter().any(|entry| match &entry.thing {
            Owned::Stack { project, dir } => c.is_of(project, dir),
            _ => false,
        })
    };
    let containers = engine.containers()?.into_iter().filter(is_ours);
    Ok(containers.map(|c| Owned::Image { name: c.image }).collect())
}

/// Everything that goes, in order.
pub fn removals(
    receipt: &Receipt,
    flags: &UninstallFlags,
    row: Option<Row>,
) -> Vec<Box<dyn Removal>> {
    let (in_dir, elsewhere): (Vec<&Entry>, Vec<&Entry>) = receipt
        .owned
        .iter()
        .partition(|entry| is_in(&receipt.dir, &entry.thing));
    // Every run has a log.
    let mut things = vec![Owned::File { path: LOG.into() }];
    let going = elsewhere.into_iter().filter(|entry| goes(entry, flags));
    for entry in going.rev() {
        if !things.contains(&entry.thing) {
            things.push(entry.thing.clone());
        }
    }
    let (site, things): (Vec<Owned>, Vec<Owned>) = things.into_iter().partition(SiteParts::has);
    let mut ordered: Vec<(u8, Box<dyn Removal>)> = things
        .into_iter()
        .map(|thing| (turn(&thing), Box::new(thing) as Box<dyn Removal>))
        .collect();
    if !site.is_empty() {
        ordered.push((6, Box::new(SiteParts(site))));
    }
    if let Some(row) = row {
        ordered.push((2, Box::new(row)));
    }
    let has_stack = |entry: &Entry| matches!(entry.thing, Owned::Stack { .. });
    if !in_dir.is_empty() || receipt.owned.iter().any(has_stack) {
        let is_tree = |entry: &Entry| matches!(entry.thing, Owned::SourceTree { .. });
        let place = Place {
            dir: receipt.dir.clone(),
            recorded: in_dir.iter().map(|entry| entry.thing.clone()).collect(),
            is_tree: receipt.owned.iter().any(is_tree),
            keep_data: flags.keep_data,
        };
        ordered.push((5, Box::new(place)));
    }
    ordered.sort_by_key(|(turn, _)| *turn);
    ordered.into_iter().map(|(_, removal)| removal).collect()
}

/// nginx would not start with a site whose certificate is gone.
fn takes_site(flags: &UninstallFlags) -> bool {
    flags.purge || flags.purge_tls
}

fn is_in(dir: &Path, thing: &Owned) -> bool {
    match thing {
        Owned::File { path } | Owned::Directory { path } | Owned::SourceTree { path } => {
            path.starts_with(dir)
        }
        Owned::Packages { .. }
        | Owned::Image { .. }
        | Owned::FirewallRule { .. }
        | Owned::Unit { .. }
        | Owned::Unlinked { .. }
        | Owned::Certificate { .. }
        | Owned::CaddyCertificates { .. }
        | Owned::Stack { .. } => false,
    }
}

/// Which flag an entry waits for, and whether it is ours at all.
pub(super) fn goes(entry: &Entry, flags: &UninstallFlags) -> bool {
    match &entry.thing {
        Owned::File { path } => {
            let is_asked_for = if SiteParts::has(&entry.thing) {
                takes_site(flags)
            } else if path == Path::new(SYSCTL) {
                flags.purge
            } else {
                !path.starts_with(APT) || flags.purge_packages
            };
            is_asked_for && entry.created
        }
        Owned::Directory { .. } | Owned::SourceTree { .. } => entry.created,
        // By its name, or by the label on all that is of it, nobody else's.
        Owned::Unit { .. } | Owned::Stack { .. } => true,
        Owned::Image { .. } | Owned::FirewallRule { .. } => flags.purge && entry.created,
        Owned::Unlinked { .. } => takes_site(flags) && entry.created,
        Owned::Certificate { .. } | Owned::CaddyCertificates { .. } => {
            flags.purge_tls && entry.created
        }
        Owned::Packages { .. } => flags.purge_packages && entry.created,
    }
}

/// What comes before what: first nothing beats any more, then nothing runs, then the files go, and what could tell of a
/// failure goes last.
fn turn(thing: &Owned) -> u8 {
    match thing {
        Owned::Unit { name } if name.ends_with(".timer") => 0,
        Owned::Unit { .. } => 1,
        Owned::File { path } if path.starts_with(UNITS) => 2,
        // 2 is also the row in the registry: its id is in the file that comes next.
        Owned::File { path } if path == Path::new(HEARTBEAT_ENV) => 3,
        Owned::Stack { .. } => 4,
        // 5 is the install directory.
        Owned::Image { .. } => 6,
        // 6 is also the nginx site: nginx does not start with one whose certificate is gone.
        Owned::Unlinked { .. } => 6,
        Owned::Certificate { .. } | Owned::CaddyCertificates { .. } => 7,
        Owned::FirewallRule { .. } => 7,
        Owned::Packages { .. } => 8,
        Owned::File { path } if path == Path::new(PROGRAM) => 11,
        Owned::File { path } if path == Path::new(LOG) => 10,
        Owned::File { .. } | Owned::Directory { .. } | Owned::SourceTree { .. } => 9,
    }
}

/// What is ours and is still there.
pub fn stays(host: &Host, receipt: &Receipt) -> Result<Vec<Owned>> {
    let mut stays = Vec::new();
    let is_ours = |entry: &&Entry| entry.created || matches!(entry.thing, Owned::Stack { .. });
    for entry in receipt.owned.iter().filter(is_ours) {
        if entry.thing.is_there(host)? {
            stays.push(entry.thing.clone());
        }
    }
    Ok(stays)
}

/// The flags that would take what stays outside of the install directory, and leave what stays in it; `None` where there is
/// nothing outside. Whoever pastes them is asked.
pub fn flags_for(receipt: &Receipt, stays: &[Owned]) -> Option<String> {
    let (inside, rest): (Vec<_>, Vec<_>) =
        stays.iter().partition(|thing| is_in(&receipt.dir, thing));
    let mut flags: BTreeSet<&str> = rest.into_iter().map(flag_for).collect();
    if flags.is_empty() {
        return None;
    }
    if !inside.is_empty() {
        flags.insert("--keep-data");
    }
    Some(Vec::from_iter(flags).join(" "))
}

fn flag_for(thing: &Owned) -> &'static str {
    match thing {
        Owned::Packages { .. } => "--purge-packages",
        Owned::File { path } if path.starts_with(APT) => "--purge-packages",
        Owned::Certificate { .. } | Owned::CaddyCertificates { .. } => "--purge-tls",
        Owned::File { .. }
        | Owned::Directory { .. }
        | Owned::Image { .. }
        | Owned::FirewallRule { .. }
        | Owned::Unit { .. }
        | Owned::Unlinked { .. }
        | Owned::SourceTree { .. }
        | Owned::Stack { .. } => "--purge",
    }
}

/// Says what of ours stays, and what would take it too.
pub fn show_what_stays(host: &Host, receipt: &Receipt, flags: &UninstallFlags) -> Result<()> {
    for entry in &receipt.owned {
        let thing = &entry.thing;
        let is_part = is_in(&receipt.dir, thing) || matches!(thing, Owned::Unlinked { .. });
        if is_part || goes(entry, flags) || !thing.is_there(host)? {
            continue;
        }
        let name = thing.name();
        let why = if entry.created {
            format!("{} takes it too", flag_for(thing))
        } else {
            "it was here before".to_owned()
        };
        ui::note(&format!("  = {name} stays: {why}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
