//! A host's link to the others: cutting it, making it bad, giving it more addresses.

use std::net::Ipv4Addr;

use crate::host::Host;
use crate::network::BRIDGE;
use crate::process::must;

impl Host {
    /// Takes the host off the network, as a pulled cable would.
    pub fn cut_off(&self) {
        must("ip", &["link", "set", &self.address.link(), "down"]);
    }

    pub fn reconnect(&self) {
        must("ip", &["link", "set", &self.address.link(), "up"]);
    }

    /// Gives the host one more address, such as `203.0.113.7/24`, that the other hosts reach through this machine. It is
    /// gone after a stop, like any that is not configured.
    pub fn add_address(&self, address: &str) {
        self.command(["ip", "address", "replace", address, "dev", "host0"])
            .ok();
        let bare = address.split_once('/').map_or(address, |(bare, _)| bare);
        must("ip", &["route", "replace", bare, "dev", BRIDGE]);
    }

    /// Gives the host an address that is not private, its own among all runs.
    pub fn add_public_address(&self) -> Ipv4Addr {
        let ip = self.address.public_ip();
        self.add_address(&format!("{ip}/32"));
        ip
    }
}
