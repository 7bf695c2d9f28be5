//! ufw as it stands on this host: read from the files that it reads itself, and from the kernel, since
//! its own `status` shows what is in the files also where a killed run kept that from coming into force.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use super::rule::Rule;
use crate::exec::{self, Program};
use crate::fault::Result;
use crate::host::Host;

/// One half of the firewall.
struct Family {
    rules: &'static str,
    chain: &'static str,
    /// What lists the chain, and what fills it.
    tools: [&'static str; 2],
}

const V4: Family = Family {
    rules: "/etc/ufw/user.rules",
    chain: "ufw-user-input",
    tools: ["iptables", "iptables-restore"],
};
const V6: Family = Family {
    rules: "/etc/ufw/user6.rules",
    chain: "ufw6-user-input",
    tools: ["ip6tables", "ip6tables-restore"],
};

/// ufw, where it is installed.
pub(super) struct Ufw {
    /// Switched on, and its chains are in the kernel.
    pub is_active: bool,
    /// What no rule is about comes in.
    pub admits_by_default: bool,
    /// Whether it takes rules for IPv6; where not, nothing comes in by it.
    pub has_v6: bool,
    v4: Vec<Rule>,
    v6: Vec<Rule>,
    /// The halves whose rules are not the kernel's.
    stale: Vec<&'static Family>,
}

impl Ufw {
    /// Whether it is installed and switched on, which any user may know.
    ///
    /// # Errors
    /// If its settings can't be read.
    pub(super) fn is_enabled(host: &Host) -> Result<bool> {
        let conf = text(host, "/etc/ufw/ufw.conf")?;
        let enabled = setting(&conf, "ENABLED").is_some_and(|v| v.eq_ignore_ascii_case("yes"));
        Ok(enabled && exec::is_installed("ufw"))
    }

    /// Looks at it; `None` where it is not installed.
    ///
    /// # Errors
    /// If its files or the kernel's rules can't be read.
    pub(super) fn read(host: &Host) -> Result<Option<Self>> {
        if !exec::is_installed("ufw") {
            return Ok(None);
        }
        let conf = text(host, "/etc/ufw/ufw.conf")?;
        let defaults = text(host, "/etc/default/ufw")?;
        let is = |text: &str, key: &str, value: &str| {
            setting(text, key).is_some_and(|found| found.eq_ignore_ascii_case(value))
        };
        let has_v6 = is(&defaults, "IPV6", "yes");
        let enabled = is(&conf, "ENABLED", "yes");
        let rules = [text(host, V4.rules)?, text(host, V6.rules)?];
        let mut stale = Vec::new();
        let mut is_active = enabled;
        if enabled {
            for (family, wanted) in [&V4, &V6].into_iter().zip(&rules) {
                if family.chain == V6.chain && !has_v6 {
                    continue;
                }
                match in_kernel(family)? {
                    Some(count) if count == appended(wanted, family) => {}
                    Some(_) => stale.push(family),
                    None => is_active = false,
                }
            }
        }
        let parse = |text: &str| text.lines().filter_map(Rule::parse).collect();
        Ok(Some(Self {
            is_active,
            admits_by_default: is(&defaults, "DEFAULT_INPUT_POLICY", "ACCEPT"),
            has_v6,
            v4: parse(&rules[0]),
            v6: parse(&rules[1]),
            stale,
        }))
    }

    /// The rules for addresses of this kind, in their effective order.
    pub(super) fn rules_for(&self, ip: IpAddr) -> &[Rule] {
        if ip.is_ipv4() { &self.v4 } else { &self.v6 }
    }

    /// The rules for IPv4, and those for IPv6 where it is not refused, each in its effective order.
    pub(super) fn halves(&self) -> Vec<&[Rule]> {
        let v6 = self.has_v6.then_some(self.v6.as_slice());
        [self.v4.as_slice()].into_iter().chain(v6).collect()
    }

    /// Whether the kernel has the rules that are in the files: a run that was cut off has left them apart.
    pub(super) fn is_in_force(&self) -> bool {
        !self.is_active || self.stale.is_empty()
    }

    /// The commands that put the rules in force, for people.
    pub(super) fn enforcement(&self) -> String {
        let stale = self.stale.iter().filter(|_| self.is_active);
        stale
            .map(|family| format!("{} --noflush {}\n", family.tools[1], family.rules))
            .collect()
    }

    /// Puts the rules in force, each half in one go. `ufw reload` would let everything in for a moment, and
    /// switch the firewall off for good if it were killed then.
    ///
    /// # Errors
    /// If the kernel does not take them.
    pub(super) fn enforce(&self) -> Result<()> {
        for family in self.stale.iter().filter(|_| self.is_active) {
            Program::new(family.tools[1])
                .args(["--noflush", family.rules])
                .succeed()?;
        }
        Ok(())
    }
}

/// The program. Its `status` takes 100 ms, and a change of a rule several times that.
pub fn ufw() -> Program {
    Program::new("ufw").limit(Duration::from_secs(30))
}

/// How many rules the kernel has in a half's chain; `None` without that chain.
fn in_kernel(family: &Family) -> Result<Option<usize>> {
    let listed = Program::new(family.tools[0])
        .args(["--wait", "--list-rules", family.chain])
        .run()?;
    Ok(listed.succeeded().then(|| appended(&listed.stdout, family)))
}

/// How many rules a text adds to a half's chain.
fn appended(text: &str, family: &Family) -> usize {
    let start = format!("-A {} ", family.chain);
    text.lines().filter(|line| line.starts_with(&start)).count()
}

fn text(host: &Host, path: &str) -> Result<String> {
    Ok(host.read_text(Path::new(path))?.unwrap_or_default())
}

/// The last value of a key in one of ufw's settings files.
fn setting<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let mut values = text.lines().rev().filter_map(|line| line.split_once('='));
    let (_, value) = values.find(|(name, _)| name.trim() == key)?;
    Some(value.trim().trim_matches('"'))
}
