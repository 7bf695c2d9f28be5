//! `allow-edge`: edges reach redis and the cluster API through the origin's firewall, or no longer do.

use std::net::IpAddr;

use super::Outcome;
use crate::exec::Program;
use crate::fault::{Exit, Fault, Result};
use crate::host::{Host, lock};
use crate::plan;
use crate::receipt::{Receipt, Role};
use crate::resource::{EdgeRules, NoEdgeRules, Resource};
use crate::settings::{Saved, api_port, edge_addresses};
use crate::ui::{self, Event, Severity};

/// Lets edges in, or cuts them off.
///
/// # Errors
/// [`Exit::Usage`] where this is no origin or an address belongs to no edge; ufw's own failures.
pub fn run(host: &Host, addresses: &[IpAddr], revoke: bool, dry_run: bool) -> Result<Outcome> {
    let edges = edge_addresses("allow-edge", addresses)?;
    if !host.is_root() {
        return Err(Fault::new(
            Exit::NotReady,
            "only root may look at the firewall, and change it",
        )
        .fix("run it as root: sudo streamhub-install allow-edge …")
        .into());
    }
    let _lock = if dry_run { None } else { Some(lock(host)?) };
    let mut receipt = origins_receipt(host)?;
    let rules = EdgeRules::new(&edges, api_port(host, &receipt.dir)?);
    let resource: Box<dyn Resource> = if revoke {
        Box::new(NoEdgeRules(rules.clone()))
    } else {
        Box::new(rules.clone())
    };
    let planned = plan::probe(host, vec![resource])?;
    plan::show(&[&planned]);
    if dry_run {
        return Ok(Outcome {
            would_change: !planned.is_empty(),
            ..Outcome::default()
        });
    }
    // What is kept comes first: a later install makes what it says, and must not let in whom a revoke that
    // was cut off has cut off.
    keep(host, &mut receipt, &edges, revoke)?;
    planned.apply(host, &mut receipt)?;
    if revoke {
        receipt.forget(host, &NoEdgeRules(rules.clone()).as_owned())?;
    }
    let mut degraded = false;
    for danger in rules.dangers(host, true)? {
        warn(&danger.what, &danger.fix);
        degraded = true;
    }
    for ip in edges {
        if revoke {
            degraded |= !is_cut_off(host, &rules, ip)?;
        } else {
            ui::result(&format!(
                "The firewall's rules let {ip} reach {}.",
                rules.reach()
            ));
        }
    }
    if !revoke && receipt.settings.cluster_redis_bind.is_none() {
        ui::warn(
            "redis and the cluster API listen on this host alone until you run, here: streamhub-install --cluster-redis-bind <a private address of this host>",
        );
    }
    Ok(Outcome {
        degraded,
        ..Outcome::default()
    })
}

fn warn(what: &str, fix: &str) {
    ui::emit(&Event::Finding {
        check: "firewall",
        severity: Severity::Warning,
        what,
        fix: Some(fix),
    });
}

fn origins_receipt(host: &Host) -> Result<Receipt> {
    let saved = Saved::load(host, None)?;
    let is_ours = saved.was_taken() && !saved.is_inferred;
    let (what, fix) = match saved.receipt {
        Some(receipt) if receipt.role == Role::Edge => (
            "allow-edge belongs to an origin, and this host is an edge",
            "run it on the origin",
        ),
        Some(receipt) if is_ours => return Ok(receipt),
        Some(_) => (
            "allow-edge belongs to an origin, and this one has not been taken over yet",
            "take it over first: streamhub-install",
        ),
        None => (
            "allow-edge belongs to an origin, and this host is none",
            "make it one first: streamhub-install --cluster-redis-bind <a private address of this host> --allow-edge <ip>",
        ),
    };
    Err(Fault::new(Exit::Usage, what).fix(fix).into())
}

fn keep(host: &Host, receipt: &mut Receipt, edges: &[IpAddr], revoke: bool) -> Result<()> {
    let mut settings = receipt.settings.clone();
    let named: Vec<String> = edges.iter().map(ToString::to_string).collect();
    settings.allow_edge.retain(|ip| !named.contains(ip));
    if !revoke {
        settings.allow_edge.extend(named);
        settings.allow_edge.sort_unstable();
    }
    receipt.keep_settings(host, settings)
}

/// Says what became of an edge whose rules are gone, and whether it is shut out.
fn is_cut_off(host: &Host, rules: &EdgeRules, ip: IpAddr) -> Result<bool> {
    let ways = rules.still_admitted(host, ip)?;
    if !ways.is_empty() {
        warn(
            &format!("{ip} still reaches what is shared with edges, by another rule"),
            &ways.join("\n"),
        );
        return Ok(false);
    }
    if !rules.is_enforced(host)? {
        ui::result(&format!("No rule lets {ip} in any more, once ufw is on."));
        return Ok(false);
    }
    // A firewall lets go on what it has let in once.
    let left = end_connections(ip, rules)?;
    if left > 0 {
        warn(
            &format!(
                "{left} of the connections of {ip} are still open, and stay so until they end"
            ),
            "streamhub-install rotate redis-password",
        );
        return Ok(false);
    }
    ui::result(&format!(
        "{ip} reaches {} no more. What it knows already, it knows: `streamhub-install rotate redis-password` and `rotate livekit-keys` change that.",
        rules.reach()
    ));
    Ok(true)
}

/// Ends what an address has open here; how many connections that leaves.
fn end_connections(ip: IpAddr, rules: &EdgeRules) -> Result<usize> {
    let ss = |more: &[&str]| {
        Program::new("ss")
            .args(["--no-header", "--tcp", "--numeric"])
            .args(more.iter().copied())
            .args(["state", "connected", "exclude", "time-wait"])
            .arg(rules.connections_of(ip))
            .succeed()
    };
    ss(&["--kill"])?;
    let left = ss(&[])?;
    Ok(left.lines().filter(|line| !line.trim().is_empty()).count())
}
