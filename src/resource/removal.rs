//! How each kind of thing that the receipt names is taken away again. Its entry is enough for that: a newer version may
//! not know the resource any more that once made the thing, and so this is no method of [`super::Resource`].

mod compose;

use std::path::Path;

pub use compose::caddy_certificates;
use compose::{Compose, remove_unused};

use super::firewall::ufw;
use super::source_tree;
use super::timer::systemctl;
use crate::engine::{Engine, docker};
use crate::exec::Program;
use crate::fault::Result;
use crate::host::{Found, Host};
use crate::receipt::Owned;
use crate::{apt, exec, ui};

/// Where systemd's units lie.
pub const UNITS: &str = "/etc/systemd/system";
/// Where apt is told of a repository; what is there goes with the packages that came from it.
pub const APT: &str = "/etc/apt";
/// Where certbot keeps what it renews.
const RENEWAL: &str = "/etc/letsencrypt/renewal";
const LETSENCRYPT: &str = "/etc/letsencrypt";
/// What in there is somebody's, beside accounts: certificates, and what is to be done when they are renewed.
const LETSENCRYPT_PARTS: &[&str] = &[
    "live",
    "archive",
    "renewal",
    "renewal-hooks/pre",
    "renewal-hooks/deploy",
    "renewal-hooks/post",
];

/// One thing that is to be taken away.
pub trait Removal {
    /// What a plan line calls it.
    fn name(&self) -> String;

    /// What of it goes and what stays, for people.
    ///
    /// # Errors
    /// If it can't be looked at.
    fn detail(&self, _host: &Host) -> Result<Option<String>> {
        Ok(None)
    }

    /// Whether there is something to take away. Reads only.
    ///
    /// # Errors
    /// If it can't be looked at.
    fn is_there(&self, host: &Host) -> Result<bool>;

    /// Takes it away, and says whether it is gone: what somebody else uses stays, and stays ours. Safe to repeat.
    ///
    /// # Errors
    /// If that fails; the next run tries it again.
    fn remove(&self, host: &Host) -> Result<bool>;

    /// What the receipt forgets once that is done.
    fn things(&self) -> Vec<Owned>;
}

impl Removal for Owned {
    fn name(&self) -> String {
        match self {
            Self::File { path } => format!("file {}", path.display()),
            Self::Directory { path } => format!("directory {}, if it is empty", path.display()),
            Self::Packages { names } => format!("packages {}", names.join(" ")),
            Self::Image { name } => format!("image {name}"),
            Self::FirewallRule { rule } => format!("firewall rule: {rule}"),
            Self::Unit { name } => format!("unit {name}"),
            Self::Certificate { name } => format!("certificate {name}"),
            Self::CaddyCertificates { volume } => {
                format!("volume {volume} with Caddy's certificates")
            }
            Self::Unlinked { path, .. } => format!("put back the link {}", path.display()),
            Self::SourceTree { path } => format!("StreamHub's source in {}", path.display()),
            Self::Stack { project, .. } => {
                format!("containers, networks and volumes of the compose project {project}")
            }
        }
    }

    fn detail(&self, host: &Host) -> Result<Option<String>> {
        let Self::Stack { project, dir } = self else {
            return Ok(None);
        };
        let lines = Compose::look(host, project, dir)?.map(|it| it.in_words());
        Ok(lines.filter(|lines| !lines.is_empty()))
    }

    fn is_there(&self, host: &Host) -> Result<bool> {
        match self {
            // A directory or a device of that name is nothing that we made.
            Self::File { path } => match host.find(path)? {
                Found::File(_) | Found::Symlink => Ok(true),
                // The rest of one may hold a secret.
                Found::Nothing => host.has_unfinished(path),
                Found::Directory(_) | Found::Other => Ok(false),
            },
            Self::Directory { path } => Ok(matches!(host.find(path)?, Found::Directory(_))),
            Self::Packages { names } => Ok(!present(names)?.is_empty()),
            // What a stopped engine has is not gone.
            Self::Image { name } => match Engine::find(host)? {
                Some(engine) => engine.has_image(name),
                None => Ok(exec::is_installed("dockerd")),
            },
            Self::CaddyCertificates { volume } => match Engine::find(host)? {
                Some(engine) => engine.has_volume(volume),
                None => Ok(exec::is_installed("dockerd")),
            },
            Self::FirewallRule { rule } => has_rule(rule),
            Self::Unit { name } => is_unit(name),
            Self::Certificate { name } => {
                let renewal = Path::new(RENEWAL).join(format!("{name}.conf"));
                let is_known = matches!(host.find(&renewal)?, Found::File(_));
                Ok(is_known && exec::is_installed("certbot"))
            }
            Self::Unlinked { path, target } => {
                let is_free = matches!(host.find(path)?, Found::Nothing);
                let leads_to = path.with_file_name("").join(target);
                Ok(is_free && host.path(leads_to).exists())
            }
            // A part of the install directory, which goes as a whole.
            Self::SourceTree { path } => Ok(source_tree::files(host, path)?.is_some()),
            Self::Stack { project, dir } => {
                Ok(Compose::look(host, project, dir)?.is_some_and(|it| !it.is_empty()))
            }
        }
    }

    fn remove(&self, host: &Host) -> Result<bool> {
        match self {
            Self::Image { name } => return remove_image(host, name),
            Self::CaddyCertificates { volume } => return remove_unused("volume", volume),
            Self::Stack { project, dir } => {
                return Compose::look(host, project, dir)?.map_or(Ok(true), |it| it.remove());
            }
            Self::File { path } => {
                host.remove(path)?;
                if path.starts_with(UNITS) && exec::is_installed("systemctl") {
                    systemctl().arg("daemon-reload").succeed()?;
                }
            }
            Self::Directory { path } => {
                if !host.remove_empty_dir(path)? {
                    ui::warn(&format!("{} stays: it is not empty", path.display()));
                }
            }
            Self::Packages { names } => remove_packages(host, names)?,
            Self::FirewallRule { rule } => {
                let rule = rule.split_whitespace();
                ufw().arg("delete").args(rule).succeed()?;
            }
            Self::Unit { name } => {
                systemctl().args(["disable", "--now", name]).succeed()?;
                // What has failed stays in systemd's memory; what has not can't be forgotten.
                systemctl().args(["reset-failed", name]).run()?;
            }
            Self::Certificate { name } => {
                Program::new("certbot")
                    .args(["delete", "--non-interactive", "--cert-name", name])
                    .succeed()?;
            }
            Self::Unlinked { path, target } => host.link(path, target)?,
            Self::SourceTree { .. } => {}
        }
        Ok(true)
    }

    fn things(&self) -> Vec<Owned> {
        vec![self.clone()]
    }
}

fn present(names: &[String]) -> Result<Vec<&str>> {
    if !exec::is_installed("dpkg-query") {
        return Ok(Vec::new());
    }
    apt::present(&names.iter().map(String::as_str).collect::<Vec<_>>())
}

/// certbot's package, purged, takes all of its directory along, an operator's part too, unless it sees a certificate there
/// that is valid.
fn remove_packages(host: &Host, names: &[String]) -> Result<()> {
    let mut kept: &[&str] = &[];
    for part in LETSENCRYPT_PARTS {
        let part = Path::new(LETSENCRYPT).join(part);
        if host
            .list(&part)?
            .iter()
            .any(|path| !path.ends_with("README"))
        {
            kept = &["certbot"];
        }
    }
    if !kept.is_empty() && names.iter().any(|name| kept.contains(&name.as_str())) {
        ui::note(&format!(
            "    {LETSENCRYPT} stays: it holds what nobody asked to remove"
        ));
    }
    apt::purge(host, &present(names)?, kept)
}

/// ufw lists what it was told in the words in which it is told; a comment may follow.
fn has_rule(rule: &str) -> Result<bool> {
    if !exec::is_installed("ufw") {
        return Ok(false);
    }
    let added = ufw().args(["show", "added"]).succeed()?;
    let is_it = |line: &str| {
        let rest = line
            .strip_prefix("ufw ")
            .and_then(|line| line.strip_prefix(rule));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(" comment "))
    };
    Ok(added.lines().any(is_it))
}

fn is_unit(name: &str) -> Result<bool> {
    if !exec::is_installed("systemctl") {
        return Ok(false);
    }
    let said = systemctl()
        .args(["show", name, "--property=LoadState"])
        .succeed()?;
    Ok(said.trim() != "LoadState=not-found")
}

/// What something else uses stays.
fn remove_image(host: &Host, name: &str) -> Result<bool> {
    let Some(engine) = Engine::find(host)? else {
        return Ok(false);
    };
    let id = engine.image_id(name)?;
    let containers = engine.containers()?;
    if let Some(user) = containers.iter().find(|c| c.image_id == id) {
        ui::note(&format!(
            "    image {name} stays: the container {} uses it",
            user.name()
        ));
        return Ok(false);
    }
    docker().args(["image", "rm", name]).succeed()?;
    Ok(true)
}
