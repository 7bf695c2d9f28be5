//! ufw, where an operator has switched it on: the public ports are allowed. It is never switched on
//! from here, since that can lock an operator out.

use std::path::Path;
use std::time::Duration;

use super::{Change, Resource};
use crate::exec::{self, Program};
use crate::fault::Result;
use crate::host::{Host, Protocol};
use crate::receipt::Owned;

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

    fn missing(&self, host: &Host) -> Result<Vec<String>> {
        if !is_active(host)? {
            return Ok(Vec::new());
        }
        let status = ufw().arg("status").succeed()?;
        // Switched on, and yet not in force: what is allowed now shows only once it is.
        if !status.starts_with("Status: active") {
            return Ok(Vec::new());
        }
        let allowed: Vec<&str> = status.lines().filter_map(allowed_to_all).collect();
        Ok(self
            .open
            .iter()
            .map(|Port(port, protocol, _)| format!("{port}/{}", protocol.name()))
            .filter(|rule| {
                let port = rule.split('/').next().unwrap_or(rule);
                !allowed.contains(&rule.as_str()) && !allowed.contains(&port)
            })
            .collect())
    }
}

/// The port of a line such as `7880/tcp    ALLOW    Anywhere`.
fn allowed_to_all(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace();
    let port = words.next()?;
    (words.next()? == "ALLOW" && words.next()? == "Anywhere").then_some(port)
}

/// Whether ufw is there and switched on: what it itself reads at a boot says so without starting it.
fn is_active(host: &Host) -> Result<bool> {
    let conf = host
        .read_text(Path::new("/etc/ufw/ufw.conf"))?
        .unwrap_or_default();
    let enabled = conf
        .lines()
        .any(|line| line.trim().eq_ignore_ascii_case("ENABLED=yes"));
    Ok(enabled && exec::is_installed("ufw"))
}

pub(super) fn ufw() -> Program {
    Program::new("ufw").limit(Duration::from_secs(30))
}

impl Resource for Firewall {
    fn name(&self) -> String {
        "firewall rules for the public ports".to_owned()
    }

    fn probe(&self, host: &Host) -> Result<Change> {
        if is_active(host)? && !host.is_root() {
            return Ok(Change::Unknown("needs root"));
        }
        let missing = self.missing(host)?;
        if missing.is_empty() {
            return Ok(Change::None);
        }
        Ok(Change::Update(
            missing
                .iter()
                .map(|rule| format!("ufw allow {rule}\n"))
                .collect(),
        ))
    }

    fn apply(&self, host: &Host) -> Result<()> {
        for rule in self.missing(host)? {
            ufw().args(["allow", &rule]).succeed()?;
        }
        Ok(())
    }

    fn owned(&self, host: &Host) -> Vec<Owned> {
        self.missing(host)
            .unwrap_or_default()
            .into_iter()
            .map(|rule| Owned::FirewallRule {
                rule: format!("allow {rule}"),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_rule_for_everybody_opens_a_port() {
        assert_eq!(
            allowed_to_all("7880/tcp                   ALLOW       Anywhere"),
            Some("7880/tcp")
        );
        assert_eq!(
            allowed_to_all("7880/tcp                   ALLOW       10.0.0.0/8"),
            None
        );
        assert_eq!(
            allowed_to_all("7880/tcp                   DENY        Anywhere"),
            None
        );
        assert_eq!(
            allowed_to_all("7880/tcp (v6)              ALLOW       Anywhere (v6)"),
            None
        );
    }
}
