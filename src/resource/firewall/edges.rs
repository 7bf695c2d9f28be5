//! Edges that reach redis and the cluster API through ufw, and no longer do.

use std::net::IpAddr;

use super::network::Network;
use super::rule::{Rule, Verdict, typed};
use super::ufw::{Ufw, ufw};
use crate::fault::{Exit, Fault, Result};
use crate::host::{Host, Protocol};
use crate::receipt::Owned;
use crate::resource::{Change, Resource};

/// Where redis listens.
const REDIS: u16 = 6379;

/// Rules that let edges reach an origin's redis and cluster API, whatever an operator refuses to others.
/// Where ufw is switched off they are kept in it for the day when it is on.
#[derive(Clone, Debug)]
pub struct EdgeRules {
    pub(super) edges: Vec<IpAddr>,
    pub(super) ports: Vec<u16>,
}

/// The same rules, gone, whoever made them.
#[derive(Clone, Debug)]
pub struct NoEdgeRules(pub EdgeRules);

/// A rule that is missing, or is there and has no effect.
pub(super) struct Need {
    pub rule: Rule,
    /// What is there instead, in a place or with a verdict that is wrong.
    pub instead: Option<Rule>,
    /// The first rule above its place that keeps it from having an effect.
    pub below: Option<Rule>,
}

impl Need {
    /// What ufw is told, one command each.
    fn commands(&self) -> Vec<Vec<String>> {
        let place = self.instead.is_some() || self.below.is_some();
        // ufw does not move a rule: a `prepend` of one that is there is skipped, and succeeds.
        let delete = self.instead.iter().map(|rule| with("delete", rule.words()));
        let add = self.rule.words_with_comment();
        let add = if place { with("prepend", add) } else { add };
        delete.chain([add]).collect()
    }
}

fn with(word: &str, mut words: Vec<String>) -> Vec<String> {
    words.insert(0, word.to_owned());
    words
}

impl EdgeRules {
    /// For these edges and an API on this port.
    pub fn new(edges: &[IpAddr], api_port: u16) -> Self {
        let mut ports = vec![REDIS, api_port];
        ports.dedup();
        Self {
            edges: edges.iter().map(IpAddr::to_canonical).collect(),
            ports,
        }
    }

    /// What they let an edge reach, for people.
    pub fn reach(&self) -> String {
        match self.ports.as_slice() {
            [redis, api] => format!("redis (port {redis}) and the cluster API (port {api})"),
            _ => format!("redis (port {REDIS})"),
        }
    }

    /// Which connections that is, as `ss` takes it.
    pub fn connections_of(&self, ip: IpAddr) -> String {
        let ports: Vec<String> = self.ports.iter().map(|p| format!("sport = :{p}")).collect();
        let from = match ip {
            // One socket may serve both kinds of addresses.
            IpAddr::V4(v4) => format!("( dst {v4} or dst [{}] )", v4.to_ipv6_mapped()),
            IpAddr::V6(v6) => format!("dst [{v6}]"),
        };
        format!("{from} and ( {} )", ports.join(" or "))
    }

    /// Whether ufw is on.
    ///
    /// # Errors
    /// If ufw's files can't be read.
    pub fn is_enforced(&self, host: &Host) -> Result<bool> {
        Ok(Ufw::read(host)?.is_some_and(|ufw| ufw.is_active))
    }

    pub(super) fn wanted(&self) -> impl Iterator<Item = (IpAddr, u16)> {
        let ports = self.ports.iter();
        self.edges
            .iter()
            .flat_map(move |ip| ports.clone().map(|port| (*ip, *port)))
    }

    /// What has to be done for the rules to have their effect.
    pub(super) fn needs(&self, ufw: &Ufw) -> Vec<Need> {
        let need = |(ip, port)| need(ufw.rules_for(ip), ip, port);
        self.wanted().filter_map(need).collect()
    }

    /// What else lets this address in where it should not come any more: commands that end that.
    ///
    /// # Errors
    /// If ufw's files can't be read.
    pub fn still_admitted(&self, host: &Host, ip: IpAddr) -> Result<Vec<String>> {
        let Some(ufw) = Ufw::read(host)?.filter(|ufw| ufw.is_active) else {
            return Ok(Vec::new());
        };
        let ip = ip.to_canonical();
        let mut ways: Vec<String> = Vec::new();
        for port in &self.ports {
            let mut ended = false;
            for rule in touching(ufw.rules_for(ip), ip, *port) {
                if rule.lets_in() {
                    ways.push(format!("ufw delete {rule}"));
                } else if rule.is_total() {
                    ended = true;
                    break;
                }
            }
            if !ended && ufw.admits_by_default {
                ways.push("ufw default deny incoming".to_owned());
            }
        }
        ways.sort_unstable();
        ways.dedup();
        Ok(ways)
    }
}

/// Rules that decide about an address and a TCP port, at least in part.
fn touching(rules: &[Rule], ip: IpAddr, port: u16) -> impl Iterator<Item = &Rule> {
    rules
        .iter()
        .filter(move |rule| rule.covers(port, Protocol::Tcp) && rule.from.contains(Network::of(ip)))
}

fn need(rules: &[Rule], ip: IpAddr, port: u16) -> Option<Need> {
    let rule = Rule::allowing(ip, port);
    let at = rules
        .iter()
        .position(|other| other.is_about_the_same(&rule));
    let found = at.map(|at| &rules[at]);
    let above = &rules[..at.unwrap_or(rules.len())];
    let below = touching(above, ip, port).find(|rule| rule.shuts_off());
    match found {
        Some(found) if found.verdict == Verdict::Allow && below.is_none() => None,
        Some(found) => Some(Need {
            rule: rule.with_comment_of(found),
            instead: Some(found.clone()),
            below: below.cloned(),
        }),
        None => Some(Need {
            rule,
            instead: None,
            below: below.cloned(),
        }),
    }
}

/// An update by commands, or none.
fn update(commands: impl Iterator<Item = Vec<String>>, ufw: &Ufw) -> Change {
    let mut detail: String = commands
        .map(|words| format!("ufw {}\n", typed(&words)))
        .collect();
    detail.push_str(&ufw.enforcement());
    if detail.is_empty() {
        Change::None
    } else {
        Change::Update(detail)
    }
}

/// Looks again at what ufw has made of it.
fn verify(host: &Host, is_done: impl Fn(&Ufw) -> bool) -> Result<()> {
    let fault = |what: &str| {
        Fault::new(Exit::Failed, what).fix("see what it says: ufw status numbered; ufw reload")
    };
    let look = || -> Result<Ufw> { Ok(Ufw::read(host)?.ok_or_else(|| fault("ufw is gone"))?) };
    let ufw = look()?;
    ufw.enforce()?;
    if is_done(&ufw) && look()?.is_in_force() {
        return Ok(());
    }
    Err(fault("ufw took the rules and does not have them in force in that order").into())
}

impl Resource for EdgeRules {
    fn name(&self) -> String {
        "firewall rules for edges".to_owned()
    }

    fn probe(&self, host: &Host) -> Result<Change> {
        let Some(ufw) = Ufw::read(host)?.filter(|_| !self.edges.is_empty()) else {
            return Ok(Change::None);
        };
        let needs = self.needs(&ufw);
        let mut needed = needs.iter().map(|need| need.rule.from.ip);
        if let Some(ip) = needed.find(|ip| ip.is_ipv6() && !ufw.has_v6) {
            let what = format!("ufw is told to refuse IPv6, and {ip} is such an address");
            return Err(Fault::new(Exit::NotReady, what)
                .fix(format!(
                    "sed -i '/^IPV6=/d' /etc/default/ufw && echo IPV6=yes >>/etc/default/ufw && ufw reload, or let it in no more: streamhub-install allow-edge --revoke {ip}"
                ))
                .into());
        }
        Ok(update(needs.iter().flat_map(Need::commands), &ufw))
    }

    fn apply(&self, host: &Host) -> Result<()> {
        let Some(found) = Ufw::read(host)? else {
            return Ok(());
        };
        // Each at a time: one that is put first changes the place of the others.
        for need in self.needs(&found) {
            for words in need.commands() {
                ufw().args(words).succeed()?;
            }
        }
        verify(host, |ufw| self.needs(ufw).is_empty())
    }

    fn owned(&self, host: &Host) -> Vec<Owned> {
        let Ok(Some(ufw)) = Ufw::read(host) else {
            return Vec::new();
        };
        // What an operator made stays his where it is moved.
        let needs = self.needs(&ufw).into_iter();
        let new = needs.filter(|need| {
            need.instead
                .as_ref()
                .is_none_or(|rule| rule.verdict != Verdict::Allow)
        });
        new.map(|need| Owned::FirewallRule {
            rule: need.rule.to_string(),
        })
        .collect()
    }
}

impl NoEdgeRules {
    fn found(&self, ufw: &Ufw) -> Vec<Rule> {
        let equal = |(ip, port)| {
            let rule = Rule::allowing(ip, port);
            let mut rules = ufw.rules_for(ip).iter();
            rules
                .find(|other| other.is_about_the_same(&rule) && other.verdict == Verdict::Allow)
                .cloned()
        };
        self.0.wanted().filter_map(equal).collect()
    }

    /// What the receipt calls them.
    pub fn as_owned(&self) -> Vec<Owned> {
        let rules = self.0.wanted();
        rules
            .map(|(ip, port)| Owned::FirewallRule {
                rule: Rule::allowing(ip, port).to_string(),
            })
            .collect()
    }
}

impl Resource for NoEdgeRules {
    fn name(&self) -> String {
        "firewall rules for edges, taken away".to_owned()
    }

    fn probe(&self, host: &Host) -> Result<Change> {
        let Some(ufw) = Ufw::read(host)? else {
            return Ok(Change::None);
        };
        let found = self.found(&ufw);
        Ok(update(
            found.iter().map(|rule| with("delete", rule.words())),
            &ufw,
        ))
    }

    fn apply(&self, host: &Host) -> Result<()> {
        let Some(found) = Ufw::read(host)? else {
            return Ok(());
        };
        for rule in self.found(&found) {
            ufw().args(with("delete", rule.words())).succeed()?;
        }
        verify(host, |ufw| self.found(ufw).is_empty())
    }

    fn owned(&self, _host: &Host) -> Vec<Owned> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests;
