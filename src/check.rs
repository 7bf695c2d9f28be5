//! Things that are looked at on this host, each a row of a table: what it is called, what it protects from, how to look.
//! [`crate::preflight`] has one table, [`crate::doctor`] another.

use std::cell::OnceCell;
use std::time::SystemTime;

use crate::engine::Engine;
use crate::fault::{Exit, Fault, Result, is_permission_denied};
use crate::host::Host;
use crate::origin_api::Refusal;
use crate::receipt::Role;
use crate::settings::{Edge, Node, Origin, Settings};
use crate::signals;
use crate::ui::Severity;

/// One thing to look at.
#[derive(Debug)]
pub struct Check {
    /// Its name: what `--skip-check` takes, of preflight's.
    pub name: &'static str,
    /// What it protects from, for the reference.
    pub protects: &'static str,
    pub(crate) look: Look,
}

/// How to look, and on which role.
pub(crate) enum Look {
    Both(fn(&Scene<'_>) -> Result<Vec<Finding>>),
    Edge(fn(&Scene<'_>, &Edge) -> Result<Vec<Finding>>),
    Origin(fn(&Scene<'_>, &Origin) -> Result<Vec<Finding>>),
}

impl std::fmt::Debug for Look {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Look")
    }
}

impl Look {
    fn at(&self, scene: &Scene<'_>) -> Result<Vec<Finding>> {
        match (self, &scene.settings.node) {
            (Self::Both(look), _) => look(scene),
            (Self::Edge(look), Node::Edge(edge)) => look(scene, edge),
            (Self::Origin(look), Node::Origin(origin)) => look(scene, origin),
            (Self::Edge(_), Node::Origin(_)) | (Self::Origin(_), Node::Edge(_)) => Ok(Vec::new()),
        }
    }
}

/// What a check has found.
#[derive(Clone, Debug)]
pub struct Finding {
    pub severity: Severity,
    pub what: String,
    pub fix: Option<String>,
    /// The exit code, if it is an error.
    pub exit: Exit,
}

impl Finding {
    pub(crate) fn error(exit: Exit, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            what: what.into(),
            fix: Some(fix.into()),
            exit,
        }
    }

    pub(crate) fn warning(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(Exit::Done, what, fix)
        }
    }

    pub(crate) fn unknown(what: impl Into<String>) -> Self {
        Self {
            severity: Severity::Unknown,
            what: what.into(),
            fix: None,
            exit: Exit::Done,
        }
    }
}

/// What the checks look at.
pub(crate) struct Scene<'a> {
    pub host: &'a Host,
    pub settings: &'a Settings,
    /// Whether the origin answers, asked once.
    health: OnceCell<std::result::Result<Clocks, Refusal>>,
}

/// What the origin took for now as it answered, where it said so, and what this host did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clocks {
    pub theirs: Option<SystemTime>,
    pub ours: SystemTime,
}

pub(crate) type Asked<'a> = std::result::Result<Clocks, &'a Refusal>;

impl<'a> Scene<'a> {
    pub fn new(host: &'a Host, settings: &'a Settings) -> Self {
        Self {
            host,
            settings,
            health: OnceCell::new(),
        }
    }

    pub fn engine(&self) -> Result<Option<Engine>> {
        Engine::find(self.host)
    }

    /// Whether the origin answers, asked once.
    pub fn health(&self, edge: &Edge) -> Result<Asked<'_>> {
        let api = edge.api()?;
        let asked = self.health.get_or_init(|| {
            api.health().map(|theirs| Clocks {
                theirs,
                ours: SystemTime::now(),
            })
        });
        Ok(asked.as_ref().copied())
    }

    /// Whether it is a node already, by what an earlier run left.
    pub fn is_joined(&self) -> bool {
        match self.settings.role() {
            Role::Edge => self.settings.saved.joined.is_some(),
            // Its heartbeat is set up once its packages and its .env are there.
            Role::Origin => self.settings.saved.token.is_some(),
        }
    }
}

/// A check that could not be made is not one that failed; one that was refused is.
pub(crate) fn not_looked(error: &anyhow::Error) -> Finding {
    if is_permission_denied(error) {
        return Finding::unknown("needs root");
    }
    let fault = Fault::of(error);
    if fault.exit != Exit::Failed {
        let what = std::iter::once(fault.what)
            .chain(fault.why)
            .collect::<Vec<_>>()
            .join(": ");
        return Finding::error(fault.exit, what, fault.fix.unwrap_or_default());
    }
    Finding::unknown(format!("could not be checked: {error:#}"))
}

/// Makes the checks, and tells each finding.
///
/// # Errors
/// The signal that ended the run.
pub(crate) fn examine<'c>(
    checks: impl Iterator<Item = &'c Check>,
    scene: &Scene<'_>,
    mut tell: impl FnMut(&'static str, Finding),
) -> Result<()> {
    for check in checks {
        signals::check()?;
        let found = check.look.at(scene);
        for finding in found.unwrap_or_else(|e| vec![not_looked(&e)]) {
            tell(check.name, finding);
        }
    }
    // The last check may have been the long one.
    signals::check()
}
