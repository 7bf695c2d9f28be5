//! The edges that an origin's firewall lets in, or no longer does.

use std::net::IpAddr;

use super::super::usage;
use crate::fault::Result;

/// Addresses of edges in their one form, each once, in order; `flag` is where they were given.
///
/// # Errors
/// [`crate::fault::Exit::Usage`] for one that no other host can have.
pub fn edge_addresses(flag: &str, given: &[IpAddr]) -> Result<Vec<IpAddr>> {
    let mut edges = Vec::new();
    for ip in given.iter().map(IpAddr::to_canonical) {
        if let Some(why) = why_not(ip) {
            let takes = "the address of one edge, as this host sees it";
            return Err(usage(flag, &ip.to_string(), why, takes));
        }
        edges.push(ip);
    }
    edges.sort_unstable();
    edges.dedup();
    Ok(edges)
}

fn why_not(ip: IpAddr) -> Option<&'static str> {
    if ip.is_unspecified() {
        Some("it is every address, and would open redis to everybody")
    } else if ip.is_loopback() {
        Some("it is this host itself")
    } else if ip.is_multicast() || ip == IpAddr::V4(std::net::Ipv4Addr::BROADCAST) {
        Some("it is no address of one host")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_form_and_belongs_to_another_host() {
        let given = ["::ffff:10.1.2.3", "10.1.2.3", "fd00:0:0::7"].map(|ip| ip.parse().unwrap());
        let wanted: [IpAddr; 2] = ["10.1.2.3", "fd00::7"].map(|ip| ip.parse().unwrap());
        assert_eq!(edge_addresses("allow-edge", &given).unwrap(), wanted);
        for bad in [
            "0.0.0.0",
            "::",
            "::ffff:0.0.0.0",
            "127.0.0.1",
            "::1",
            "224.0.0.1",
            "ff02::1",
            "255.255.255.255",
        ] {
            let error = edge_addresses("allow-edge", &[bad.parse().unwrap()]).unwrap_err();
            assert!(error.to_string().contains("allow-edge"), "{bad}: {error}");
        }
    }
}
