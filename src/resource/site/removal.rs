//! The site taken away: nginx serves the others on, and the distribution's default site again.

use std::path::Path;

use super::{ENABLED, nginx};
use crate::exec;
use crate::fault::Result;
use crate::host::{Found, Host};
use crate::receipt::Owned;
use crate::resource::Removal;
use crate::ui;

/// Where all of it lies.
const NGINX: &str = "/etc/nginx";

/// The parts of a site that the receipt names.
#[derive(Clone, Debug)]
pub struct SiteParts(pub Vec<Owned>);

impl SiteParts {
    /// Whether a thing belongs to a site.
    pub fn has(thing: &Owned) -> bool {
        match thing {
            Owned::Unlinked { .. } => true,
            Owned::File { path } => path.starts_with(NGINX),
            _ => false,
        }
    }
}

impl Removal for SiteParts {
    fn name(&self) -> String {
        "nginx site".to_owned()
    }

    fn detail(&self, host: &Host) -> Result<Option<String>> {
        let mut lines = String::new();
        for thing in &self.0 {
            if thing.is_there(host)? {
                lines += &format!("{}\n", thing.name());
            }
        }
        Ok(Some(lines).filter(|lines| !lines.is_empty()))
    }

    /// As long as the receipt names a part, nginx may not have been told yet.
    fn is_there(&self, host: &Host) -> Result<bool> {
        Ok(!self.0.is_empty() && matches!(host.find(Path::new(NGINX))?, Found::Directory(_)))
    }

    fn remove(&self, host: &Host) -> Result<bool> {
        // The links first: nginx never sees one to a file that is gone.
        let (links, rest): (Vec<_>, Vec<_>) = self
            .0
            .iter()
            .partition(|thing| matches!(thing, Owned::File { path } if path.starts_with(ENABLED)));
        for thing in links.into_iter().chain(rest) {
            if thing.is_there(host)? {
                thing.remove(host)?;
            }
        }
        if exec::is_installed("nginx") && nginx::State::look()?.active {
            // What others have in it is theirs to mend, and must not keep a node on a host.
            if let Err(error) = nginx::test().and_then(|()| nginx::take_up()) {
                ui::warn(&format!("nginx was not told of it: {error:#}"));
            }
        }
        Ok(true)
    }

    fn things(&self) -> Vec<Owned> {
        self.0.clone()
    }
}
