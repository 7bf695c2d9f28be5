//! The other sites that nginx serves. They keep serving: only the distribution's placeholder and an
//! earlier site of ours give way, and only where they would answer in our place.

use std::path::{Path, PathBuf};

use super::super::is_signed;
use super::configuration::{Directive, read};
use super::{AVAILABLE, CLUSTER, ENABLED, Site};
use crate::exec::Program;
use crate::fault::{Exit, Fault, Result};
use crate::host::Host;
use crate::receipt::Receipt;

const MAIN: &str = "/etc/nginx/nginx.conf";
const CONF_D: &str = "/etc/nginx/conf.d";

/// Where the distribution enables its placeholder.
pub fn default_link() -> PathBuf {
    Path::new(ENABLED).join("default")
}

/// Refuses an nginx that does not read the directory that sites are enabled in, such as one from
/// nginx's own repository.
///
/// # Errors
/// [`Exit::NotReady`], with the line to add.
pub fn refuse_other_layout(host: &Host) -> Result<()> {
    let Some(main) = host.read_text(Path::new(MAIN))? else {
        return Ok(());
    };
    let is_read = |d: &Directive| d.includes("sites-enabled/*");
    if read(&main).iter().any(is_read) {
        return Ok(());
    }
    Err(Fault::new(
        Exit::NotReady,
        format!("{MAIN} does not read the sites in {ENABLED}"),
    )
    .fix(format!(
        "add this line to its http block: include {ENABLED}/*; (then mkdir -p {ENABLED}), and run this again"
    ))
    .into())
}

/// The links that have to go for this site, whose text is given, to answer.
///
/// # Errors
/// [`Exit::NotReady`] if an operator's site stands in its place, naming it.
pub fn to_disable(host: &Host, site: &Site, text: &str) -> Result<Vec<PathBuf>> {
    let is_default = read(text).iter().any(Directive::is_default_on_80);
    let receipt = Receipt::load(host)?;
    let is_known = |path: &Path| receipt.as_ref().is_some_and(|it| it.has_created(path));
    let mut links = Vec::new();
    for path in enabled(host)? {
        let file_name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.starts_with(ENABLED)
            && [site.domain.as_str(), CLUSTER].contains(&file_name.as_str())
        {
            continue;
        }
        let target = host.link_target(&path)?;
        let file = target.map_or_else(|| path.clone(), |to| path.with_file_name(to));
        // A link that leads nowhere is for nginx to complain about.
        let Some(other) = host.read(&file)? else {
            continue;
        };
        let other = String::from_utf8_lossy(&other).into_owned();
        let servers = read(&other);
        let is_same_name = servers.iter().any(|s| s.answers_for(&site.server_name));
        if is_signed(other.as_bytes()) && (is_known(&path) || is_known(&file) || is_same_name) {
            // Ours, of another domain, before this one was asked for. An operator's may have begun as a copy of ours.
            links.push(path);
            continue;
        }
        if is_default && servers.iter().any(Directive::is_default_on_80) {
            if !is_placeholder(host, &path)? {
                return Err(another_default(&path));
            }
            links.push(path);
        } else if !site.is_catch_all && is_same_name {
            return Err(another_of_that_name(&path, &site.server_name));
        }
    }
    Ok(links)
}

/// The files that nginx reads as Debian and Ubuntu configure it.
fn enabled(host: &Host) -> Result<Vec<PathBuf>> {
    let sites = host.names_in(Path::new(ENABLED))?;
    let sites = sites.into_iter().filter(|name| !name.starts_with('.'));
    let more = host.names_in(Path::new(CONF_D))?;
    let more = more.into_iter().filter(|name| name.ends_with(".conf"));
    Ok(sites
        .map(|name| Path::new(ENABLED).join(name))
        .chain(more.map(|name| Path::new(CONF_D).join(name)))
        .collect())
}

/// Whether it is the distribution's default site, as it came.
fn is_placeholder(host: &Host, path: &Path) -> Result<bool> {
    let file = Path::new(AVAILABLE).join("default");
    let target = host.link_target(path)?;
    let is_its_link = path == default_link()
        && target.is_some_and(|to| to == file || to == Path::new("../sites-available/default"));
    if !is_its_link {
        return Ok(false);
    }
    // It names each file of the package that is not as it came.
    let changed = Program::new("dpkg")
        .args(["--verify", "nginx-common"])
        .run()?;
    let is_named = changed
        .stdout
        .lines()
        .any(|line| line.ends_with(&*file.to_string_lossy()));
    Ok(!is_named)
}

fn another_default(path: &Path) -> anyhow::Error {
    let path = path.display();
    Fault::new(
        Exit::NotReady,
        format!("{path} is nginx's default site on port 80, and an origin without a name needs to be that"),
    )
    .fix(format!(
        "give StreamHub a name of its own (--domain), or let that site answer for its names alone: \
         sed --in-place --follow-symlinks 's/ default_server//' {path} && nginx -t && systemctl reload nginx"
    ))
    .into()
}

fn another_of_that_name(path: &Path, name: &str) -> anyhow::Error {
    let path = path.display();
    Fault::new(
        Exit::NotReady,
        format!("{path} already answers for {name}"),
    )
    .fix(format!(
        "take {name} out of its server_name, or give StreamHub another --domain; to disable that site: \
         mv {path} /root/ && nginx -t && systemctl reload nginx"
    ))
    .into()
}
