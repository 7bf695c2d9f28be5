//! What apt and dpkg know of sources and packages. Changes nothing.

use std::path::PathBuf;

use super::installation;
use crate::exec::Program;
use crate::fault::Result;

/// A place that apt takes packages from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Without its final slash.
    pub uri: String,
    /// For example `noble`.
    pub suite: String,
    /// For example `stable`.
    pub component: String,
    /// The file that says so, as `/etc/apt/sources.list.d/docker.list`.
    pub file: PathBuf,
}

/// Every active source of binary packages, as apt itself reads them.
///
/// # Errors
/// If apt can't read them.
pub fn sources() -> Result<Vec<Source>> {
    let said = Program::new("apt-get")
        .args(["indextargets", "--format"])
        .arg("$(SITE)|$(RELEASE)|$(COMPONENT)|$(SOURCESENTRY)")
        .arg("Created-By: Packages")
        .succeed()?;
    Ok(said.lines().filter_map(source).collect())
}

fn source(line: &str) -> Option<Source> {
    let mut fields = line.split('|');
    let mut next = || fields.next().map(str::to_owned);
    Some(Source {
        uri: next()?.trim_end_matches('/').to_owned(),
        suite: next()?,
        component: next()?,
        // `<file>:<number of the entry>`
        file: next()?.rsplit_once(':')?.0.into(),
    })
}

/// The first of `names` that can be installed here.
///
/// # Errors
/// If apt can't be asked.
pub fn available<'a>(names: &[&'a str]) -> Result<Option<&'a str>> {
    for name in names {
        if candidate(name)?.is_some() {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// The version that apt would install.
fn candidate(name: &str) -> Result<Option<String>> {
    let policy = Program::new("apt-cache").args(["policy", name]).succeed()?;
    let version = policy
        .lines()
        .find_map(|line| line.trim().strip_prefix("Candidate: "));
    Ok(version.filter(|v| *v != "(none)").map(str::to_owned))
}

/// The addresses that have what apt would install of this package.
///
/// # Errors
/// If apt can't be asked.
pub fn offered_by(name: &str) -> Result<Vec<String>> {
    let Some(candidate) = candidate(name)? else {
        return Ok(Vec::new());
    };
    let known = Program::new("apt-cache")
        .args(["madison", name])
        .succeed()?;
    // `docker-ce | 5:28.0.1-1 | https://download.docker.com/linux/ubuntu noble/stable amd64 Packages`
    let address = |line: &str| {
        let mut fields = line.split('|').map(str::trim);
        let is_candidate = fields.nth(1)? == candidate;
        let address = fields.next()?.split_whitespace().next()?;
        is_candidate.then(|| address.trim_end_matches('/').to_owned())
    };
    Ok(known.lines().filter_map(address).collect())
}

/// Those of `names` that are here, wholly or half.
///
/// # Errors
/// If dpkg can't be asked.
pub fn present<'a>(names: &[&'a str]) -> Result<Vec<&'a str>> {
    in_state(names, |state| {
        !matches!(state, "not-installed" | "config-files")
    })
}

/// Those of `names` that are installed.
///
/// # Errors
/// If dpkg can't be asked.
pub fn installed<'a>(names: &[&'a str]) -> Result<Vec<&'a str>> {
    in_state(names, |state| state == "installed")
}

fn in_state<'a>(names: &[&'a str], is_meant: fn(&str) -> bool) -> Result<Vec<&'a str>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    // It exits 1 where it does not know one of them.
    let asked = Program::new("dpkg-query")
        .args(["--show", "--showformat", "${Package} ${db:Status-Status}\n"])
        .args(names.iter().copied())
        .run()?;
    let states: Vec<(&str, &str)> = asked
        .stdout
        .lines()
        .filter_map(|line| line.split_once(' '))
        .collect();
    let is_so = |name: &&str| {
        states
            .iter()
            .any(|(package, state)| package == name && is_meant(state))
    };
    Ok(names.iter().copied().filter(is_so).collect())
}

/// The packages that [`super::install`] would unpack or remove. Changes nothing.
///
/// # Errors
/// If apt can't be asked.
pub fn simulate(packages: &[&str]) -> Result<Vec<String>> {
    // Where it sees no way to install them, the installation itself says so.
    let said = installation(packages).arg("--simulate").run()?.stdout;
    let touched = |line: &str| {
        let mut words = line.split_whitespace();
        matches!(words.next()?, "Inst" | "Remv").then(|| words.next().map(str::to_owned))?
    };
    Ok(said.lines().filter_map(touched).collect())
}
