//! SIGINT and SIGTERM end a run between two steps, never inside one.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::fault::{Exit, Fault, Result};

static CAUGHT: OnceLock<Arc<AtomicUsize>> = OnceLock::new();

/// How often a wait looks whether it was interrupted.
pub const TICK: Duration = Duration::from_millis(50);

/// Starts noting the signals instead of dying of them. A hang-up is ignored: an operator whose
/// connection drops finds the install finished.
///
/// # Errors
/// If the kernel takes no handler.
pub fn watch() -> Result<()> {
    let caught = CAUGHT.get_or_init(Arc::default);
    for signal in [SIGINT, SIGTERM] {
        // The number fits: signals are small and positive.
        signal_hook::flag::register_usize(signal, Arc::clone(caught), signal as usize)
            .context("installing a signal handler")?;
    }
    signal_hook::flag::register(SIGHUP, Arc::new(AtomicBool::new(false)))
        .context("installing a signal handler")?;
    Ok(())
}

/// Fails when a signal has asked the run to end. Called between steps and in every wait.
///
/// # Errors
/// [`Exit::Interrupted`] or [`Exit::Terminated`].
pub fn check() -> Result<()> {
    let signal = CAUGHT
        .get()
        .map_or(0, |caught| caught.load(Ordering::SeqCst));
    let (exit, name) = match signal {
        0 => return Ok(()),
        s if s == SIGINT as usize => (Exit::Interrupted, "SIGINT"),
        _ => (Exit::Terminated, "SIGTERM"),
    };
    Err(Fault::new(exit, format!("interrupted by {name}"))
        .fix("run the same command again: it goes on where this run stopped")
        .into())
}

/// Sleeps, but no longer than until a signal comes.
///
/// # Errors
/// As [`check`].
pub fn sleep(duration: Duration) -> Result<()> {
    let end = Instant::now() + duration;
    loop {
        check()?;
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(TICK));
    }
}
