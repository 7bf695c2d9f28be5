//! Probe, print, apply, record: what becomes of a list of resources.

mod removal;

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;

pub use removal::Removals;

use crate::fault::{Result, is_permission_denied};
use crate::host::Host;
use crate::receipt::Receipt;
use crate::resource::{Change, Resource, Resources};
use crate::signals;
use crate::ui::{self, Difference, Event};

/// Also a run that fails in the middle says whether it changed the host.
static HAS_CHANGED: AtomicBool = AtomicBool::new(false);

/// Whether this run has begun to change the host.
pub fn has_changed() -> bool {
    HAS_CHANGED.load(Ordering::Relaxed)
}

/// Resources, and how each differed from what is wanted when it was looked at.
pub struct Plan {
    steps: Vec<(Box<dyn Resource>, Change)>,
}

/// Looks at every resource and changes nothing.
///
/// # Errors
/// If one can't be looked at for another reason than that this user may not.
pub fn probe(host: &Host, resources: Resources) -> Result<Plan> {
    let steps = resources
        .into_iter()
        .map(|resource| {
            let change = look(host, resource.as_ref()).with_context(|| resource.name())?;
            Ok((resource, change))
        })
        .collect::<Result<_>>()?;
    Ok(Plan { steps })
}

fn look(host: &Host, resource: &dyn Resource) -> Result<Change> {
    match resource.probe(host) {
        Err(e) if is_permission_denied(&e) => Ok(Change::Unknown("needs root")),
        probed => probed,
    }
}

/// Prints what would change; an empty plan says so.
pub fn show(plans: &[&Plan]) {
    let steps: Vec<_> = plans.iter().flat_map(|plan| plan.changes()).collect();
    let count = |wanted: fn(&Change) -> bool| steps.iter().filter(|(_, c)| wanted(c)).count();
    let changes = match count(|c| !matches!(c, Change::None | Change::Unknown(_))) {
        0 => "nothing to change".to_owned(),
        1 => "1 change".to_owned(),
        n => format!("{n} changes"),
    };
    let unknown = match count(|c| matches!(c, Change::Unknown(_))) {
        0 => String::new(),
        n => format!(", {n} unknown"),
    };
    ui::heading(&format!("Plan: {changes}{unknown}"));
    for (name, change) in steps {
        let (change, detail) = match change {
            Change::None => continue,
            Change::Create(detail) => (Difference::Create, detail.as_deref()),
            Change::Update(detail) => (Difference::Update, Some(detail.as_str())),
            Change::Unknown(why) => (Difference::Unknown, Some(*why)),
        };
        ui::emit(&Event::Plan {
            resource: &name,
            change,
            detail,
        });
    }
}

impl Plan {
    /// Every resource by its name.
    pub fn changes(&self) -> impl Iterator<Item = (String, &Change)> {
        self.steps
            .iter()
            .map(|(resource, change)| (resource.name(), change))
    }

    /// Whether all is as it should be.
    pub fn is_empty(&self) -> bool {
        self.steps.iter().all(|(_, change)| *change == Change::None)
    }

    /// Makes every resource so and records what is ours. Unless all is as it should be, each is looked
    /// at again just before: the ones above it may have changed it. Returns the names of those that
    /// were changed.
    ///
    /// # Errors
    /// The first that can't be made so, or the signal that ended the run; the next run goes on there.
    pub fn apply(&self, host: &Host, receipt: &mut Receipt) -> Result<Vec<String>> {
        let mut changed = Vec::new();
        if self.is_empty() {
            return Ok(changed);
        }
        for (resource, _) in &self.steps {
            signals::check()?;
            let name = resource.name();
            let change = resource.probe(host).with_context(|| name.clone())?;
            if change == Change::None {
                continue;
            }
            let created = matches!(change, Change::Create(_));
            receipt.begin(host, resource.owned(host), created)?;
            HAS_CHANGED.store(true, Ordering::Relaxed);
            if let Err(error) = ui::step(&name, || resource.apply(host)) {
                // The failure is what is told, also where the receipt can't be written any more.
                let _ = receipt.fail(host);
                return Err(error.context(name));
            }
            receipt.finish(host)?;
            changed.push(name);
        }
        Ok(changed)
    }
}
