//! One run at a time: a lock that the kernel drops with its process.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context;
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use super::Host;
use crate::fault::{Exit, Fault, Result};

const PATH: &str = "/run/streamhub-install.lock";

/// Held for the length of a run.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "held for its drop")] Flock<File>);

/// Takes the install lock.
///
/// # Errors
/// [`Exit::Locked`], naming the holder's pid, when another run has it.
pub fn lock(host: &Host) -> Result<Lock> {
    host.refuse_unsafe(Path::new(PATH))?;
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(nix::libc::O_NOFOLLOW)
        .open(host.path(PATH))
        .with_context(|| format!("opening {PATH}"))?;
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(mut held) => {
            held.set_len(0)?;
            held.rewind()?;
            writeln!(held, "{}", std::process::id())?;
            Ok(Lock(held))
        }
        Err((mut file, Errno::EWOULDBLOCK)) => {
            let mut holder = String::new();
            // The holder may not have written its pid yet.
            let _ = file.read_to_string(&mut holder);
            let holder = match holder.trim() {
                "" => "another run".to_owned(),
                pid => format!("another run (pid {pid})"),
            };
            Err(Fault::new(Exit::Locked, format!("{holder} holds {PATH}"))
                .fix("wait until it has ended, then run this again")
                .into())
        }
        Err((_, errno)) => Err(errno).with_context(|| format!("locking {PATH}")),
    }
}
