//! Who holds the ports that the services need.

use super::{Finding, Scene};
use crate::engine::Container;
use crate::fault::{Exit, Result};
use crate::host::{Holder, Listener, Protocol, container_of, listeners};
use crate::resource::Port;
use crate::roles;
use crate::settings::Proxy;

pub(super) fn ports(scene: &Scene<'_>) -> Result<Vec<Finding>> {
    let needed = roles::ports(scene.settings);
    let wanted: Vec<(Protocol, u16)> = needed
        .iter()
        .map(|Port(port, protocol, _)| (*protocol, *port))
        .collect();
    let held = listeners(scene.host, &wanted)?;
    if held.is_empty() {
        return Ok(Vec::new());
    }
    let engine = scene.engine()?;
    let containers = match &engine {
        Some(engine) => engine.containers()?,
        None => Vec::new(),
    };
    // Containers outlive an engine that was killed or hangs, and on a node that has joined they are hardly a stranger's.
    let (unclear, held): (Vec<_>, Vec<_>) = held
        .into_iter()
        .partition(|l| engine.is_none() && scene.is_joined() && is_in_a_container(l));
    let origin = scene.settings.origin();
    let behind_nginx = origin.filter(|origin| origin.proxy == Proxy::Nginx);
    let mut findings = Vec::new();
    if !unclear.is_empty() {
        findings.push(Finding::unknown(
            "containers hold the ports, and the Docker engine, which knows whose they are, does not answer",
        ));
    }
    for Port(port, protocol, purpose) in &needed {
        let on_it: Vec<&Listener> = held
            .iter()
            .filter(|l| l.protocol == *protocol && l.address.port() == *port)
            .filter(|l| !is_ours(l, &containers, &scene.settings.project))
            .filter(|l| !behind_nginx.is_some_and(|origin| is_nginxs(l, origin.port)))
            .collect();
        let name = protocol.name();
        // A published port is held by the engine's proxy, which is not what has to go.
        let publisher = containers.iter().find(|c| c.publishes(*port, name));
        for (holder, addresses) in by_holder(&on_it) {
            let port = format!("{port}/{name} ({purpose}) on {}", addresses.join(" and "));
            findings.push(match holder {
                Some(holder) => busy(&port, holder, container(holder, &containers).or(publisher)),
                None if scene.host.is_root() => Finding::error(
                    Exit::NotReady,
                    format!("{port} is in use, and no process of this system holds it"),
                    "see what it is (ss --listening --processes --numeric, lsns --type net) and stop it",
                ),
                None => Finding::unknown(format!("{port} is in use; who holds it needs root to see")),
            });
        }
    }
    Ok(findings)
}

/// Each process, with all the addresses that it holds.
fn by_holder<'a>(listeners: &[&'a Listener]) -> Vec<(Option<&'a Holder>, Vec<String>)> {
    let mut found: Vec<(Option<&Holder>, Vec<String>)> = Vec::new();
    for listener in listeners {
        let holder = listener.holder.as_ref();
        let pid = |holder: Option<&Holder>| holder.map(|h| h.pid);
        let address = listener.address.to_string();
        match found
            .iter_mut()
            .find(|(known, _)| pid(*known) == pid(holder))
        {
            Some((_, addresses)) => addresses.push(address),
            None => found.push((holder, vec![address])),
        }
    }
    found
}

fn is_in_a_container(listener: &Listener) -> bool {
    let cgroup = listener.holder.as_ref().map(|holder| &holder.cgroup);
    cgroup.is_some_and(|cgroup| container_of(cgroup).is_some())
}

fn container<'a>(holder: &Holder, containers: &'a [Container]) -> Option<&'a Container> {
    let id = container_of(&holder.cgroup)?;
    containers.iter().find(|c| c.id == id)
}

/// Ours is what runs in a container of our compose project, whatever it is called.
fn is_ours(listener: &Listener, containers: &[Container], project: &str) -> bool {
    listener
        .holder
        .as_ref()
        .and_then(|holder| container(holder, containers))
        .is_some_and(|container| container.project() == Some(project))
}

/// nginx, as its own service: it is going to serve ours beside what it serves, and offers the core to edges.
fn is_nginxs(listener: &Listener, core: u16) -> bool {
    let port = listener.address.port();
    let holder = listener.holder.as_ref();
    [80, 443, core].contains(&port) && holder.and_then(Holder::unit) == Some("nginx.service")
}

fn busy(port: &str, holder: &Holder, container: Option<&Container>) -> Finding {
    let Holder { pid, name, .. } = holder;
    let (by, fix) = if let Some(container) = container {
        let name = container.name();
        (
            format!(" in the container {name}"),
            format!("docker stop {name}"),
        )
    } else if *pid == 1 {
        (
            " for a socket unit".to_owned(),
            "systemctl list-sockets names it; systemctl disable --now <that>.socket".to_owned(),
        )
    } else if let Some(unit) = holder.unit() {
        (
            format!(" of {unit}"),
            format!("systemctl disable --now {unit}"),
        )
    } else {
        (
            String::new(),
            format!("see what it is (ps -fp {pid}) and stop it: kill {pid}"),
        )
    };
    Finding::error(
        Exit::NotReady,
        format!("{port} is held by {name} (pid {pid}){by}"),
        format!("stop it or give it another port: {fix}"),
    )
}
