//! The network that all hosts of all test processes share: a bridge on this machine, with a way out through it.

use std::fs::{self, File};
use std::net::Ipv4Addr;

use crate::place::{lock, try_lock};
use crate::process::{attempt, must};

pub const BRIDGE: &str = "shlab0";
/// This machine on the bridge, and the hosts' way out.
pub const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 213, 0, 1);
pub const PREFIX: u8 = 16;
const SUBNET: &str = "10.213.0.0/16";
/// Every bridge of the lab, as iptables matches names: a host with a bad link has a small one of its own.
const BRIDGES: &str = "shlab+";
/// Fixed, or it would be that of one of the ports, and change under the hosts' feet whenever one comes or goes.
const BRIDGE_MAC: &str = "02:00:0a:d5:00:01";
const HOSTS: u16 = 1000;

/// A host's place on the bridge, this process's own until it is dropped.
#[derive(Debug)]
pub struct Address {
    number: u16,
    _lock: File,
}

impl Address {
    /// Takes a free one. Each process starts looking elsewhere, so that one just given up rests a while: links and
    /// neighbour tables of a host that is gone take a moment to forget it.
    pub fn take() -> Self {
        let start = std::process::id() as u16 % HOSTS;
        (0..HOSTS)
            .map(|i| 2 + (start + i * 7) % HOSTS)
            .find_map(|number| {
                let _lock = try_lock(&format!("address-{number}"))?;
                let address = Self { number, _lock };
                // A host of a dead run that could not be removed yet may still have it.
                (!link_exists(&address.link())).then_some(address)
            })
            .expect("the lab has addresses for a thousand hosts")
    }

    pub fn ip(&self) -> Ipv4Addr {
        let [high, low] = self.number.to_be_bytes();
        Ipv4Addr::new(10, 213, high, low)
    }

    /// One that is not private, for a host that wants to be seen as public: from the range for benchmarks (RFC 2544).
    pub fn public_ip(&self) -> Ipv4Addr {
        let [high, low] = self.number.to_be_bytes();
        Ipv4Addr::new(198, 18, high, low)
    }

    /// The machine's name: unique here, and short enough to name a network interface.
    pub fn machine(&self) -> String {
        format!("lab-{}", self.number)
    }

    /// The bridge's end of the host's link, as systemd-nspawn names it.
    pub fn link(&self) -> String {
        link_of(&self.machine())
    }
}

pub fn link_of(machine: &str) -> String {
    format!("vb-{machine}")
}

pub fn link_exists(link: &str) -> bool {
    fs::exists(format!("/sys/class/net/{link}")).expect("/sys is mounted")
}

/// Makes the bridge and the way out. They stay: they are the lab's, not a run's, and cost nothing.
pub fn set_up() {
    let _lock = lock("network");
    if !link_exists(BRIDGE) {
        must("ip", &["link", "add", BRIDGE, "type", "bridge"]);
    }
    let address = format!("{GATEWAY}/{PREFIX}");
    must("ip", &["link", "set", BRIDGE, "address", BRIDGE_MAC, "up"]);
    must("ip", &["address", "replace", &address, "dev", BRIDGE]);
    fs::write("/proc/sys/net/ipv4/ip_forward", "1").expect("the lab runs as root");
    // Frames that only cross a bridge may come by here too (br_netfilter): they keep their sender.
    let way_out = ["-s", SUBNET, "!", "-o", BRIDGES, "-j", "MASQUERADE"];
    ensure_rule("nat", "POSTROUTING", &way_out);
    // A Docker of this machine's own lets nothing be forwarded but its containers.
    ensure_rule("filter", "FORWARD", &["-i", BRIDGES, "-j", "ACCEPT"]);
    ensure_rule("filter", "FORWARD", &["-o", BRIDGES, "-j", "ACCEPT"]);
}

fn ensure_rule(table: &str, chain: &str, rule: &[&str]) {
    let with = |action| [&["--wait", "--table", table, action, chain], rule].concat();
    if attempt("iptables", &with("--check")).is_err() {
        must("iptables", &with("--insert"));
    }
}
