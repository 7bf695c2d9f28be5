//! What apt and dpkg know of sources and packages. Changes nothing.

use super::{apt_get, installation};
use crate::exec::Program;
use crate::fault::Result;

/// The addresses of the lists that an update would fetch, from every active source as apt itself reads them:
/// `https://download.docker.com/linux/ubuntu/dists/noble/stable/binary-amd64/Packages.xz`. Fetches nothing.
///
/// # Errors
/// If apt can't read its sources.
pub fn lists() -> Result<Vec<String>> {
    // `indextargets` shows only what was fetched before.
    let said = Program::new("apt-get")
        .args(["update", "--print-uris"])
        .succeed()?;
    let address = |line: &str| Some(line.strip_prefix('\'')?.split_once('\'')?.0.to_owned());
    Ok(said.lines().filter_map(address).collect())
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
    Ok(touched(&said))
}

/// The packages that this would remove, as apt says it. Changes nothing.
pub(super) fn removed(args: &[&str], packages: &[&str]) -> Result<Vec<String>> {
    let program = apt_get().arg("--simulate").args(args.iter().copied());
    Ok(touched(&program.args(packages.iter().copied()).succeed()?))
}

/// The packages in the lines of a simulation that are unpacked or removed.
fn touched(said: &str) -> Vec<String> {
    let package = |line: &str| {
        let mut words = line.split_whitespace();
        let is_touched = matches!(words.next()?, "Inst" | "Remv" | "Purg");
        is_touched.then(|| words.next().map(str::to_owned))?
    };
    said.lines().filter_map(package).collect()
}
