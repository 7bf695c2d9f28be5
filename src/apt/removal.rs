//! Taking packages away again.

use super::known::removed;
use super::{apt_get, repair, run};
use crate::fault::Result;
use crate::host::Host;

/// The packages that would have to go with these, because they need them. Changes nothing.
///
/// # Errors
/// If apt can't be asked.
pub fn needed_by_others(packages: &[&str]) -> Result<Vec<String>> {
    if packages.is_empty() {
        return Ok(Vec::new());
    }
    let mut others = removed(&["remove"], packages)?;
    others.retain(|name| !packages.contains(&name.as_str()));
    Ok(others)
}

/// Removes packages with their configuration, and what came along with them and nobody needs any more.
///
/// # Errors
/// As [`super::install`].
pub fn purge(host: &Host, packages: &[&str]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    repair(host)?;
    // What nobody needed before is no business of ours.
    let unneeded = removed(&["autoremove"], &[])?;
    let mut names = removed(&["purge", "--auto-remove"], packages)?;
    names.retain(|name| packages.contains(&name.as_str()) || !unneeded.contains(name));
    run(host, &apt_get().args(["purge", "--yes"]).args(names))
}
