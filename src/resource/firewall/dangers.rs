//! What the firewall lets in that it should not, and keeps out that it should let in.

use super::edges::EdgeRules;
use super::network::Network;
use super::rule::Rule;
use super::ufw::Ufw;
use crate::fault::Result;
use crate::host::{Host, Protocol};

/// Something that an operator has to know about the firewall, and the command that ends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Danger {
    pub what: String,
    pub fix: String,
}

impl EdgeRules {
    /// Who reaches redis or the cluster API and should not: everybody, where ufw is off or gone and both
    /// are shared with edges, or by a rule for everybody or for a whole public network.
    ///
    /// # Errors
    /// If ufw's files can't be read; by an ordinary user they can't.
    pub fn dangers(&self, host: &Host, are_shared: bool) -> Result<Vec<Danger>> {
        let ufw = Ufw::read(host)?;
        match &ufw {
            Some(ufw) if ufw.is_active => self.open_to_many(ufw, host),
            _ if !are_shared => Ok(Vec::new()),
            Some(_) => Ok(vec![self.unprotected("ufw is switched off", "")]),
            None => Ok(vec![
                self.unprotected("there is no ufw", "apt-get install ufw && "),
            ]),
        }
    }

    /// Which of the edges that should be let in are not, where ufw is on.
    ///
    /// # Errors
    /// As [`EdgeRules::dangers`].
    pub fn cut_off(&self, host: &Host) -> Result<Vec<Danger>> {
        let Some(ufw) = Ufw::read(host)?.filter(|ufw| ufw.is_active) else {
            return Ok(Vec::new());
        };
        let mut found: Vec<Danger> = self
            .needs(&ufw)
            .into_iter()
            .map(|need| {
                let edge = need.rule.from;
                let why = match (&need.below, &need.instead) {
                    (Some(above), _) => format!("`ufw {above}` stands above `ufw {}`", need.rule),
                    (None, Some(instead)) => format!("`ufw {instead}` stands for it"),
                    (None, None) => format!("`ufw {}` is missing", need.rule),
                };
                Danger {
                    what: format!("the firewall keeps the edge {edge} out: {why}"),
                    fix: format!("streamhub-install allow-edge {edge}"),
                }
            })
            .collect();
        if !ufw.is_in_force() {
            found.push(Danger {
                what: "ufw's rules are not those that are in force: a change of them was cut off"
                    .to_owned(),
                fix: "streamhub-install".to_owned(),
            });
        }
        Ok(found)
    }

    fn unprotected(&self, why: &str, first: &str) -> Danger {
        Danger {
            what: format!(
                "{why}: whoever reaches this host reaches redis and the cluster API (ports {}) wherever they listen, unless another firewall stands before it",
                self.port_list()
            ),
            // Switching it on is the operator's to do: who logs in by another port than 22 would be locked out.
            fix: format!(
                "{first}ufw allow 22/tcp && ufw enable && streamhub-install   # instead of 22 the port that you log in by"
            ),
        }
    }

    fn open_to_many(&self, ufw: &Ufw, host: &Host) -> Result<Vec<Danger>> {
        let mut found = Vec::new();
        let mut add = |what: String, fix: String| {
            let danger = Danger { what, fix };
            if !found.contains(&danger) {
                found.push(danger);
            }
        };
        for rules in ufw.halves() {
            for (at, rule) in rules.iter().enumerate() {
                let ports = self.ports.iter().filter(|port| {
                    rule.covers(**port, Protocol::Tcp) && !is_refused(&rules[..at], rule, **port)
                });
                let ports: Vec<String> = ports.map(u16::to_string).collect();
                if ports.is_empty() || !is_open_to_many(rule, host)? {
                    continue;
                }
                let whom = if rule.from.is_everybody() {
                    "everybody".to_owned()
                } else {
                    format!("all of {}", rule.from)
                };
                add(
                    format!(
                        "a firewall rule lets {whom} reach port {}: ufw {rule}",
                        ports.join(" and ")
                    ),
                    format!("ufw delete {rule}"),
                );
            }
        }
        if ufw.admits_by_default {
            add(
                format!(
                    "the firewall lets in whatever no rule is about, and so everybody to ports {}",
                    self.port_list()
                ),
                "ufw allow 22/tcp && ufw default deny incoming   # instead of 22 the port that you log in by"
                    .to_owned(),
            );
        }
        Ok(found)
    }

    fn port_list(&self) -> String {
        let ports: Vec<String> = self.ports.iter().map(u16::to_string).collect();
        ports.join(" and ")
    }
}

/// Whether a rule lets in more of the internet than one address. One for an interface, or for an address of
/// this host, that is private is somebody's private network.
fn is_open_to_many(rule: &Rule, host: &Host) -> Result<bool> {
    let is_wide = !rule.from.is_private() && !rule.from.is_one_address();
    if !rule.lets_in() || !is_wide || rule.to.is_private() {
        return Ok(false);
    }
    let Some(interface) = &rule.interface else {
        return Ok(true);
    };
    let mut own = host.addresses_of(interface)?.into_iter();
    Ok(own.any(|ip| !Network::of(ip).is_private()))
}

/// Whether a rule above takes all that it would let in.
fn is_refused(above: &[Rule], rule: &Rule, port: u16) -> bool {
    above.iter().any(|other| {
        !other.lets_in()
            && other.is_total()
            && other.covers(port, Protocol::Tcp)
            && other.from.contains(rule.from)
    })
}
