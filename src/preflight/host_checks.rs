//! What is looked at on this host.

use std::path::Path;
use std::time::{Duration, SystemTime};

use super::{Finding, Scene};
use crate::engine::container_name;
use crate::env_file::EnvFile;
use crate::exec;
use crate::fault::{Exit, Result};
use crate::host::Found;
use crate::receipt::Told;
use crate::resource::{DockerSource, Installed, OLDEST_COMPOSE, compose_version, too_old};
use crate::roles;

const GIB: u64 = 1 << 30;
const LEAST_DISK: u64 = 5 * GIB;
const DOCKER_DATA: &str = "/var/lib/docker";
/// This program did not exist then: 2026-01-01, in seconds since 1970.
const EARLIEST: u64 = 1_767_225_600;
const SUPPORTED: &[&str] = &["24.04", "26.04"];

type Findings = Result<Vec<Finding>>;

fn not_ready(what: impl Into<String>, fix: impl Into<String>) -> Findings {
    Ok(vec![Finding::error(Exit::NotReady, what, fix)])
}

pub(super) fn root(scene: &Scene<'_>) -> Findings {
    if scene.host.is_root() || scene.settings.dry_run {
        return Ok(Vec::new());
    }
    not_ready(
        "this user may not change the system",
        "run it as root: sudo streamhub-install …",
    )
}

pub(super) fn os(scene: &Scene<'_>) -> Findings {
    let supported = "Ubuntu Server 24.04 LTS or 26.04 LTS on x86_64 is supported";
    let skip = "use a supported system; to try it all the same: --skip-check os";
    let os = match scene.host.os() {
        Ok(os) => os,
        Err(e) => {
            return not_ready(
                format!("/etc/os-release can't be read ({e:#}); {supported}"),
                skip,
            );
        }
    };
    if os.arch != "x86_64" {
        return not_ready(
            format!("this machine is {}; {supported}", os.arch),
            "use an x86_64 machine",
        );
    }
    if os.id == "ubuntu" && SUPPORTED.contains(&os.version.as_str()) {
        return Ok(Vec::new());
    }
    let found = if os.name.is_empty() {
        "a system without a name in /etc/os-release".to_owned()
    } else {
        os.name
    };
    not_ready(format!("this is {found}; {supported}"), skip)
}

pub(super) fn systemd(scene: &Scene<'_>) -> Findings {
    if scene.host.runs_systemd()? {
        return Ok(Vec::new());
    }
    not_ready(
        "systemd does not run here",
        "use a machine or VM that boots with systemd, not a container without it",
    )
}

pub(crate) fn disk(scene: &Scene<'_>) -> Findings {
    let mut findings = Vec::new();
    let mut seen = Vec::new();
    for path in [Path::new(DOCKER_DATA), &scene.settings.dir] {
        let (device, free) = scene.host.free_bytes(path)?;
        // Both mostly lie on one disk, which speaks once.
        if free >= LEAST_DISK || seen.contains(&device) {
            continue;
        }
        seen.push(device);
        let what = format!(
            "{:.1} GiB are free at {}, 5 are needed",
            free as f64 / GIB as f64,
            path.display()
        );
        let fix = format!(
            "free space there (du -xh {} | sort -h | tail) or mount a larger disk",
            path.display()
        );
        // A node that runs has its images already.
        findings.push(if scene.is_joined() {
            Finding::warning(what, fix)
        } else {
            Finding::error(Exit::NotReady, what, fix)
        });
    }
    Ok(findings)
}

pub(super) fn size(scene: &Scene<'_>) -> Findings {
    let mut findings = Vec::new();
    let cores = scene.host.cores();
    if cores < 2 {
        findings.push(Finding::warning(
            "this machine has 1 vCPU",
            "use one with 2 or more for live media",
        ));
    }
    if cores < 4 {
        findings.push(Finding::warning(
            format!("egress declines recordings and HLS below 4 vCPUs; this machine has {cores}"),
            "use a machine with 4 vCPUs where this node is to record",
        ));
    }
    let memory = scene.host.memory()?.total_kib * 1024;
    // A machine sold as 2 GiB shows a little less.
    if memory < 2 * GIB * 9 / 10 {
        findings.push(Finding::warning(
            format!(
                "this machine has {:.1} GiB of memory",
                memory as f64 / GIB as f64
            ),
            "use one with 2 GiB or more",
        ));
    }
    Ok(findings)
}

pub(crate) fn clock(_scene: &Scene<'_>) -> Findings {
    let earliest = SystemTime::UNIX_EPOCH + Duration::from_secs(EARLIEST);
    let now = SystemTime::now();
    if now >= earliest {
        return Ok(Vec::new());
    }
    not_ready(
        format!(
            "this machine's clock says {}",
            humantime::format_rfc3339_seconds(now)
        ),
        "set it: timedatectl set-ntp true",
    )
}

pub(super) fn docker(scene: &Scene<'_>) -> Findings {
    let snap = "/snap/bin/docker";
    let found = exec::find("docker");
    if found
        .as_deref()
        .is_some_and(|path| path.starts_with("/snap"))
    {
        return not_ready(
            format!("Docker comes from a snap ({snap}), which can't mount what lies below /opt"),
            "remove it (snap remove docker) and run this again: it installs another",
        );
    }
    let installed = Installed::look(scene.host)?;
    let missing = installed.missing();
    if scene.settings.docker.source == DockerSource::Nowhere && !missing.is_empty() {
        return not_ready(
            format!(
                "--docker-source none says not to install Docker, and this host lacks {}",
                missing.join(" and ")
            ),
            "install it, or leave --docker-source out",
        );
    }
    let others = scene.settings.docker.in_the_way(scene.host)?.join(" ");
    if !others.is_empty() {
        return not_ready(
            format!(
                "--docker-source says whose Docker to install, and apt would have to remove what is here of another: {others}"
            ),
            format!(
                "leave --docker-source out: it then comes from where they came; or, where nothing uses them: apt-get remove {others}"
            ),
        );
    }
    taken_names(scene)
}

/// Asks Docker's repository only where a missing Docker is to come from it.
pub(super) fn docker_repository(scene: &Scene<'_>) -> Findings {
    let docker = &scene.settings.docker;
    let Some(repository) = docker.repository_to_add(scene.host)? else {
        return Ok(Vec::new());
    };
    let may_be_the_distributions = docker.may_be_the_distributions(scene.host)?;
    let Err(why) = repository.look(scene.host) else {
        return Ok(Vec::new());
    };
    let fault = repository.fault(Exit::NotReady, why);
    if !may_be_the_distributions {
        return Err(fault.into());
    }
    Ok(vec![Finding::warning(
        format!("{} ({why}): Docker will be the distribution's", fault.what),
        fault.fix.unwrap_or_default(),
    )])
}

/// The containers' names are fixed, since others rely on them.
fn taken_names(scene: &Scene<'_>) -> Findings {
    let containers = match scene.engine()? {
        Some(engine) => engine.containers()?,
        None => Vec::new(),
    };
    let names: Vec<String> = roles::services(scene.settings)
        .iter()
        .map(|service| container_name(service.name))
        .collect();
    let taken = containers.iter().filter(|c| {
        c.project() != Some(&scene.settings.project) && names.iter().any(|name| name == c.name())
    });
    Ok(taken
        .map(|c| {
            let name = c.name();
            Finding::error(
                Exit::NotReady,
                format!("a container of somebody else has the name {name}"),
                format!(
                    "rename it (docker rename {name} {name}-old) or remove it (docker rm {name})"
                ),
            )
        })
        .collect())
}

pub(super) fn compose(scene: &Scene<'_>) -> Findings {
    let installed = Installed::look(scene.host)?;
    let Some(plugin) = installed.compose.filter(|_| installed.client) else {
        return Ok(Vec::new());
    };
    let receipt = scene.settings.saved.receipt.as_ref();
    let known = receipt.and_then(|receipt| receipt.compose.as_ref());
    let Told { version, .. } = compose_version(&plugin, known)?;
    if version < OLDEST_COMPOSE {
        return Err(too_old(version).into());
    }
    Ok(Vec::new())
}

pub(super) fn dir(scene: &Scene<'_>) -> Findings {
    let dir = &scene.settings.dir;
    scene.host.refuse_unsafe_directory(dir)?;
    let ours = scene.settings.saved.receipt.is_some();
    if ours || !matches!(scene.host.find(dir)?, Found::Directory(_)) {
        return Ok(Vec::new());
    }
    let is_empty = std::fs::read_dir(scene.host.path(dir))?.next().is_none();
    if is_empty || is_recognisable(scene, dir)? {
        return Ok(Vec::new());
    }
    not_ready(
        format!(
            "{} is not empty, and nothing in it is StreamHub's",
            dir.display()
        ),
        "choose another directory with --dir, or move what is in it away",
    )
}

/// A directory that an earlier StreamHub left: its .env names it.
fn is_recognisable(scene: &Scene<'_>, dir: &Path) -> Result<bool> {
    let Some(bytes) = scene.host.read(&dir.join(".env"))? else {
        return Ok(false);
    };
    let Ok(env) = EnvFile::parse(&bytes) else {
        return Ok(false);
    };
    Ok(env.get("STREAMHUB_DOMAIN")?.is_some())
}

pub(super) fn files(scene: &Scene<'_>) -> Findings {
    let mut findings = Vec::new();
    for path in roles::files(scene.settings) {
        if let Err(error) = scene.host.refuse_unsafe(&path) {
            findings.push(super::not_looked(&error));
        }
    }
    // One cause, such as a read-only /etc, speaks once.
    let mut said = std::collections::BTreeSet::new();
    findings.retain(|finding| said.insert(finding.what.clone()));
    Ok(findings)
}
