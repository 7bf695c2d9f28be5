//! What the machine is: operating system, size, names and addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::Context;

use super::{Found, Host};
use crate::fault::Result;

/// The operating system, as `/etc/os-release` and `uname` name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Os {
    /// `ID`, for example `ubuntu`.
    pub id: String,
    /// `VERSION_ID`, for example `24.04`.
    pub version: String,
    /// `VERSION_CODENAME`, for example `noble`: what package repositories call it.
    pub codename: String,
    /// `PRETTY_NAME`, for people.
    pub name: String,
    /// The machine's architecture, for example `x86_64`.
    pub arch: String,
}

/// Memory in KiB.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    pub total_kib: u64,
    pub available_kib: u64,
}

impl Host {
    /// Reads the operating system's name. A field that is missing is empty.
    ///
    /// # Errors
    /// If there is no `/etc/os-release` or it is no text.
    pub fn os(&self) -> Result<Os> {
        let text = self
            .read_text(Path::new("/etc/os-release"))?
            .context("there is no /etc/os-release")?;
        let field = |key: &str| {
            dotenvy::from_read_iter(text.as_bytes())
                .flatten()
                .find(|(k, _)| k == key)
                .map_or_else(String::new, |(_, value)| value)
        };
        let uname = nix::sys::utsname::uname().context("uname")?;
        Ok(Os {
            id: field("ID"),
            version: field("VERSION_ID"),
            codename: field("VERSION_CODENAME"),
            name: field("PRETTY_NAME"),
            arch: uname.machine().to_string_lossy().into_owned(),
        })
    }

    /// Whether systemd runs here: the documented test of `sd_booted(3)`.
    ///
    /// # Errors
    /// If the kernel won't say.
    pub fn runs_systemd(&self) -> Result<bool> {
        Ok(matches!(
            self.find(Path::new("/run/systemd/system"))?,
            Found::Directory(_)
        ))
    }

    /// Processors that this process may use, at least 1.
    pub fn cores(&self) -> usize {
        std::thread::available_parallelism().map_or(1, usize::from)
    }

    /// The memory now.
    ///
    /// # Errors
    /// If the kernel won't say.
    pub fn memory(&self) -> Result<Memory> {
        let mut system = sysinfo::System::new().context("asking for the memory")?;
        system.refresh_memory();
        Ok(Memory {
            total_kib: system.total_memory() / 1024,
            available_kib: system.available_memory() / 1024,
        })
    }

    /// The load average of the last minute.
    ///
    /// # Errors
    /// If the kernel won't say.
    pub fn load(&self) -> Result<f64> {
        Ok(sysinfo::System::load_average()
            .context("asking for the load")?
            .one)
    }

    /// The device of a path, or of the nearest directory above it that exists, and the bytes that are
    /// free for us there.
    ///
    /// # Errors
    /// If the file system won't say.
    pub fn free_bytes(&self, path: &Path) -> Result<(u64, u64)> {
        let there = path
            .ancestors()
            .find(|p| self.path(p).exists())
            .unwrap_or(Path::new("/"));
        let stat = nix::sys::statvfs::statvfs(&self.path(there))
            .with_context(|| format!("asking for the free space at {}", there.display()))?;
        let device = std::fs::metadata(self.path(there))
            .with_context(|| format!("looking at {}", there.display()))?
            .dev();
        Ok((device, stat.blocks_available() * stat.fragment_size()))
    }

    /// The host name up to its first dot.
    ///
    /// # Errors
    /// If it is no text.
    pub fn short_name(&self) -> Result<String> {
        let name = nix::unistd::gethostname().context("asking for the host name")?;
        let name = name.to_string_lossy();
        Ok(name.split('.').next().unwrap_or_default().to_owned())
    }

    /// The addresses of this host's network interfaces, loopback's included.
    ///
    /// # Errors
    /// If the kernel won't say.
    pub fn addresses(&self) -> Result<Vec<IpAddr>> {
        Ok(addresses()?.map(|(_, ip)| ip).collect())
    }

    /// The addresses of one interface; none where there is no such interface.
    ///
    /// # Errors
    /// As [`Host::addresses`].
    pub fn addresses_of(&self, interface: &str) -> Result<Vec<IpAddr>> {
        let own = addresses()?.filter(|(name, _)| name == interface);
        Ok(own.map(|(_, ip)| ip).collect())
    }

    /// Whether a kernel setting can be changed from here. In a container it is often read-only, and
    /// only opening it for writing tells.
    pub fn can_set_sysctl(&self, name: &str) -> bool {
        std::fs::OpenOptions::new()
            .write(true)
            .open(self.path(sysctl_path(name)))
            .is_ok()
    }

    /// A kernel setting's number, or `None` where this kernel has none of that name.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn sysctl(&self, name: &str) -> Result<Option<u64>> {
        Ok(self
            .read_text(Path::new(&sysctl_path(name)))?
            .and_then(|text| text.trim().parse().ok()))
    }
}

fn sysctl_path(name: &str) -> String {
    format!("/proc/sys/{}", name.replace('.', "/"))
}

/// The local address from which packets to `target` leave. Nothing is sent.
pub fn local_address_towards(target: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = match target {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).ok()?;
    socket.connect(SocketAddr::new(target, 9)).ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|ip| !ip.is_unspecified())
}

/// Every address of this host, with its interface.
fn addresses() -> Result<impl Iterator<Item = (String, IpAddr)>> {
    let interfaces = nix::ifaddrs::getifaddrs().context("asking for this host's addresses")?;
    let ip = |address: nix::sys::socket::SockaddrStorage| {
        let v4 = address.as_sockaddr_in().map(|a| IpAddr::from(a.ip()));
        v4.or_else(|| address.as_sockaddr_in6().map(|a| IpAddr::from(a.ip())))
    };
    Ok(interfaces.filter_map(move |i| Some((i.interface_name, i.address.and_then(ip)?))))
}
