//! The receipt of a node that is taken away: it forgets thing by thing, and goes last.

use std::path::Path;

use super::{DIRECTORY, Entry, Owned, PATH, Receipt, Role, Saved};
use crate::fault::Result;
use crate::host::Host;

/// Where it is noted what stays after an uninstall, in the form of a receipt.
const LEFT: &str = "/etc/streamhub/left.json";

impl Receipt {
    /// Counts things as ours that stand in no entry, or in one as somebody else's. Says whether that is anything new,
    /// which is to be saved before they are taken away.
    pub fn note(&mut self, things: Vec<Owned>) -> bool {
        let before = self.owned.clone();
        for thing in things {
            match self.owned.iter_mut().find(|entry| entry.thing == thing) {
                Some(entry) => entry.created = true,
                None => self.owned.push(Entry {
                    thing,
                    created: true,
                    pending: false,
                }),
            }
        }
        self.owned != before
    }

    /// Forgets things that are not there any more.
    ///
    /// # Errors
    /// If the receipt can't be written.
    pub fn forget(&mut self, host: &Host, things: &[Owned]) -> Result<()> {
        let before = self.owned.len();
        self.owned.retain(|entry| !things.contains(&entry.thing));
        if self.owned.len() == before {
            return Ok(());
        }
        self.save(host)
    }

    /// Removes the receipt itself. Of what of ours stays on this host a note stays too: a later uninstall may be asked to
    /// take it, and a later install counts it as its own again.
    ///
    /// # Errors
    /// If it can't be removed.
    pub fn discard(mut self, host: &Host, stays: &[Owned]) -> Result<()> {
        self.owned.retain(|entry| stays.contains(&entry.thing));
        self.settings = Saved::default();
        self.compose = None;
        if self.owned.is_empty() {
            host.remove(Path::new(LEFT))?;
        } else {
            self.write(host, Path::new(LEFT))?;
        }
        host.remove(Path::new(PATH))?;
        host.remove_empty_dir(Path::new(DIRECTORY)).map(drop)
    }

    /// Clears what a first run that was killed left of its first receipt.
    ///
    /// # Errors
    /// If it can't be removed.
    pub fn clear_unfinished(host: &Host) -> Result<()> {
        host.clear_unfinished(Path::new(PATH))?;
        host.remove_empty_dir(Path::new(DIRECTORY)).map(drop)
    }

    /// What an uninstall left on this host.
    ///
    /// # Errors
    /// As [`Receipt::load`].
    pub fn left(host: &Host) -> Result<Option<Self>> {
        Self::read(host, Path::new(LEFT))
    }

    /// The receipt of a first run, with what an uninstall before it left.
    ///
    /// # Errors
    /// As [`Receipt::load`].
    pub fn first(host: &Host, role: Role, dir: &Path) -> Result<Self> {
        let mut receipt = Self::new(role, dir);
        receipt.owned = Self::left(host)?.map_or_else(Vec::new, |left| left.owned);
        Ok(receipt)
    }
}
