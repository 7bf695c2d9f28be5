//! A host's link to the others: cutting it, making it bad, giving it more addresses.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::host::Host;
use crate::leftovers::{BOOT_SCRIPT, recorded};
use crate::network::{BRIDGE, link_exists};
use crate::process::{attempt, must};
use crate::wait;

impl Host {
    /// Takes the host off the network, as a pulled cable would.
    pub fn cut_off(&self) {
        must("ip", &["link", "set", &self.address.link(), "down"]);
    }

    pub fn reconnect(&self) {
        must("ip", &["link", "set", &self.address.link(), "up"]);
    }

    /// Makes its link lose this share of the packets, each way, and delay by this much those that go to the host: so a
    /// round trip takes that much longer. Lasts until it is mended or the host stops.
    pub fn worsen_link(&self, loss_percent: u8, delay: Duration) {
        self.mend_link();
        let machine = self.address.machine();
        let [bridge, outer, inner] = names(&machine);
        // The host's own small bridge, which the relay alone connects to the one that all share.
        must("ip", &["link", "add", &bridge, "type", "bridge"]);
        // This machine must not answer on it: only what comes through the relay may reach the host, and it others.
        let ipv6 = format!("/proc/sys/net/ipv6/conf/{bridge}/disable_ipv6");
        let _ = fs::write(ipv6, "1");
        fs::write(format!("/proc/sys/net/ipv4/conf/{bridge}/arp_ignore"), "8")
            .expect("it is there");
        let mut relay = Command::new("sh");
        relay.args(["-c", BOOT_SCRIPT, "boot.sh"]);
        relay
            .arg(self.storage(RECORD))
            .args(["--", "python3", "-c", include_str!("relay.py")]);
        relay.args([
            &outer,
            &inner,
            &format!("{}", f64::from(loss_percent) / 100.0),
        ]);
        relay.arg(format!("{}", delay.as_secs_f64()));
        relay.stdin(Stdio::null()).stdout(Stdio::null());
        self.keep(relay.spawn().expect("there is a shell"));
        let started = wait::until(Duration::from_secs(10), || {
            link_exists(&outer) && link_exists(&inner)
        });
        assert!(
            started,
            "the lab needs python3 and /dev/net/tun for a bad link"
        );
        let link = self.address.link();
        for (port, bridge) in [
            (outer.as_str(), BRIDGE),
            (&inner, &bridge),
            (&link, &bridge),
        ] {
            must("ip", &["link", "set", port, "master", bridge, "up"]);
        }
        must("ip", &["link", "set", &bridge, "up"]);
    }

    pub fn mend_link(&self) {
        must(
            "ip",
            &["link", "set", &self.address.link(), "master", BRIDGE],
        );
        remove_relay(&self.storage(""), &self.address.machine());
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

/// Where the relay of a bad link records itself in the host's directory.
const RECORD: &str = "relay";

/// The small bridge of a bad link, and the relay's two ends: the outer one and the host's.
fn names(machine: &str) -> [String; 3] {
    let number = machine.trim_start_matches("lab-");
    ["shlab", "to-lab", "ti-lab"].map(|kind| format!("{kind}-{number}"))
}

/// Ends the relay of a host's bad link, if it has one; its two ends go with it.
pub fn remove_relay(host_dir: &Path, machine: &str) {
    let record = host_dir.join(RECORD);
    if let Some(relay) = recorded(&record) {
        relay.signal(Signal::SIGKILL);
        wait::until(Duration::from_secs(5), || !relay.is_alive());
    }
    let [bridge, ..] = names(machine);
    if link_exists(&bridge) {
        let _ = attempt("ip", &["link", "delete", &bridge]);
    }
    let _ = fs::remove_file(record);
}
