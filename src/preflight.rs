//! Everything that can be known to go wrong, looked at before anything is changed, in one report.

mod host_checks;
mod origin_checks;
mod ports;

use std::cell::OnceCell;

use crate::engine::Engine;
use crate::fault::{Exit, Fault, Result, is_permission_denied};
use crate::host::Host;
use crate::origin_api::Refusal;
use crate::settings::{Edge, Node, Settings};
use crate::signals;
use crate::ui::{self, Event, Severity};

pub use origin_checks::redis_fix;

/// One thing to look at.
#[derive(Debug)]
pub struct Check {
    /// What `--skip-check` takes.
    pub name: &'static str,
    /// What it protects from, for the reference.
    pub protects: &'static str,
    look: Look,
}

/// How to look, and on which role.
enum Look {
    Both(fn(&Scene<'_>) -> Result<Vec<Finding>>),
    Edge(fn(&Scene<'_>, &Edge) -> Result<Vec<Finding>>),
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
            (Self::Edge(_), Node::Origin(_)) => Ok(Vec::new()),
        }
    }
}

/// All of them, in the order of the report.
pub const CHECKS: &[Check] = &[
    Check {
        name: "root",
        protects: "a run that may not change anything",
        look: Look::Both(host_checks::root),
    },
    Check {
        name: "os",
        protects: "packages and kernels that were never tried",
        look: Look::Both(host_checks::os),
    },
    Check {
        name: "systemd",
        protects: "a heartbeat that nothing starts",
        look: Look::Both(host_checks::systemd),
    },
    Check {
        name: "disk",
        protects: "images and recordings that don't fit",
        look: Look::Both(host_checks::disk),
    },
    Check {
        name: "size",
        protects: "media services that starve",
        look: Look::Both(host_checks::size),
    },
    Check {
        name: "clock",
        protects: "certificates and tokens that seem not to be valid",
        look: Look::Both(host_checks::clock),
    },
    Check {
        name: "docker",
        protects: "a Docker that can't serve (snap), or none",
        look: Look::Both(host_checks::docker),
    },
    Check {
        name: "docker-repository",
        protects: "a missing Docker that can't be had, or not be trusted",
        look: Look::Both(host_checks::docker_repository),
    },
    Check {
        name: "compose",
        protects: "a compose plugin that can't read our files",
        look: Look::Both(host_checks::compose),
    },
    Check {
        name: "ports",
        protects: "services that can't listen",
        look: Look::Both(ports::ports),
    },
    Check {
        name: "dir",
        protects: "a stranger's directory",
        look: Look::Both(host_checks::dir),
    },
    Check {
        name: "files",
        protects: "writing through symlinks, or where nothing can be written",
        look: Look::Both(host_checks::files),
    },
    Check {
        name: "origin",
        protects: "a join that nobody answers",
        look: Look::Edge(origin_checks::origin),
    },
    Check {
        name: "token",
        protects: "a join that is refused",
        look: Look::Edge(origin_checks::token),
    },
    Check {
        name: "redis",
        protects: "a registered node that can't reach the origin's redis",
        look: Look::Edge(origin_checks::redis),
    },
];

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
    fn error(exit: Exit, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            what: what.into(),
            fix: Some(fix.into()),
            exit,
        }
    }

    fn warning(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(Exit::Done, what, fix)
        }
    }

    fn unknown(what: impl Into<String>) -> Self {
        Self {
            severity: Severity::Unknown,
            what: what.into(),
            fix: None,
            exit: Exit::Done,
        }
    }
}

/// What the checks look at.
struct Scene<'a> {
    host: &'a Host,
    settings: &'a Settings,
    /// Whether the origin answers, asked once.
    health: OnceCell<std::result::Result<(), Refusal>>,
}

type Asked<'a> = std::result::Result<(), &'a Refusal>;

impl Scene<'_> {
    fn engine(&self) -> Result<Option<Engine>> {
        Engine::find(self.host)
    }

    fn is_joined(&self) -> bool {
        self.settings.saved.joined.is_some()
    }
}

/// What all checks together say.
#[derive(Debug)]
pub struct Report {
    /// The checks that found an error, and its exit code.
    errors: Vec<(&'static str, Exit)>,
}

impl Report {
    /// Ends the run if anything stands in its way.
    ///
    /// # Errors
    /// The most telling finding's exit code: this host's before the origin's.
    pub fn or_refuse(&self) -> Result<()> {
        let Some(exit) = decisive(&self.errors) else {
            return Ok(());
        };
        let (count, problems) = match self.errors.len() {
            1 => ("one problem".to_owned(), "it"),
            n => (format!("{n} problems"), "them"),
        };
        let what = format!("{count} found before anything was changed");
        let fix = format!("mend {problems} as said above, then run this again");
        Err(Fault::new(exit, what).fix(fix).into())
    }
}

/// Looks at everything and reports every finding.
///
/// # Errors
/// [`Exit::Usage`] for a skipped check that does not exist, or the signal that ended the run.
pub fn run(host: &Host, settings: &Settings) -> Result<Report> {
    refuse_unknown_skips(settings)?;
    let scene = Scene {
        host,
        settings,
        health: OnceCell::new(),
    };
    let is_skipped = |check: &&Check| settings.skip.iter().any(|name| name == check.name);
    let mut errors = Vec::new();
    for check in CHECKS.iter().filter(|check| !is_skipped(check)) {
        signals::check()?;
        for finding in check
            .look
            .at(&scene)
            .unwrap_or_else(|e| vec![not_looked(&e)])
        {
            ui::emit(&Event::Finding {
                check: check.name,
                severity: finding.severity,
                what: &finding.what,
                fix: finding.fix.as_deref(),
            });
            if finding.severity == Severity::Error {
                errors.push((check.name, finding.exit));
            }
        }
    }
    // The last check may have been the long one.
    signals::check()?;
    Ok(Report { errors })
}

/// The exit code that a report ends with: this host, then whether the origin answers at all, then the
/// path to its redis, then its verdict on the token.
fn decisive(errors: &[(&str, Exit)]) -> Option<Exit> {
    let first = |wanted: &dyn Fn(&str) -> bool| {
        errors
            .iter()
            .find(|(name, _)| wanted(name))
            .map(|(_, exit)| *exit)
    };
    first(&|name| !["origin", "token", "redis"].contains(&name))
        .or_else(|| first(&|name| name == "origin"))
        .or_else(|| first(&|name| name == "redis"))
        .or_else(|| first(&|_| true))
}

/// A check that could not be made is not one that failed; one that was refused is.
fn not_looked(error: &anyhow::Error) -> Finding {
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

fn refuse_unknown_skips(settings: &Settings) -> Result<()> {
    let known = |name: &String| CHECKS.iter().any(|check| check.name == name);
    match settings.skip.iter().find(|name| !known(name)) {
        None => Ok(()),
        Some(name) => {
            let names: Vec<&str> = CHECKS.iter().map(|check| check.name).collect();
            Err(Fault::new(
                Exit::Usage,
                format!("--skip-check {name:?}: there is no such check"),
            )
            .fix(format!("--skip-check takes one of: {}", names.join(", ")))
            .into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_hosts_findings_decide_before_the_origins() {
        let host = ("ports", Exit::NotReady);
        let down = ("origin", Exit::OriginUnreachable);
        let token = ("token", Exit::TokenRefused);
        let redis = ("redis", Exit::NotReady);
        assert_eq!(decisive(&[down, host]), Some(Exit::NotReady));
        assert_eq!(decisive(&[redis, down]), Some(Exit::OriginUnreachable));
        assert_eq!(decisive(&[token, redis]), Some(Exit::NotReady));
        assert_eq!(decisive(&[token]), Some(Exit::TokenRefused));
        assert_eq!(decisive(&[]), None);
    }
}
