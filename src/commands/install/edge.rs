//! The install of an edge: preflight, plan, prepare, register, configure, start, verify, summary.

use super::{note_compose, open_log};
use crate::cli::Given;
use crate::commands::Outcome;
use crate::fault::Result;
use crate::host::Host;
use crate::origin_api::Answer;
use crate::plan::{self, Plan};
use crate::preflight;
use crate::receipt::{Receipt, Role};
use crate::register::{Registered, register};
use crate::roles::edge;
use crate::settings::{Edge, Node, Settings};
use crate::verify::edge::{Claim, verify};
use crate::{signals, ui};

pub(super) fn run(given: &Given, host: &Host, settings: Settings, edge: Edge) -> Result<Outcome> {
    ui::heading(&format!(
        "streamhub-install {}: edge {} of the origin at {}",
        env!("CARGO_PKG_VERSION"),
        edge.node_name,
        edge.origin()
    ));
    let ready = preflight::run(host, &settings)?;
    if !settings.dry_run {
        ready.or_refuse()?;
        let draft = Draft::make(host, &settings, &edge)?;
        return carry_out(given, host, settings, edge, draft);
    }
    // The plan is shown even where it can't be carried out yet; where it can't even be made, the
    // findings say why.
    let draft = Draft::make(host, &settings, &edge);
    ready.or_refuse()?;
    let draft = draft?;
    ui::result("Dry run: nothing was changed.");
    Ok(Outcome {
        would_change: !(draft.prepare.is_empty() && draft.serve.is_empty()),
        ..Outcome::default()
    })
}

/// The plan as it can be known before the origin is asked.
struct Draft {
    prepare: Plan,
    serve: Plan,
    /// What [`Draft::serve`] takes for the origin's answer: the saved one, or that it is not known yet.
    answer: Answer,
}

impl Draft {
    fn make(host: &Host, settings: &Settings, edge: &Edge) -> Result<Self> {
        let saved = settings.saved.joined.as_ref();
        let answer = saved.map_or_else(Answer::not_given_yet, |joined| joined.answer.clone());
        let prepare = plan::probe(host, edge::prepare(settings))?;
        let serve = plan::probe(host, edge::serve(settings, edge, &answer, host.cores())?)?;
        plan::show(&[&prepare, &serve]);
        Ok(Self {
            prepare,
            serve,
            answer,
        })
    }
}

/// Prepare, register, configure, start, verify.
fn carry_out(
    given: &Given,
    host: &Host,
    mut settings: Settings,
    mut edge: Edge,
    draft: Draft,
) -> Result<Outcome> {
    open_log(host)?;
    for file in edge::files(&settings) {
        host.clear_unfinished(&file)?;
    }
    let mut receipt = match settings.saved.receipt.clone() {
        Some(receipt) => receipt,
        None => Receipt::first(host, Role::Edge, &settings.dir)?,
    };
    receipt.dir.clone_from(&settings.dir);
    let mut changed = draft.prepare.apply(host, &mut receipt)?;

    // Once the origin knows this host, it is meant to serve.
    signals::check()?;
    let registered = register(&settings, &edge)?;
    let serve = match &registered {
        Registered::Answered { answer, told, .. } => {
            edge.region.clone_from(&told.region);
            settings.node = Node::Edge(Box::new(edge.clone()));
            receipt.keep_settings(host, settings.to_keep(given))?;
            if *answer == draft.answer && changed.is_empty() {
                draft.serve
            } else {
                plan::probe(host, edge::serve(&settings, &edge, answer, host.cores())?)?
            }
        }
        // What this run was asked for waits until the origin can take it.
        Registered::Kept(answer) => {
            settings = Settings::resolve(&Given::nothing()?, host)?;
            if let Node::Edge(kept) = &settings.node {
                edge = (**kept).clone();
            }
            plan::probe(host, edge::serve(&settings, &edge, answer, host.cores())?)?
        }
    };
    changed.extend(serve.apply(host, &mut receipt)?);
    receipt.finish(host)?;
    note_compose(host, &mut receipt)?;
    signals::check()?;

    let origin_is_away = matches!(registered, Registered::Kept(_));
    let claim = Claim {
        settings: &settings,
        edge: &edge,
        answer: registered.answer(),
        changed: !changed.is_empty(),
        origin_is_away,
    };
    ui::step("prove that it serves", || verify(host, &claim))?;
    summary(&settings, &edge, &registered, changed.len());
    Ok(Outcome {
        degraded: origin_is_away,
        ..Outcome::default()
    })
}

fn summary(settings: &Settings, edge: &Edge, registered: &Registered, changes: usize) {
    let region = edge.region.as_deref().unwrap_or("none");
    let changes = match changes {
        0 => "nothing".to_owned(),
        1 => "1 thing".to_owned(),
        n => format!("{n} things"),
    };
    let (state, address, notes) = match registered {
        Registered::Answered { told, notes, .. } => {
            let state = match settings.is_drained() {
                true => {
                    "joined and drained: it takes no new room until `streamhub-install nodes activate`"
                }
                false => "joined and serving",
            };
            (state, told.ip.to_string(), notes.as_slice())
        }
        Registered::Kept(_) => (
            "serving; its origin is away",
            "as registered before".to_owned(),
            [].as_slice(),
        ),
    };
    let dir = settings.dir.display();
    let timer = crate::resource::TIMER;
    let (name, origin) = (&edge.node_name, edge.origin());
    let node_id = &registered.answer().node_id;
    ui::result(&format!(
        "
{name} is {state}.
  origin     {origin}
  node id    {node_id}
  address    {address}
  region     {region}
  directory  {dir} (`docker compose ps` and `logs` work there)
  heartbeat  every 20 s: systemctl list-timers {timer}
  changed    {changes}
  settings   {dir}/.env; run streamhub-install again after changing it"
    ));
    for note in notes {
        ui::result(&format!("  note       {note}"));
    }
}
