//! Proof that the node serves. `docker compose up` returning is none: livekit-server exits 0 on a
//! configuration that it can't read.

pub mod edge;
pub mod origin;
mod services;

use std::time::Duration;

pub use services::PORTS;

use crate::beat::{Node, beat};
use crate::fault::Result;
use crate::host::Host;
use crate::origin_api::OriginApi;
use crate::resource::{TIMER, Timer};
use crate::secret::Secret;
use crate::unhealthy::unhealthy;

/// For the services to answer on their ports.
const LIMIT: Duration = Duration::from_secs(60);

fn heartbeat_is_taken(
    host: &Host,
    api: &OriginApi,
    origin: &str,
    token: &Secret,
    node: &Node<'_>,
) -> Result<()> {
    beat(host, api, token, node).map_err(|refusal| {
        unhealthy(
            &format!("the origin at {origin} did not take a heartbeat: {refusal}"),
            None,
            refusal.fix(),
        )
    })
}

fn timer_lives() -> Result<()> {
    let state = Timer::state()?;
    if state.is_alive() {
        return Ok(());
    }
    Err(unhealthy(
        &format!("{TIMER} has no next run: {state:?}"),
        None,
        &format!("see what else decides over it: systemctl cat {TIMER}; then run this again"),
    ))
}
