//! Starting an engine that is there.

use std::time::{Duration, Instant};

use crate::engine::Engine;
use crate::exec::Program;
use crate::fault::{Exit, Fault, Result};
use crate::host::Host;
use crate::signals;

const LIMIT: Duration = Duration::from_secs(60);

/// Starts the engine and waits until it answers.
pub fn start(host: &Host) -> Result<()> {
    if Engine::find(host)?.is_some() {
        return Ok(());
    }
    Program::new("systemctl")
        .args(["enable", "--now", "docker.service"])
        .limit(Duration::from_secs(120))
        .succeed()
        .map_err(|e| {
            Fault::new(Exit::Failed, "docker.service does not start")
                .because(&e)
                .fix("see why: journalctl -u docker.service -n 50; if it is masked: systemctl unmask docker.service")
        })?;
    let end = Instant::now() + LIMIT;
    while Engine::find(host)?.is_none() {
        if Instant::now() > end {
            return Err(
                Fault::new(Exit::Failed, "the Docker engine runs and does not answer")
                    .fix("see why: journalctl -u docker.service -n 50")
                    .into(),
            );
        }
        signals::sleep(Duration::from_millis(200))?;
    }
    Ok(())
}
