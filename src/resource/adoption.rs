//! A node that another program set up, taken over.

use super::{Change, Resource};
use crate::fault::Result;
use crate::host::Host;
use crate::receipt::Owned;

/// The taking over itself: what was inferred is shown, and what is there is recorded as ours, so that an
/// uninstall removes it. Once it is recorded nobody wants it any more; all else is a matter of the other
/// resources.
#[derive(Clone, Debug)]
pub struct Adoption {
    /// What was inferred, for people.
    pub inferred: String,
    pub things: Vec<Owned>,
}

impl Resource for Adoption {
    fn name(&self) -> String {
        "node that has no receipt, taken over".to_owned()
    }

    fn probe(&self, _host: &Host) -> Result<Change> {
        // As if made by us: what it made is ours to remove from now on.
        Ok(Change::Create(Some(self.inferred.clone())))
    }

    fn apply(&self, _host: &Host) -> Result<()> {
        Ok(())
    }

    fn owned(&self, _host: &Host) -> Vec<Owned> {
        self.things.clone()
    }
}
