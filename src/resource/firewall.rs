//! ufw: the public ports are open where an operator has switched it on, and edges reach what they share
//! with an origin. It is never switched on from here, since that can lock an operator out.

mod dangers;
mod edges;
mod network;
mod rule;
mod ufw;

pub use dangers::Danger;
pub use edges::{EdgeRules, NoEdgeRules};

use super::{Change, Resource};
use crate::fault::Result;
use crate::host::{Host, Protocol};
use crate::receipt::Owned;
use rule::Verdict;
use ufw::Ufw;
pub(super) use ufw::ufw;

/// A port, and what for.
#[derive(Clone, Copy, Debug)]
pub struct Port(pub u16, pub Protocol, pub &'static str);

/// Ports that everybody may reach.
#[derive(Clone, Copy, Debug)]
pub struct Firewall {
    open: &'static [Port],
}

impl Firewall {
    /// A firewall that lets everybody reach these.
    pub fn open(ports: &'static [Port]) -> Self {
        Self { open: ports }
    }

    /// The commands' words, for each port that somebody is kept from.
    fn missing(&self, ufw: &Ufw) -> Vec<String> {
        if !ufw.is_active {
            return Vec::new();
        }
        let is_open = |port: &Port, rules: &[rule::Rule]| {
            rules.iter().any(|rule| {
                rule.verdict == Verdict::Allow
                    && rule.from.is_everybody()
                    && rule.is_total()
                    && rule.covers(port.0, port.1)
            })
        };
        self.open
            .iter()
            .filter(|port| !ufw.halves().iter().all(|rules| is_open(port, rules)))
            .map(|Port(port, protocol, _)| format!("{port}/{}", protocol.name()))
            .collect()
    }
}

impl Resource for Firewall {
    fn name(&self) -> String {
        "firewall rules for the public ports".to_owned()
    }

    fn probe(&self, host: &Host) -> Result<Change> {
        // Its rules are root's to read.
        if !Ufw::is_enabled(host)? {
            return Ok(Change::None);
        }
        let Some(ufw) = Ufw::read(host)? else {
            return Ok(Change::None);
        };
        let missing = self.missing(&ufw);
        let mut detail: String = missing
            .iter()
            .map(|rule| format!("ufw allow {rule}\n"))
            .collect();
        detail.push_str(&ufw.enforcement());
        Ok(if detail.is_empty() {
            Change::None
        } else {
            Change::Update(detail)
        })
    }

    fn apply(&self, host: &Host) -> Result<()> {
        if let Some(found) = Ufw::read(host)? {
            found.enforce()?;
            for rule in self.missing(&found) {
                ufw().args(["allow", &rule]).succeed()?;
            }
        }
        Ok(())
    }

    fn owned(&self, host: &Host) -> Vec<Owned> {
        let Ok(Some(ufw)) = Ufw::read(host) else {
            return Vec::new();
        };
        self.missing(&ufw)
            .into_iter()
            .map(|rule| Owned::FirewallRule {
                rule: format!("allow {rule}"),
            })
            .collect()
    }
}
