//! Who holds which port, from the kernel's tables: by address, process and cgroup, never by name.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use procfs::net::{TcpNetEntry, TcpState, UdpNetEntry};
use procfs::process::{FDTarget, Process};

use super::Host;
use crate::fault::Result;
use crate::signals;

/// The transport of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    Tcp,
    Udp,
}

impl Protocol {
    /// `tcp` or `udp`, as ufw writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// A socket that waits for others.
#[derive(Clone, Debug)]
pub struct Listener {
    pub protocol: Protocol,
    pub address: SocketAddr,
    /// The process that holds it; `None` when only root may see it.
    pub holder: Option<Holder>,
}

impl Listener {
    fn is_placed(&self) -> bool {
        let holder = self.holder.as_ref();
        holder.is_some_and(|holder| !holder.cgroup.is_empty())
    }
}

/// A process, as far as a report names it.
#[derive(Clone, Debug)]
pub struct Holder {
    pub pid: i32,
    pub name: String,
    /// The text of its `/proc/<pid>/cgroup`.
    pub cgroup: String,
}

impl Holder {
    /// The service that it runs in, by its cgroup: `nginx.service`.
    pub fn unit(&self) -> Option<&str> {
        self.cgroup
            .split(['/', '\n'])
            .rev()
            .find(|part| part.ends_with(".service") && !part.starts_with("user@"))
    }
}

/// How often one looks again for a socket's holder, and how long after.
const LOOKS_AGAIN: u32 = 3;
const LOOK_AFTER: Duration = Duration::from_millis(100);

/// Every listening TCP socket and every bound UDP socket of this network namespace on one of `ports`.
///
/// # Errors
/// If the kernel's tables can't be read.
pub fn listeners(host: &Host, ports: &[(Protocol, u16)]) -> Result<Vec<Listener>> {
    let mut found = look(host, ports)?;
    for _ in 0..LOOKS_AGAIN {
        // A process that ends between two tables' reads leaves its socket without one, and is no stranger's. Some
        // sockets are the kernel's own, and never have one.
        if !host.is_root() || found.iter().all(Listener::is_placed) {
            break;
        }
        signals::sleep(LOOK_AFTER)?;
        found = look(host, ports)?;
    }
    Ok(found)
}

fn look(host: &Host, ports: &[(Protocol, u16)]) -> Result<Vec<Listener>> {
    let wanted = |protocol, address: &SocketAddr| ports.contains(&(protocol, address.port()));
    let tcp = |e: TcpNetEntry| {
        (e.state == TcpState::Listen).then_some((Protocol::Tcp, e.local_address, e.inode))
    };
    // A connected UDP socket is a client's.
    let udp = |e: UdpNetEntry| {
        (e.remote_address.port() == 0).then_some((Protocol::Udp, e.local_address, e.inode))
    };
    let mut found: Vec<(Protocol, SocketAddr, u64)> = Vec::new();
    found.extend(
        procfs::net::tcp()
            .context("reading /proc/net/tcp")?
            .into_iter()
            .filter_map(tcp),
    );
    found.extend(
        procfs::net::udp()
            .context("reading /proc/net/udp")?
            .into_iter()
            .filter_map(udp),
    );
    // A kernel without IPv6 has no such tables.
    found.extend(
        procfs::net::tcp6()
            .unwrap_or_default()
            .into_iter()
            .filter_map(tcp),
    );
    found.extend(
        procfs::net::udp6()
            .unwrap_or_default()
            .into_iter()
            .filter_map(udp),
    );
    found.retain(|(protocol, address, _)| wanted(*protocol, address));
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let holders = holders(host);
    Ok(found
        .into_iter()
        .map(|(protocol, address, inode)| Listener {
            protocol,
            address,
            holder: holders.get(&inode).cloned(),
        })
        .collect())
}

/// Socket inode → process, for every process that we may look into.
fn holders(host: &Host) -> HashMap<u64, Holder> {
    let mut holders = HashMap::new();
    for process in procfs::process::all_processes()
        .into_iter()
        .flatten()
        .flatten()
    {
        let Ok(fds) = process.fd() else { continue };
        let sockets: Vec<u64> = fds
            .flatten()
            .filter_map(|fd| match fd.target {
                FDTarget::Socket(inode) => Some(inode),
                _ => None,
            })
            .collect();
        if sockets.is_empty() {
            continue;
        }
        let holder = describe(host, &process);
        holders.extend(sockets.into_iter().map(|inode| (inode, holder.clone())));
    }
    holders
}

fn describe(host: &Host, process: &Process) -> Holder {
    let pid = process.pid();
    let cgroup = host
        .read_text(Path::new(&format!("/proc/{pid}/cgroup")))
        .ok()
        .flatten()
        .unwrap_or_default();
    Holder {
        pid,
        name: process.stat().map_or_else(|_| "?".to_owned(), |s| s.comm),
        cgroup,
    }
}

/// The id of the container that a cgroup belongs to: the 64 hexadecimal digits that every Docker
/// cgroup driver puts into the path.
pub fn container_of(cgroup: &str) -> Option<&str> {
    cgroup
        .split(|c: char| !c.is_ascii_hexdigit())
        .find(|part| part.len() == 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_is_told_by_its_cgroup_under_either_driver() {
        let id = "0123456789abcdef".repeat(4);
        for line in [
            format!("0::/system.slice/docker-{id}.scope"),
            format!("5:memory:/docker/{id}\n0::/"),
        ] {
            assert_eq!(container_of(&line), Some(id.as_str()));
        }
        assert_eq!(container_of("0::/system.slice/nginx.service"), None);
    }

    #[test]
    fn a_service_is_told_by_its_cgroup() {
        let unit = |cgroup: &str| {
            let holder = Holder {
                pid: 1,
                name: String::new(),
                cgroup: cgroup.to_owned(),
            };
            holder.unit().map(str::to_owned)
        };
        assert_eq!(
            unit("0::/system.slice/nginx.service\n").as_deref(),
            Some("nginx.service")
        );
        assert_eq!(unit("0::/user.slice/user-0.slice/session-1.scope"), None);
    }

    /// As between the end of a process and that of its socket.
    #[test]
    fn a_listener_whose_holder_is_away_for_a_moment_is_looked_at_again() {
        use nix::sys::socket::{
            AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType,
            UnixAddr, recvmsg, sendmsg, socketpair,
        };
        use std::io::{IoSlice, IoSliceMut};
        use std::os::fd::AsRawFd;

        let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let wanted = [(Protocol::Tcp, tcp.local_addr().unwrap().port())];
        let (there, here) = socketpair(
            AddressFamily::Unix,
            SockType::Datagram,
            None,
            SockFlag::empty(),
        )
        .unwrap();
        // On its way from one to the other it is nobody's.
        let fds = [tcp.as_raw_fd()];
        let on_its_way = [ControlMessage::ScmRights(&fds)];
        let message = [IoSlice::new(b"x")];
        let flags = MsgFlags::empty();
        sendmsg::<UnixAddr>(there.as_raw_fd(), &message, &on_its_way, flags, None).unwrap();
        drop(tcp);
        let host = Host::new("/");
        let nobodys = look(&host, &wanted).unwrap();
        assert!(nobodys[0].holder.is_none(), "{nobodys:?}");
        let arrival = std::thread::spawn(move || {
            std::thread::sleep(LOOK_AFTER + LOOK_AFTER / 2);
            let mut space = nix::cmsg_space!([i32; 1]);
            let mut byte = [0];
            let mut into = [IoSliceMut::new(&mut byte)];
            let got =
                recvmsg::<UnixAddr>(here.as_raw_fd(), &mut into, Some(&mut space), flags).unwrap();
            let Some(ControlMessageOwned::ScmRights(fds)) = got.cmsgs().unwrap().next() else {
                panic!("no socket came");
            };
            fds
        });
        let found = listeners(&host, &wanted).unwrap();
        let holder = found[0].holder.as_ref().map(|holder| holder.pid);
        let seen = host.is_root().then(|| std::process::id() as i32);
        assert_eq!(holder, seen);
        arrival.join().unwrap();
    }

    #[test]
    fn a_listener_is_found_with_its_process() {
        let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let wanted = [
            (Protocol::Tcp, tcp.local_addr().unwrap().port()),
            (Protocol::Udp, udp.local_addr().unwrap().port()),
        ];
        let found = listeners(&Host::new("/"), &wanted).unwrap();
        assert_eq!(found.len(), 2);
        for listener in found {
            assert_eq!(listener.holder.unwrap().pid, std::process::id() as i32);
        }
    }
}
