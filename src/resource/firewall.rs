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
use rule::{Rule, Verdict};
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
        let is_open = |port: &Port, rules: &[Rule]| {
            let mut rules = rules.iter().filter(|rule| is_about(rule, port));
            rules.any(|rule| rule.verdict == Verdict::Allow)
        };
        self.open
            .iter()
            .filter(|port| !ufw.halves().iter().all(|rules| is_open(port, rules)))
            .map(|Port(port, protocol, _)| format!("{port}/{}", protocol.name()))
            .collect()
    }

    /// Which of the ports stay shut though a rule opens them: an operator's own stands above it, and is theirs to
    /// take away.
    ///
    /// # Errors
    /// If ufw's files or the kernel's rules can't be read; by an ordinary user they can't.
    pub fn shut(&self, host: &Host) -> Result<Vec<Danger>> {
        // Its rules are root's to read.
        if !Ufw::is_enabled(host)? {
            return Ok(Vec::new());
        }
        let Some(ufw) = Ufw::read(host)?.filter(|ufw| ufw.is_active) else {
            return Ok(Vec::new());
        };
        let mut found: Vec<Danger> = Vec::new();
        for (port, rules) in self
            .open
            .iter()
            .flat_map(|port| ufw.halves().into_iter().map(move |rules| (port, rules)))
        {
            let mut about = rules.iter().filter(|rule| is_about(rule, port));
            let Some(first) = about.next().filter(|rule| !rule.lets_in()) else {
                continue;
            };
            // Without one below it, the rule that opens the port is missing, and is another finding.
            if !about.any(Rule::lets_in) {
                continue;
            }
            let Port(number, protocol, purpose) = port;
            let danger = Danger {
                what: format!(
                    "nobody reaches port {number}/{} ({purpose}): `ufw {first}` stands above the rule that opens it",
                    protocol.name()
                ),
                fix: format!("ufw delete {first}"),
            };
            if !found.contains(&danger) {
                found.push(danger);
            }
        }
        Ok(found)
    }
}

/// Whether a rule decides about all that comes to a port.
fn is_about(rule: &Rule, port: &Port) -> bool {
    rule.from.is_everybody() && rule.is_total() && rule.covers(port.0, port.1)
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
