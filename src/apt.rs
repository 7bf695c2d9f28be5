//! Packages of the distribution, waiting for whoever else is installing and mending what was cut off.

mod known;
mod removal;

use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use nix::fcntl::{FcntlArg, fcntl};

pub use removal::{needed_by_others, purge};

pub use known::{available, installed, lists, offered_by, present, simulate};

use crate::exec::{Finished, Program};
use crate::fault::{Exit, Fault, Result};
use crate::host::Host;
use crate::{signals, ui};

/// `DPkg::Lock::Timeout` covers only dpkg's own; the lists' lock makes `apt-get update` fail at once.
const LOCKS: &[&str] = &[
    "/var/lib/dpkg/lock-frontend",
    "/var/lib/dpkg/lock",
    "/var/lib/apt/lists/lock",
    "/var/cache/apt/archives/lock",
];
/// An unattended upgrade can take this long on a small machine.
const LOCK_LIMIT: Duration = Duration::from_secs(600);
const RUN_LIMIT: Duration = Duration::from_secs(1800);

/// Installs the packages. Removes and restarts nothing.
///
/// # Errors
/// If the locks are not free within 10 minutes, or apt fails.
pub fn install(host: &Host, packages: &[&str]) -> Result<()> {
    repair(host)?;
    run(host, &installation(packages))
}

/// Brings what [`install`] would need into apt's cache, each file as the repository signed it.
///
/// # Errors
/// As [`install`].
pub fn download(host: &Host, packages: &[&str]) -> Result<()> {
    repair(host)?;
    run(host, &installation(packages).arg("--download-only"))
}

fn installation(packages: &[&str]) -> Program {
    apt_get()
        .args(["install", "--yes", "--no-install-recommends", "--no-remove"])
        .args(packages)
}

/// Refreshes the lists of what can be installed. A source that is broken is warned of and no more: it may be
/// somebody else's, and what is needed and can't be had says so when it is installed.
///
/// # Errors
/// If the locks are not free within 10 minutes.
pub fn update(host: &Host) -> Result<()> {
    let update = apt_get().arg("update");
    let finished = finish(host, &update)?;
    if !finished.succeeded() {
        let errors = finished.stderr.lines().filter(|l| l.starts_with("E: "));
        let errors: Vec<&str> = errors.map(|l| l.trim_start_matches("E: ")).collect();
        ui::warn(&format!(
            "apt can't refresh all that it knows of, and is used as it is: {}",
            errors.join("; ")
        ));
    }
    Ok(())
}

/// Refreshes the lists of one source alone, a file below `/etc/apt`.
///
/// # Errors
/// As [`install`]; and where the source does not answer, or is not signed by its key.
pub fn update_one(host: &Host, source: &Path) -> Result<()> {
    let option = |name: &str, value: &str| ["-o".to_owned(), format!("{name}={value}")];
    let update = apt_get()
        .args(["update", "--error-on=any"])
        .args(option("Dir::Etc::SourceList", &source.to_string_lossy()))
        .args(option("Dir::Etc::SourceParts", "-"))
        // The lists of the other sources stay.
        .args(option("APT::Get::List-Cleanup", "0"))
        // Whatever the operator lets other repositories get away with.
        .args(option("Acquire::AllowInsecureRepositories", "0"))
        .args(option("Acquire::AllowWeakRepositories", "0"));
    run(host, &update)
}

/// Finishes what an interrupted dpkg left half done.
///
/// # Errors
/// As [`install`].
pub fn repair(host: &Host) -> Result<()> {
    wait_for_locks(host)?;
    let audit = Program::new("dpkg").arg("--audit").run()?;
    let journal = host.path(Path::new("/var/lib/dpkg/updates"));
    let interrupted = std::fs::read_dir(journal).is_ok_and(|mut entries| entries.next().is_some());
    if audit.stdout.trim().is_empty() && audit.succeeded() && !interrupted {
        return Ok(());
    }
    ui::waiting("an earlier package installation was cut off: finishing it");
    let configure = quiet(Program::new("dpkg").args(["--configure", "-a", "--force-confold"]));
    run(host, &configure)?;
    run(
        host,
        &apt_get().args(["install", "--fix-broken", "--yes", "--no-remove"]),
    )
}

fn apt_get() -> Program {
    quiet(Program::new("apt-get").args([
        "-o",
        "DPkg::Lock::Timeout=600",
        // An operator's changed configuration file stays as it is.
        "-o",
        "DPkg::Options::=--force-confold",
    ]))
}

fn quiet(program: Program) -> Program {
    program
        .env("DEBIAN_FRONTEND", "noninteractive")
        // List what should be restarted, restart nothing.
        .env("NEEDRESTART_MODE", "l")
        .limit(RUN_LIMIT)
}

/// Runs it, and it has to succeed.
fn run(host: &Host, program: &Program) -> Result<()> {
    let finished = finish(host, program)?;
    if finished.succeeded() {
        return Ok(());
    }
    let said = crate::exec::last_lines(&finished.stderr, 12);
    Err(Fault::new(Exit::Failed, format!("{program} failed"))
        .why(said)
        .fix("mend what apt complains about (try: apt-get update && apt-get install --fix-broken), then run this again")
        .into())
}

/// Runs it when the locks are free, again if somebody takes one in between.
fn finish(host: &Host, program: &Program) -> Result<Finished> {
    let end = Instant::now() + LOCK_LIMIT;
    loop {
        wait_for_locks(host)?;
        let finished = program.run()?;
        if finished.succeeded() || !lost_a_lock(&finished) || Instant::now() > end {
            return Ok(finished);
        }
        signals::sleep(Duration::from_secs(1))?;
    }
}

fn lost_a_lock(finished: &Finished) -> bool {
    [
        "Could not get lock",
        "Unable to lock",
        "Unable to acquire the dpkg frontend lock",
    ]
    .iter()
    .any(|words| finished.stderr.contains(words))
}

fn wait_for_locks(host: &Host) -> Result<()> {
    let end = Instant::now() + LOCK_LIMIT;
    let mut told = false;
    loop {
        let Some((path, pid)) = LOCKS
            .iter()
            .find_map(|path| Some((path, holder(host, path)?)))
        else {
            return Ok(());
        };
        if Instant::now() > end {
            return Err(Fault::new(
                Exit::Failed,
                format!("pid {pid} holds {path} since 10 minutes"),
            )
            .fix(format!(
                "see what it does (ps -fp {pid}), let it end, then run this again"
            ))
            .into());
        }
        if !told {
            ui::waiting(&format!(
                "waiting for pid {pid}, which holds {path} (an automatic upgrade?)"
            ));
            told = true;
        }
        signals::sleep(Duration::from_millis(500))?;
    }
}

/// The process that holds a lock of dpkg's kind, a POSIX record lock.
fn holder(host: &Host, path: &str) -> Option<i32> {
    let file = File::open(host.path(path)).ok()?;
    let mut query = nix::libc::flock {
        // The constants are small; the struct's field is a C short.
        l_type: nix::libc::F_WRLCK as i16,
        l_whence: nix::libc::SEEK_SET as i16,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    fcntl(file.as_fd(), FcntlArg::F_GETLK(&mut query))
        .context("asking for a lock's holder")
        .ok()?;
    (query.l_type != nix::libc::F_UNLCK as i16).then_some(query.l_pid)
}
