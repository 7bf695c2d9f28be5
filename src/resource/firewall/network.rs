//! Addresses with a common beginning.

use std::fmt;
use std::net::IpAddr;

/// Addresses with a common beginning; a single one has all its bits in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Network {
    pub ip: IpAddr,
    pub prefix: u8,
}

impl Network {
    pub(super) fn of(ip: IpAddr) -> Self {
        Self {
            ip,
            prefix: bits(ip),
        }
    }

    /// An address, or one with the length of its prefix.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (ip, prefix) = text.split_once('/').unwrap_or((text, ""));
        let ip: IpAddr = ip.parse().ok()?;
        let prefix = if prefix.is_empty() {
            bits(ip)
        } else {
            prefix.parse().ok().filter(|p| *p <= bits(ip))?
        };
        Some(Self { ip, prefix })
    }

    /// Whether all of `other` is in it.
    pub(super) fn contains(self, other: Self) -> bool {
        let shift = u32::from(bits(self.ip) - self.prefix);
        let beginning = |ip: IpAddr| match ip {
            IpAddr::V4(ip) => u32::from(ip).checked_shr(shift).map(u128::from),
            IpAddr::V6(ip) => u128::from(ip).checked_shr(shift),
        };
        self.ip.is_ipv4() == other.ip.is_ipv4()
            && self.prefix <= other.prefix
            && beginning(self.ip) == beginning(other.ip)
    }

    pub(super) fn is_everybody(self) -> bool {
        self.prefix == 0
    }

    /// Whether all of it is nobody's on the internet.
    pub(super) fn is_private(self) -> bool {
        const PRIVATE: [&str; 9] = [
            "10.0.0.0/8",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "100.64.0.0/10",
            "169.254.0.0/16",
            "127.0.0.0/8",
            "fc00::/7",
            "fe80::/10",
            "::1",
        ];
        let mut private = PRIVATE.iter().filter_map(|net| Self::parse(net));
        private.any(|net| net.contains(self))
    }

    pub(super) fn is_one_address(self) -> bool {
        self.prefix == bits(self.ip)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_everybody() {
            f.write_str("any")
        } else if self.is_one_address() {
            write!(f, "{}", self.ip)
        } else {
            write!(f, "{}/{}", self.ip, self.prefix)
        }
    }
}

/// How many bits such an address has.
fn bits(ip: IpAddr) -> u8 {
    if ip.is_ipv4() { 32 } else { 128 }
}
