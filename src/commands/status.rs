//! `status`: the plan, with an exit code.

use serde_json::json;

use super::Outcome;
use crate::cli::Given;
use crate::engine::Engine;
use crate::fault::{Exit, Fault, Result};
use crate::host::Host;
use crate::plan::{self, Planned};
use crate::resource::{Change, PROJECT};
use crate::roles::edge;
use crate::settings::Settings;
use crate::ui;

/// Shows role, node, versions, each managed resource and each service. Changes nothing.
///
/// # Errors
/// If this host has not joined, or can't be looked at.
pub fn run(host: &Host, json: bool) -> Result<Outcome> {
    let settings = Settings::resolve(&Given::nothing()?, host)?;
    let Some(joined) = &settings.saved.joined else {
        return Err(
            Fault::new(Exit::Failed, "this host has not joined an origin")
                .fix(
                    "join it: streamhub-install --join --master-ip <ip> --master-token-file <file>",
                )
                .into(),
        );
    };
    let mut resources = edge::prepare(&settings);
    resources.extend(edge::serve(&settings, &joined.answer, host.cores())?);
    let planned = plan::probe(host, &resources)?;
    let services = services(host)?;
    let well = planned.iter().all(|p| p.change == Change::None)
        && services.iter().all(|(_, state)| state == "running");
    if json {
        ui::document(json!({
            "role": "edge",
            "version": env!("CARGO_PKG_VERSION"),
            "node": { "name": settings.edge.node_name, "id": joined.answer.node_id, "region": settings.edge.region },
            "origin": settings.edge.master_url.as_str(),
            "dir": settings.dir,
            "resources": planned.iter().map(|p| json!({ "name": p.name, "state": word(&p.change) })).collect::<Vec<_>>(),
            "services": services.iter().map(|(name, state)| json!({ "name": name, "state": state })).collect::<Vec<_>>(),
            "ok": well,
        }));
    } else {
        ui::result(&text(
            &settings,
            &joined.answer.node_id,
            &planned,
            &services,
        ));
    }
    Ok(Outcome {
        unwell: !well,
        ..Outcome::default()
    })
}

fn word(change: &Change) -> &'static str {
    match change {
        Change::None => "ok",
        Change::Create(_) => "missing",
        Change::Update(_) => "drifted",
        Change::Unknown(_) => "unknown",
    }
}

/// Each service's state; one without a container is `missing`.
fn services(host: &Host) -> Result<Vec<(&'static str, String)>> {
    let containers = match Engine::find(host)? {
        Some(engine) => engine.containers()?,
        None => Vec::new(),
    };
    let state = |service: &str| {
        containers
            .iter()
            .find(|c| c.project() == Some(PROJECT) && c.service() == Some(service))
            .map_or_else(|| "missing".to_owned(), |c| c.state.clone())
    };
    Ok(edge::SERVICES
        .iter()
        .map(|service| (service.name, state(service.name)))
        .collect())
}

fn text(
    settings: &Settings,
    node_id: &str,
    planned: &[Planned],
    services: &[(&str, String)],
) -> String {
    let edge = &settings.edge;
    let mut lines = vec![
        format!(
            "edge {} ({node_id}) of the origin at {}",
            edge.node_name, edge.master_url
        ),
        format!(
            "region {}, directory {}, streamhub-install {}",
            edge.region.as_deref().unwrap_or("none"),
            settings.dir.display(),
            env!("CARGO_PKG_VERSION")
        ),
        String::new(),
    ];
    lines.extend(
        planned
            .iter()
            .map(|p| format!("  {:<8} {}", word(&p.change), p.name)),
    );
    lines.push(String::new());
    lines.extend(
        services
            .iter()
            .map(|(name, state)| format!("  {state:<8} {name}")),
    );
    if planned.iter().any(|p| p.change != Change::None) {
        lines
            .push("\nrun streamhub-install to mend what is not ok; --dry-run shows how".to_owned());
    }
    lines.join("\n")
}
