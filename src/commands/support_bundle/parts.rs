//! What goes into the archive. A part that can't be had says why in its place: a broken host is what it is for.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::search::Search;
use super::{Part, inspected, settings_file};
use crate::cli::Given;
use crate::doctor;
use crate::engine::{Engine, PROJECT, SOCKET};
use crate::exec::Program;
use crate::fault::Result;
use crate::host::Host;
use crate::receipt::{self, Receipt};
use crate::resource::{Change, Resource, SERVICE, TIMER, is_signed, site_path};
use crate::roles::{self, LOG};
use crate::secret::Secret;
use crate::settings::{HEARTBEAT_ENV, Settings};

const DEFAULT_DIR: &str = "/opt/streamhub";
/// Of a log the end tells.
const LOG_LINES: &str = "1000";
const LIMIT: Duration = Duration::from_secs(30);
/// Every container without its command line, where a stranger's password may stand.
const PS: &str = "table {{.ID}}\t{{.Image}}\t{{.CreatedAt}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}";

/// Everything, and a search that knows this node's secrets.
pub(super) fn collect(host: &Host) -> Result<(Vec<Part>, Search)> {
    let receipt = Receipt::load(host);
    let known = receipt.as_ref().ok().and_then(Option::as_ref);
    let dir = known.map_or_else(|| PathBuf::from(DEFAULT_DIR), |receipt| receipt.dir.clone());
    let project = known.and_then(|receipt| receipt.settings.project.clone());
    let mut secrets = Vec::new();
    let mut parts = vec![versions(host)];
    for (name, path) in [
        ("env", dir.join(".env")),
        ("heartbeat.env", HEARTBEAT_ENV.into()),
    ] {
        let text = text(host, &path);
        if let Ok(text) = &text {
            secrets.extend(settings_file::secrets(text));
        }
        let shown = text.map(|text| settings_file::masked(&text));
        parts.push(part(name, shown));
    }
    // What is shown while the rest is collected knows them too.
    for secret in &secrets {
        Secret::new(secret.as_str());
    }
    for (name, path) in [
        ("os-release", Path::new("/etc/os-release")),
        ("receipt.json", Path::new(receipt::PATH)),
    ] {
        parts.push(part(name, text(host, path)));
    }
    for name in ["docker-compose.yml", "docker-compose.streamhub.yml"] {
        // Somebody else's may hold what nobody but them knows to be secret.
        if let Ok(text) = text(host, &dir.join(name))
            && is_signed(text.as_bytes())
        {
            parts.push(part(name, Ok(text)));
        }
    }
    let settings = Given::nothing()
        .map_err(Into::into)
        .and_then(|given| Settings::resolve(&given, host));
    match settings {
        Ok(settings) => {
            parts.push(part("plan", planned(host, &settings)));
            parts.push(part("doctor", findings(host, &settings)));
            parts.extend(site(host, &settings));
        }
        Err(e) => parts.push(part("plan", Err(e))),
    }
    let log = host.path(LOG).display().to_string();
    parts.push(told("install.log", &["tail", "--lines", LOG_LINES, &log]));
    parts.extend(programs());
    parts.extend(containers(host, project.as_deref().unwrap_or(PROJECT)));
    Ok((parts, Search::of(secrets)))
}

fn part(name: &str, text: Result<String>) -> Part {
    let text = text.unwrap_or_else(|e| format!("can't be had: {e:#}\n"));
    Part {
        name: name.to_owned(),
        bytes: text.into_bytes(),
    }
}

fn text(host: &Host, path: &Path) -> Result<String> {
    let bytes = host.read_ours(path).or_else(|_| host.read(path))?;
    let bytes = bytes.ok_or_else(|| anyhow::anyhow!("{} is not there", path.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn versions(host: &Host) -> Part {
    let docker = Engine::find(host).and_then(|engine| {
        engine.map_or_else(
            || Ok("does not answer".to_owned()),
            |engine| engine.version(),
        )
    });
    let docker = docker.unwrap_or_else(|e| format!("{e:#}"));
    let first_line = |program: &str, args: &[&str]| {
        let said = Program::new(program).args(args.iter().copied()).succeed();
        said.map_or_else(
            |e| format!("{e:#}"),
            |said| said.lines().next().unwrap_or_default().to_owned(),
        )
    };
    let text = format!(
        "streamhub-install {}\nDocker {docker}\n{}\n{}\n{}\n",
        env!("CARGO_PKG_VERSION"),
        first_line("docker", &["compose", "version"]),
        first_line("systemctl", &["--version"]),
        first_line("uname", &["-srm"]),
    );
    part("versions", Ok(text))
}

/// The plan, as `--dry-run` has it, as far as each resource can be looked at.
fn planned(host: &Host, settings: &Settings) -> Result<String> {
    let Some(node) = roles::installed(settings, host.cores())? else {
        return Ok("no origin has taken this node yet\n".to_owned());
    };
    let line = |resource: Box<dyn Resource>| {
        let name = resource.name();
        match resource.probe(host) {
            Ok(Change::None) => format!("  {name}\n"),
            Ok(Change::Create(detail)) => format!("+ {name}\n{}", detail.unwrap_or_default()),
            Ok(Change::Update(detail)) => format!("~ {name}\n{detail}\n"),
            Ok(Change::Unknown(why)) => format!("? {name}: {why}\n"),
            Err(e) => format!("! {name}: {e:#}\n"),
        }
    };
    Ok(node.resources.into_iter().map(line).collect())
}

fn findings(host: &Host, settings: &Settings) -> Result<String> {
    let found = doctor::examine(host, settings)?;
    if found.is_empty() {
        return Ok("All is well.\n".to_owned());
    }
    Ok(found
        .iter()
        .map(|(check, finding)| {
            let fix = finding.fix.as_deref().unwrap_or("-");
            format!("[{check}] {}\n  fix: {fix}\n", finding.what)
        })
        .collect())
}

fn site(host: &Host, settings: &Settings) -> Option<Part> {
    let path = site_path(&settings.origin()?.site);
    Some(part("nginx-site", text(host, &path)))
}

/// What other programs tell.
fn programs() -> Vec<Part> {
    let asked: &[(&str, &[&str])] = &[
        (
            "journal",
            &[
                "journalctl",
                "--no-pager",
                "--lines",
                LOG_LINES,
                "--unit",
                SERVICE,
                "--unit",
                TIMER,
                "--unit",
                "docker.service",
            ],
        ),
        ("units", &["systemctl", "cat", "--no-pager", TIMER, SERVICE]),
        (
            "timers",
            &["systemctl", "list-timers", "--all", "--no-pager"],
        ),
        (
            "listeners",
            &[
                "ss",
                "--listening",
                "--processes",
                "--numeric",
                "--tcp",
                "--udp",
            ],
        ),
        ("addresses", &["ip", "-brief", "address"]),
        ("ufw", &["ufw", "status", "numbered"]),
        ("iptables", &["iptables-save"]),
        ("disk", &["df", "-h"]),
    ];
    asked.iter().map(|(name, line)| told(name, line)).collect()
}

fn told(name: &str, line: &[&str]) -> Part {
    let Some((program, args)) = line.split_first() else {
        return part(name, Ok(String::new()));
    };
    let said = Program::new(*program)
        .args(args.iter().copied())
        .limit(LIMIT)
        .run();
    part(
        name,
        said.map(|said| format!("{}{}", said.stdout, said.stderr)),
    )
}

/// Docker's own view, and of our project's containers their logs and how they were made.
fn containers(host: &Host, project: &str) -> Vec<Part> {
    let socket = format!("--host=unix://{SOCKET}");
    let docker = |name: &str, args: &[&str]| told(name, &[&["docker", &socket], args].concat());
    let mut parts = vec![
        docker("docker/ps", &["ps", "--all", "--format", PS]),
        docker("docker/images", &["images", "--digests"]),
    ];
    let engine = Engine::find(host).ok().flatten();
    let all = engine.and_then(|engine| engine.containers().ok());
    for container in all.unwrap_or_default() {
        if container.project() != Some(project) {
            continue;
        }
        let (id, name) = (container.id.as_str(), container.name());
        parts.push(docker(
            &format!("docker/{name}.log"),
            &["logs", "--timestamps", "--tail", LOG_LINES, id],
        ));
        let mut inspected = docker(&format!("docker/{name}.json"), &["inspect", id]);
        inspected.bytes = inspected::masked(&inspected.bytes);
        parts.push(inspected);
    }
    parts
}
