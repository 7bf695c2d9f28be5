//! `nodes`: the registry over the origin's API, and on an edge its own livekit with it.

mod itself;
mod table;
mod wait;

use std::time::Duration;

use serde_json::json;

use super::Outcome;
use crate::cli::{Given, NodesAction, OriginAccess};
use crate::fault::{Exit, Fault, Result};
use crate::host::Host;
use crate::origin_api::{Node, Refusal, Status};
use crate::settings::Registry;
use crate::ui;

/// Nobody waits longer for a call to end.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

/// Shows the registry, or changes a row of it.
///
/// # Errors
/// What the origin said, with its exit code; [`Exit::Usage`] where it is not told which origin, with which
/// token, or which node.
pub fn run(
    given: &Given,
    host: &Host,
    access: &OriginAccess,
    action: &NodesAction,
) -> Result<Outcome> {
    let registry = Registry::resolve(access, host)?;
    let limit = |wait: bool, timeout: &Duration| wait.then(|| LONGEST_WAIT.min(*timeout));
    match action {
        NodesAction::List => list(&registry, given.cli.output.json),
        NodesAction::Drain {
            node,
            wait,
            timeout,
        } => match means_itself(&registry, node.as_deref())? {
            true => itself::drain(host, &registry, limit(*wait, timeout)),
            false => drain(&registry, node, limit(*wait, timeout)),
        },
        NodesAction::Activate { node } => match means_itself(&registry, node.as_deref())? {
            true => itself::activate(host, &registry),
            false => set(
                &registry,
                node.as_deref().unwrap_or_default(),
                &Status::Active,
            ),
        },
        NodesAction::Disable { node } => set(&registry, node, &Status::Disabled),
        NodesAction::Remove { node, yes } => remove(given, &registry, node, *yes),
    }
}

/// Whether this host is the node that is meant.
fn means_itself(registry: &Registry, wanted: Option<&str>) -> Result<bool> {
    match (wanted, &registry.itself) {
        (None, Some(_)) => Ok(true),
        (Some(wanted), Some(itself)) => Ok(wanted == itself.name || wanted == itself.id),
        (Some(_), None) => Ok(false),
        (None, None) => Err(Fault::new(
            Exit::Usage,
            "which node is meant? Only on an edge may its name be left out",
        )
        .fix("streamhub-install nodes list shows their names")
        .into()),
    }
}

fn list(registry: &Registry, json: bool) -> Result<Outcome> {
    let listed = registry
        .api
        .nodes(registry.token()?)
        .map_err(|refusal| refused(registry, &refusal))?;
    if json {
        let nodes: Vec<_> = listed
            .nodes
            .iter()
            .map(|n| table::document(n, listed.now))
            .collect();
        ui::document(json!({ "origin": registry.url, "nodes": nodes }));
    } else {
        ui::result(&table::text(&listed.nodes, listed.now, table::width()));
    }
    Ok(Outcome {
        is_document: json,
        ..Outcome::default()
    })
}

fn set(registry: &Registry, wanted: &str, status: &Status) -> Result<Outcome> {
    let node = find(registry, wanted)?;
    let changed = tell(registry, &node, status)?;
    Ok(Outcome {
        would_change: changed,
        ..Outcome::default()
    })
}

fn drain(registry: &Registry, wanted: &Option<String>, limit: Option<Duration>) -> Result<Outcome> {
    let node = find(registry, wanted.as_deref().unwrap_or_default())?;
    let changed = tell(registry, &node, &Status::Draining)?;
    if let Some(limit) = limit {
        wait::for_stats(registry, &node, limit)?;
    }
    Ok(Outcome {
        would_change: changed,
        ..Outcome::default()
    })
}

/// Sets a row's status, unless it is so already; whether that changed it.
fn tell(registry: &Registry, node: &Node, status: &Status) -> Result<bool> {
    let name = table::shown(&node.name);
    if node.status == *status {
        ui::result(&format!("{name} is {status} already."));
        return Ok(false);
    }
    registry
        .api
        .set_status(registry.token()?, &node.id, status)
        .map_err(|refusal| refused(registry, &refusal))?;
    ui::result(&format!(
        "{name} is {status} now; it was {}.",
        table::shown(node.status.name())
    ));
    Ok(true)
}

fn remove(given: &Given, registry: &Registry, wanted: &str, yes: bool) -> Result<Outcome> {
    let Some(node) = look_up(registry, wanted)? else {
        ui::result(&format!(
            "There is no node {}: nothing to remove.",
            table::shown(wanted)
        ));
        return Ok(Outcome::default());
    };
    let name = table::shown(&node.name);
    if node.id == "origin" {
        return Err(Fault::new(Exit::Usage, "that row is the origin's own")
            .fix("name an edge: streamhub-install nodes list shows them")
            .into());
    }
    if !yes
        && !confirmed(
            given,
            &format!("Remove {name} ({}) from the registry?", node.id),
        )?
    {
        ui::result("Nothing was removed.");
        return Ok(Outcome::default());
    }
    match registry.api.remove_node(registry.token()?, &node.id) {
        // Somebody else was faster.
        Ok(()) | Err(Refusal::Rejected { status: 404, .. }) => {}
        Err(refusal) => return Err(refused(registry, &refusal)),
    }
    ui::result(&format!(
        "{name} is removed. If it still runs, its heartbeat fails from now on: take it down there with `streamhub-install uninstall`, or join it again."
    ));
    Ok(Outcome {
        would_change: true,
        ..Outcome::default()
    })
}

fn confirmed(given: &Given, question: &str) -> Result<bool> {
    let answer = if given.cli.install.non_interactive {
        None
    } else {
        ui::confirm(question)?
    };
    answer.ok_or_else(|| {
        Fault::new(Exit::Usage, "nobody is here to be asked: --yes is missing")
            .fix("pass --yes to remove it without a question")
            .into()
    })
}

/// The one node of this id, else of this name.
fn find(registry: &Registry, wanted: &str) -> Result<Node> {
    look_up(registry, wanted)?.ok_or_else(|| {
        let what = format!("the origin knows no node {}", table::shown(wanted));
        Fault::new(Exit::Failed, what)
            .fix("streamhub-install nodes list shows their names")
            .into()
    })
}

fn look_up(registry: &Registry, wanted: &str) -> Result<Option<Node>> {
    let listed = registry
        .api
        .nodes(registry.token()?)
        .map_err(|refusal| refused(registry, &refusal))?;
    pick(listed.nodes, wanted)
}

fn pick(nodes: Vec<Node>, wanted: &str) -> Result<Option<Node>> {
    // A node may have been joined under another one's id as its name.
    if let Some(node) = nodes.iter().find(|node| node.id == wanted) {
        return Ok(Some(node.clone()));
    }
    let mut named: Vec<Node> = nodes.into_iter().filter(|n| n.name == wanted).collect();
    if named.len() > 1 {
        let ids: Vec<&str> = named.iter().map(|node| node.id.as_str()).collect();
        let what = format!("{} nodes are called {}", ids.len(), table::shown(wanted));
        return Err(Fault::new(Exit::Usage, what)
            .fix(format!("name it by its id: {}", ids.join(", ")))
            .into());
    }
    Ok(named.pop())
}

fn refused(registry: &Registry, refusal: &Refusal) -> anyhow::Error {
    let fix = match refusal {
        Refusal::BadToken(_) => {
            "make a new API token of global scope in the origin's dashboard and pass it with --api-token-file <file>; on the origin: its .env holds one (STREAMHUB_API_TOKEN)"
        }
        other => other.fix(),
    };
    let what = format!(
        "the origin at {} does not serve this question",
        registry.url
    );
    Fault::new(refusal.exit(), what)
        .why(refusal.to_string())
        .fix(fix)
        .into()
}

#[cfg(test)]
mod tests;
