//! `status`: the plan, with an exit code.

use serde::Serialize;
use serde_json::json;

use super::Outcome;
use crate::cli::Given;
use crate::doctor::livekit_came_back;
use crate::engine::{Engine, of_service};
use crate::fault::{Exit, Fault, Result};
use crate::host::Host;
use crate::plan;
use crate::resource::Change;
use crate::roles::{self, edge};
use crate::settings::{self, Saved, Settings};
use crate::ui;

/// What `status --json` prints, one document.
#[derive(Debug, Serialize)]
struct Status {
    role: &'static str,
    node: Node,
    origin: String,
    dir: String,
    versions: Versions,
    resources: Vec<Item>,
    services: Vec<Service>,
    /// Its livekit is meant to have ended, or to end with its last call.
    drained: bool,
    /// Drained, and somebody started its livekit all the same.
    #[serde(skip)]
    came_back: bool,
    ok: bool,
}

#[derive(Debug, Serialize)]
struct Node {
    name: String,
    id: String,
    region: Option<String>,
}

#[derive(Debug, Serialize)]
struct Versions {
    #[serde(rename = "streamhub-install")]
    program: &'static str,
    docker: Option<String>,
}

#[derive(Debug, Serialize)]
struct Item {
    name: String,
    /// `ok`, `drifted`, `missing` or `unknown`.
    state: &'static str,
}

#[derive(Debug, Serialize)]
struct Service {
    name: &'static str,
    /// What its container was made from; without one, what it would be.
    image: String,
    /// The engine's word, such as `running`; `missing` without a container.
    state: String,
}

impl Service {
    fn is_as_it_should(&self, drained: bool) -> bool {
        // Calls may still go on there, and the engine may have ended it hard.
        let may_rest = drained && self.name == edge::DRAINED;
        self.state == "running" || (may_rest && self.state == "exited")
    }
}

/// Shows role, node, versions, each managed resource and each service. Changes nothing.
///
/// # Errors
/// If this host has not joined, or can't be looked at.
pub fn run(host: &Host, json: bool) -> Result<Outcome> {
    let status = look(host)?;
    if json {
        ui::document(json!(status));
    } else {
        ui::result(&text(&status));
    }
    Ok(Outcome {
        unwell: !status.ok,
        is_document: json,
        ..Outcome::default()
    })
}

/// The settings of the node that was installed here; `command` is what was asked for.
///
/// # Errors
/// If there is none, or this user may not look.
pub(super) fn installed(host: &Host, command: &str) -> Result<Settings> {
    let none = || {
        Fault::new(Exit::Failed, "no node is installed on this host").fix(
            "set up an origin: streamhub-install; or join one: streamhub-install --join --master-ip <ip> --master-token-file <file>",
        )
    };
    let saved = Saved::load(host, None)?;
    if saved.unreadable {
        let what = "only root may look at this node";
        let fix = format!("run it as root: sudo streamhub-install {command}");
        return Err(Fault::new(Exit::NotReady, what).fix(fix).into());
    }
    if !saved.was_taken() {
        return Err(none().into());
    }
    let settings = Settings::resolve(&Given::nothing()?, host)?;
    if settings.edge().is_some() && settings.saved.joined.is_none() {
        return Err(none().into());
    }
    Ok(settings)
}

fn look(host: &Host) -> Result<Status> {
    let settings = installed(host, "status")?;
    let wanted = roles::installed(&settings, host.cores())?;
    let plan = plan::probe(host, wanted.map_or_else(Vec::new, |node| node.resources))?;
    let engine = Engine::find(host)?;
    let services = services(engine.as_ref(), &settings)?;
    let drained = settings.is_drained();
    let came_back = match &engine {
        Some(engine) => livekit_came_back(engine, &settings)?,
        None => false,
    };
    Ok(Status {
        role: settings.role().name(),
        node: node(&settings),
        origin: match &settings.node {
            settings::Node::Edge(edge) => edge.origin().to_owned(),
            settings::Node::Origin(origin) => roles::origin::api(origin),
        },
        dir: settings.dir.display().to_string(),
        versions: Versions {
            program: env!("CARGO_PKG_VERSION"),
            docker: engine.and_then(|engine| engine.version().ok()),
        },
        ok: plan.is_empty()
            && !came_back
            && services
                .iter()
                .all(|service| service.is_as_it_should(drained)),
        drained,
        came_back,
        resources: plan
            .changes()
            .map(|(name, change)| Item {
                name,
                state: word(change),
            })
            .collect(),
        services,
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

fn node(settings: &Settings) -> Node {
    match &settings.node {
        settings::Node::Edge(edge) => Node {
            name: edge.node_name.clone(),
            id: settings
                .saved
                .joined
                .as_ref()
                .map_or_else(String::new, |joined| joined.answer.node_id.clone()),
            region: edge.region.clone(),
        },
        settings::Node::Origin(origin) => Node {
            name: origin.domain.to_string(),
            id: roles::origin::NODE_ID.to_owned(),
            region: None,
        },
    }
}

fn services(engine: Option<&Engine>, settings: &Settings) -> Result<Vec<Service>> {
    let containers = engine.map_or_else(|| Ok(Vec::new()), Engine::containers)?;
    let services = roles::services(settings).into_iter();
    Ok(services
        .map(|service| {
            let container = of_service(&containers, &settings.project, service.name);
            Service {
                name: service.name,
                image: container.map_or_else(|| service.image.to_owned(), |c| c.image.clone()),
                state: container.map_or_else(|| "missing".to_owned(), |c| c.state.clone()),
            }
        })
        .collect())
}

fn text(status: &Status) -> String {
    let Status { node, versions, .. } = status;
    let mut lines = vec![
        match status.role {
            "edge" => format!(
                "edge {} ({}) of the origin at {}",
                node.name, node.id, status.origin
            ),
            _ => format!("origin {}, its API at {}", node.name, status.origin),
        },
        format!(
            "region {}, directory {}, streamhub-install {}, Docker {}",
            node.region.as_deref().unwrap_or("none"),
            status.dir,
            versions.program,
            versions.docker.as_deref().unwrap_or("not answering"),
        ),
        String::new(),
    ];
    let row = |state: &str, name: &str| format!("  {state:<10} {name}");
    lines.extend(status.resources.iter().map(|r| row(r.state, &r.name)));
    lines.push(String::new());
    let services = status.services.iter();
    lines.extend(services.map(|s| row(&s.state, &format!("{} ({})", s.name, s.image))));
    if status.came_back {
        lines.push(
            "\nDrained, and livekit was started again: `streamhub-install nodes drain` tells it to end, `nodes activate` keeps it."
                .to_owned(),
        );
    } else if status.drained {
        lines.push(
            "\nDrained: livekit takes no new room until `streamhub-install nodes activate`."
                .to_owned(),
        );
    }
    if status.ok {
        lines.push("\nAll is well.".to_owned());
    } else {
        lines.push(
            "\nNot all is well: `streamhub-install --dry-run` shows what a run would mend."
                .to_owned(),
        );
    }
    lines.join("\n")
}
