//! Probe, print, apply, record: what becomes of a list of resources.

use anyhow::Context;

use crate::fault::{Result, is_permission_denied};
use crate::host::Host;
use crate::receipt::Receipt;
use crate::resource::{Change, Resource};
use crate::signals;
use crate::ui::{self, Difference, Event};

/// Resources in the order in which they are made.
pub type Resources = Vec<Box<dyn Resource>>;

/// How one resource differs.
#[derive(Clone, Debug)]
pub struct Planned {
    pub name: String,
    pub change: Change,
}

/// Looks at every resource and changes nothing.
///
/// # Errors
/// If one can't be looked at for another reason than that this user may not.
pub fn probe(host: &Host, resources: &Resources) -> Result<Vec<Planned>> {
    resources
        .iter()
        .map(|resource| {
            let name = resource.name();
            let change = look(host, resource.as_ref()).with_context(|| name.clone())?;
            Ok(Planned { name, change })
        })
        .collect()
}

fn look(host: &Host, resource: &dyn Resource) -> Result<Change> {
    match resource.probe(host) {
        Err(e) if is_permission_denied(&e) => Ok(Change::Unknown("needs root")),
        probed => probed,
    }
}

/// Prints what would change; an empty plan says so.
pub fn show(planned: &[Planned]) {
    let changes = planned.iter().filter(|p| p.change != Change::None).count();
    ui::heading(&match changes {
        0 => "Plan: nothing to change".to_owned(),
        1 => "Plan: 1 change".to_owned(),
        n => format!("Plan: {n} changes"),
    });
    for Planned { name, change } in planned {
        let (change, detail) = match change {
            Change::None => continue,
            Change::Create(detail) => (Difference::Create, detail.as_deref()),
            Change::Update(detail) => (Difference::Update, Some(detail.as_str())),
            Change::Unknown(why) => (Difference::Unknown, Some(*why)),
        };
        ui::emit(&Event::Plan {
            resource: name,
            change,
            detail,
        });
    }
}

/// Makes every resource so, each looked at again just before, and records what is ours. Returns the
/// names of those that were changed.
///
/// # Errors
/// The first that can't be made so, or the signal that ended the run; the next run goes on there.
pub fn apply(host: &Host, resources: &Resources, receipt: &mut Receipt) -> Result<Vec<String>> {
    let mut changed = Vec::new();
    for resource in resources {
        signals::check()?;
        let name = resource.name();
        let change = resource.probe(host).with_context(|| name.clone())?;
        if change == Change::None {
            continue;
        }
        let created = matches!(change, Change::Create(_));
        receipt.begin(host, resource.owned(host), created)?;
        ui::step(&name, || resource.apply(host)).with_context(|| name.clone())?;
        receipt.finish(host)?;
        changed.push(name);
    }
    Ok(changed)
}
