//! What may be asked of this host: its role is fenced.

use super::Saved;
use crate::cli::{EDGE_ONLY, Given, ORIGIN_ONLY};
use crate::fault::{Exit, Fault, Result};
use crate::receipt::Role;
use crate::ui;

/// The role that this run is about.
pub(super) fn role(given: &Given, saved: &Saved) -> Result<Role> {
    let flags = &given.cli.install;
    let join_flag = given.by_flag("join");
    if flags.standalone && join_flag {
        return Err(
            Fault::new(Exit::Usage, "--standalone and --join exclude each other")
                .fix("pass --join on an edge, --standalone (or nothing) on an origin")
                .into(),
        );
    }
    let asked = if flags.standalone {
        Some(Role::Origin)
    } else if flags.join {
        Some(Role::Edge)
    } else {
        None
    };
    let installed = saved.receipt.as_ref().map(|receipt| receipt.role);
    match (asked, installed) {
        (Some(asked), Some(installed)) if asked != installed => {
            let by = match (asked, join_flag) {
                (Role::Origin, _) => "--standalone",
                (Role::Edge, true) => "--join",
                (Role::Edge, false) => "STREAMHUB_JOIN",
            };
            Err(Fault::new(
                Exit::Usage,
                format!("this host is an {}; {by} would make it an {}", installed.name(), asked.name()),
            )
            .fix("run `streamhub-install uninstall` first, or leave it out to run this node again as it is")
            .into())
        }
        (_, Some(installed)) => Ok(installed),
        (Some(asked), None) => Ok(asked),
        (None, None) if saved.unreadable => Err(Fault::new(
            Exit::Usage,
            "this user can't read which role this host has",
        )
        .fix("run it as root, or say which role: --join or --standalone")
        .into()),
        (None, None) => Ok(Role::Origin),
    }
}

/// The other role's flags are refused on an installed host; its environment is only mentioned.
pub(super) fn other_roles_flags(given: &Given, role: Role, saved: &Saved) -> Result<()> {
    let (others, other) = match role {
        Role::Edge => (ORIGIN_ONLY, Role::Origin),
        Role::Origin => (EDGE_ONLY, Role::Edge),
    };
    for id in others {
        let flag = format!("--{}", id.replace('_', "-"));
        if given.by_flag(id) && saved.receipt.is_some() {
            return Err(Fault::new(
                Exit::Usage,
                format!(
                    "{flag} belongs to an {}, and this host is an {}",
                    other.name(),
                    role.name()
                ),
            )
            .fix(format!(
                "leave {flag} out; to change the role, run `streamhub-install uninstall` first"
            ))
            .into());
        }
        if given.by_flag(id) || given.by_environment(id) {
            ui::note(&format!(
                "note: {flag} (or its variable) belongs to an {} and is ignored here",
                other.name()
            ));
        }
    }
    Ok(())
}
