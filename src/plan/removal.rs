//! The plan of an uninstall: what is there of ours, shown and taken away, one thing after the other.

use std::sync::atomic::Ordering;

use anyhow::Context;

use super::HAS_CHANGED;
use crate::fault::Result;
use crate::host::Host;
use crate::receipt::Receipt;
use crate::resource::Removal;
use crate::signals;
use crate::ui::{self, Difference, Event};

/// What is to be taken away, in order.
pub struct Removals(pub Vec<Box<dyn Removal>>);

impl Removals {
    /// Prints what will go, and says whether that is anything. Changes nothing.
    ///
    /// # Errors
    /// If something can't be looked at.
    pub fn show(&self, host: &Host) -> Result<bool> {
        let mut there = Vec::new();
        for removal in &self.0 {
            if removal.is_there(host).with_context(|| removal.name())? {
                there.push((removal.name(), removal.detail(host)?));
            }
        }
        ui::heading(&match there.len() {
            0 => "Plan: nothing to remove".to_owned(),
            1 => "Plan: 1 thing to remove".to_owned(),
            n => format!("Plan: {n} things to remove"),
        });
        for (name, detail) in &there {
            ui::emit(&Event::Plan {
                resource: name,
                change: Difference::Remove,
                detail: detail.as_deref(),
            });
        }
        Ok(!there.is_empty())
    }

    /// Takes everything away; what is gone already is only forgotten. The receipt forgets each thing once it is gone, so
    /// that the next run goes on where this one was cut off; what somebody else uses, it does not forget.
    ///
    /// # Errors
    /// The first that can't be removed, or the signal that ended the run.
    pub fn apply(&self, host: &Host, receipt: &mut Receipt) -> Result<()> {
        for removal in &self.0 {
            signals::check()?;
            let name = removal.name();
            let mut is_gone = true;
            if removal.is_there(host).with_context(|| name.clone())? {
                HAS_CHANGED.store(true, Ordering::Relaxed);
                is_gone =
                    ui::step(&format!("remove {name}"), || removal.remove(host)).context(name)?;
            }
            if is_gone {
                receipt.forget(host, &removal.things())?;
            }
        }
        Ok(())
    }
}
