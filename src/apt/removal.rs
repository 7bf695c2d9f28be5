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

/// Removes packages with their configuration, but for that of `kept`, and what came along with them and nobody needs any
/// more.
///
/// # Errors
/// As [`super::install`].
pub fn purge(host: &Host, packages: &[&str], kept: &[&str]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    repair(host)?;
    // What nobody needed before is no business of ours.
    let unneeded = removed(&["autoremove"], &[])?;
    let mut names = removed(&["purge", "--auto-remove"], packages)?;
    names.retain(|name| packages.contains(&name.as_str()) || !unneeded.contains(name));
    // Purged, what another one needs would take that one's configuration along.
    let kept = names.iter().filter(|name| kept.contains(&name.as_str()));
    let kept: Vec<String> = kept.cloned().collect();
    names.retain(|name| !kept.contains(name));
    for (how, names) in [("remove", kept), ("purge", names)] {
        if !names.is_empty() {
            run(host, &apt_get().args([how, "--yes"]).args(names))?;
        }
    }
    Ok(())
}
