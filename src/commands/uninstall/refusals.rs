//! What is looked at before anything is removed.

use std::path::Path;

use super::list::goes;
use crate::apt;
use crate::cli::UninstallFlags;
use crate::engine::{Container, Engine};
use crate::exec;
use crate::fault::{Exit, Fault, Result};
use crate::host::Host;
use crate::receipt::{Owned, Receipt};
use crate::resource::Installed;
use crate::settings::Saved;

/// Where an engine keeps what it knows of its containers.
const CONTAINERS: &str = "/var/lib/docker/containers";
/// Where an operator's own sites are; nginx's package takes all of them with it.
const SITES: &[&str] = &[
    "/etc/nginx/sites-available",
    "/etc/nginx/sites-enabled",
    "/etc/nginx/conf.d",
];

fn refuse(what: impl Into<String>, fix: impl Into<String>) -> Result<()> {
    Err(Fault::new(
        Exit::NotReady,
        format!("{}: nothing was removed", what.into()),
    )
    .fix(fix)
    .into())
}

pub fn not_root(host: &Host) -> Result<()> {
    if host.is_root() {
        return Ok(());
    }
    refuse(
        "only root may uninstall, or look at what that would remove",
        "sudo streamhub-install uninstall …",
    )
}

/// What another program has made is removed by it, or once it has become ours.
pub fn not_taken_over(saved: &Saved) -> Result<()> {
    if !saved.is_inferred {
        return Ok(());
    }
    refuse(
        "the install.sh script set this node up, and this program has not taken it over yet",
        "take it over first: streamhub-install && streamhub-install uninstall",
    )
}

fn stacks(receipt: &Receipt) -> impl Iterator<Item = (&String, &Path)> {
    receipt.owned.iter().filter_map(|entry| match &entry.thing {
        Owned::Stack { project, dir } => Some((project, dir.as_path())),
        _ => None,
    })
}

/// The packages that would go.
fn packages(receipt: &Receipt, flags: &UninstallFlags) -> Vec<String> {
    if !flags.purge_packages {
        return Vec::new();
    }
    let of = |thing: &Owned| match thing {
        Owned::Packages { names } => names.clone(),
        _ => Vec::new(),
    };
    let entries = receipt.owned.iter();
    entries.flat_map(|entry| of(&entry.thing)).collect()
}

/// A stopped engine would start our containers again one day, and may have a stranger's.
pub fn engine_away(host: &Host, receipt: &Receipt, flags: &UninstallFlags) -> Result<()> {
    if Engine::find(host)?.is_some() || !Installed::look(host)?.engine {
        return Ok(());
    }
    let has_containers = !host.list(Path::new(CONTAINERS))?.is_empty();
    let is_needed = receipt.owned.iter().any(|entry| {
        let is_in_engine = matches!(
            entry.thing,
            Owned::Stack { .. } | Owned::Image { .. } | Owned::CaddyCertificates { .. }
        );
        is_in_engine && goes(entry, flags)
    });
    let is_purged = has_containers && !packages(receipt, flags).is_empty();
    if !is_needed && !is_purged {
        return Ok(());
    }
    refuse(
        "the Docker engine does not answer, and what it has of this node can't be removed without it",
        "start it: systemctl start docker.service (if it is masked: systemctl unmask docker.service first)",
    )
}

/// Docker is not taken from under somebody else's containers.
pub fn foreign_containers(host: &Host, receipt: &Receipt, flags: &UninstallFlags) -> Result<()> {
    if packages(receipt, flags).is_empty() {
        return Ok(());
    }
    let Some(engine) = Engine::find(host)? else {
        return Ok(());
    };
    let is_ours = |c: &Container| stacks(receipt).any(|(project, dir)| c.is_of(project, dir));
    let containers = engine.containers()?;
    let foreign: Vec<&str> = containers
        .iter()
        .filter(|c| !is_ours(c))
        .map(Container::name)
        .collect();
    if foreign.is_empty() {
        return Ok(());
    }
    refuse(
        format!(
            "--purge-packages would take Docker from containers that are not ours ({})",
            foreign.join(", ")
        ),
        "leave --purge-packages out, or remove those containers first: docker rm --force …",
    )
}

/// Nor a package from under another one.
pub fn needed_packages(receipt: &Receipt, flags: &UninstallFlags) -> Result<()> {
    let packages = packages(receipt, flags);
    if packages.is_empty() || !exec::is_installed("apt-get") {
        return Ok(());
    }
    let names: Vec<&str> = packages.iter().map(String::as_str).collect();
    let others = apt::needed_by_others(&apt::present(&names)?)?;
    if others.is_empty() {
        return Ok(());
    }
    refuse(
        format!(
            "--purge-packages would take away what others need ({})",
            others.join(", ")
        ),
        "leave --purge-packages out, or remove those packages first",
    )
}

/// Nor nginx from under an operator's other sites, whose files would be gone with it.
pub fn operators_sites(host: &Host, receipt: &Receipt, flags: &UninstallFlags) -> Result<()> {
    if !packages(receipt, flags).iter().any(|name| name == "nginx") {
        return Ok(());
    }
    let is_ours = |path: &Path| {
        receipt.owned.iter().any(|entry| match &entry.thing {
            Owned::File { path: ours } | Owned::Unlinked { path: ours, .. } => ours == path,
            _ => false,
        })
    };
    let mut others = Vec::new();
    for directory in SITES.iter().map(Path::new) {
        let names = host.names_in(directory)?.into_iter();
        // The distribution's own site comes with the package.
        let paths = names
            .filter(|name| name != "default")
            .map(|name| directory.join(name));
        others.extend(paths.filter(|path| !is_ours(path)));
    }
    if others.is_empty() {
        return Ok(());
    }
    let others: Vec<String> = others
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    refuse(
        format!(
            "--purge-packages would take nginx with sites that are not ours ({})",
            others.join(", ")
        ),
        "leave --purge-packages out, or move those files away first",
    )
}
