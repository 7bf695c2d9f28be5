//! Everything that can be known to go wrong, looked at before anything is changed, in one report.

mod host_checks;
mod layer;
mod origin_checks;
mod ports;
mod skew;

use crate::check::{self, Check, Finding, Look, Scene, not_looked};
use crate::fault::{Exit, Fault, Result};
use crate::host::Host;
use crate::resource::{Danger, EdgeRules, Firewall};
use crate::roles;
use crate::settings::{Origin, Settings, is_for_clusters};
use crate::ui::{self, Event, Severity};

pub(crate) use host_checks::{clock, disk};
pub use origin_checks::redis_fix;
pub(crate) use origin_checks::{in_clear, stays_private};
pub(crate) use skew::skew;

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
        name: "override",
        protects: "an operator's compose layer that is about an origin's services",
        look: Look::Edge(layer::layer),
    },
    Check {
        name: "origin",
        protects: "a join that nobody answers",
        look: Look::Edge(origin_checks::origin),
    },
    Check {
        name: "skew",
        protects: "tokens that the origin's clock refuses",
        look: Look::Edge(skew),
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
    Check {
        name: "public-ports",
        protects: "a rule of ufw's that keeps everybody from a public port",
        look: Look::Both(public_ports),
    },
    Check {
        name: "firewall",
        protects: "a redis and a cluster API that anybody reaches",
        look: Look::Origin(firewall),
    },
];

/// Which public ports nobody reaches, whatever an install opens.
pub(crate) fn public_ports(scene: &Scene<'_>) -> Result<Vec<Finding>> {
    let shut = Firewall::open(roles::public_ports(scene.settings)).shut(scene.host)?;
    let finding = |danger: Danger| Finding::warning(danger.what, danger.fix);
    Ok(shut.into_iter().map(finding).collect())
}

/// Who reaches what is shared with edges, and should not.
pub(crate) fn firewall(scene: &Scene<'_>, origin: &Origin) -> Result<Vec<Finding>> {
    let rules = EdgeRules::new(&origin.edges, origin.port);
    let dangers = rules.dangers(scene.host, origin.redis.bind.is_some())?;
    let finding = |danger: Danger| Finding::warning(format!("DANGER: {}", danger.what), danger.fix);
    let mut findings: Vec<Finding> = dangers.into_iter().map(finding).collect();
    if let Some(bind) = origin.redis.bind.filter(|bind| !is_for_clusters(*bind)) {
        findings.push(Finding::warning(
            format!(
                "DANGER: redis is offered on the public address {bind}: whoever guesses its password reads and changes everything"
            ),
            "offer it on a private address that edges reach (a VPN's): streamhub-install --cluster-redis-bind <ip>",
        ));
    }
    if let Some(host) = &origin.exposed_on {
        findings.push(Finding::warning(
            format!(
                "the core itself listens on {host} (HOST in .env): that stays, all of its API is there beside the cluster's, and only the firewall stands before it"
            ),
            format!(
                "where only edges are meant: sed -i '/^HOST=/d' {} && streamhub-install",
                scene.settings.dir.join(".env").display()
            ),
        ));
    }
    Ok(findings)
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
    let scene = Scene::new(host, settings);
    let is_wanted = |check: &&Check| !settings.skip.iter().any(|name| name == check.name);
    let mut errors = Vec::new();
    check::examine(CHECKS.iter().filter(is_wanted), &scene, |name, finding| {
        ui::emit(&Event::Finding {
            check: name,
            severity: finding.severity,
            what: &finding.what,
            fix: finding.fix.as_deref(),
        });
        if finding.severity == Severity::Error {
            errors.push((name, finding.exit));
        }
    })?;
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
