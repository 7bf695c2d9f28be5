//! One run at a time: a lock that the kernel drops with its process, and with every program that the process started.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, Flock, FlockArg, fcntl};
use procfs::process::{FDTarget, Process, all_processes};

use super::Host;
use crate::fault::{Exit, Fault, Result};
use crate::{signals, ui};

const PATH: &str = "/run/streamhub-install.lock";
/// What a killed run left at work has most of it done by then: only packages and images take longer.
const LEFT_LIMIT: Duration = Duration::from_secs(600);

/// Held for the length of a run, and inherited by every program that the run starts: what outlives a killed run, such as
/// a `docker compose up` in the middle of its work, keeps the next one from working against it.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "held for its drop")] Flock<File>);

/// Takes the install lock, once what a killed run left at work has ended.
///
/// # Errors
/// [`Exit::Locked`], naming the holder's pid, when another run has it, or when what a killed one left does not end within
/// 10 minutes.
pub fn lock(host: &Host) -> Result<Lock> {
    host.refuse_unsafe(Path::new(PATH))?;
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(nix::libc::O_NOFOLLOW)
        .open(host.path(PATH))
        .with_context(|| format!("opening {PATH}"))?;
    let end = Instant::now() + LEFT_LIMIT;
    let mut told = false;
    loop {
        file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(held) => return sign(held),
            Err((file, Errno::EWOULDBLOCK)) => file,
            Err((_, errno)) => return Err(errno).with_context(|| format!("locking {PATH}")),
        };
        let left = left_at_work(host, &mut file)?;
        if Instant::now() > end {
            return Err(Fault::new(Exit::Locked, format!("{left}, holds {PATH} since 10 minutes"))
                .fix("it may be ending calls for as long as that run's --drain-timeout said: wait until it has ended, then run this again")
                .into());
        }
        if !told {
            ui::waiting(&format!("waiting for {left}"));
            told = true;
        }
        signals::sleep(Duration::from_millis(200))?;
    }
}

/// Writes who has it, and hands it on to what this run starts.
fn sign(mut held: Flock<File>) -> Result<Lock> {
    held.set_len(0)?;
    held.rewind()?;
    writeln!(held, "{}", std::process::id())?;
    fcntl(&*held, FcntlArg::F_SETFD(FdFlag::empty())).context("handing on the lock")?;
    Ok(Lock(held))
}

/// What a run that is gone left at work; an error where the run that has the lock lives.
fn left_at_work(host: &Host, file: &mut File) -> Result<String> {
    let mut signed = String::new();
    file.rewind()?;
    file.read_to_string(&mut signed)?;
    let Ok(pid) = signed.trim().parse() else {
        // It has not written its pid yet.
        return Err(locked("another run"));
    };
    let path = host.path(PATH).canonicalize()?;
    let has_it = |process: &Process| {
        let fds = process.fd().into_iter().flatten().flatten();
        fds.into_iter()
            .any(|fd| matches!(fd.target, FDTarget::Path(open) if open == path))
    };
    if Process::new(pid).is_ok_and(|run| has_it(&run)) {
        return Err(locked(&format!("another run (pid {pid})")));
    }
    let own = std::process::id().cast_signed();
    let mut others = all_processes().into_iter().flatten().flatten();
    let left = others.find(|process| process.pid() != own && has_it(process));
    Ok(left.map_or_else(
        || "what a killed run left at work".to_owned(),
        |process| {
            let name = process.stat().map_or_else(|_| "?".to_owned(), |s| s.comm);
            format!(
                "pid {} ({name}), which a killed run left at work",
                process.pid()
            )
        },
    ))
}

fn locked(holder: &str) -> anyhow::Error {
    Fault::new(Exit::Locked, format!("{holder} holds {PATH}"))
        .fix("wait until it has ended, then run this again")
        .into()
}
