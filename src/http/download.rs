//! A body too large for memory, handed on piece by piece.

use std::io::Read;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use reqwest::blocking::{Client, Request};

use super::causes;
use crate::fault::Result;
use crate::signals;

/// What a download may cost before it is given up.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Bytes in all.
    pub size: u64,
    /// From the first byte sent to the last byte read.
    pub time: Duration,
    /// Without a byte.
    pub silence: Duration,
}

/// Sends a request and hands its body on. A signal to us ends it at once.
///
/// # Errors
/// If the answer is another than 200, a redirect included; if it exceeds a bound or breaks off; or what `take` says.
pub fn download(
    client: &Client,
    mut request: Request,
    bounds: Bounds,
    mut take: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    *request.timeout_mut() = Some(bounds.time);
    let (hand_on, pieces) = sync_channel(4);
    let client = client.clone();
    // A read can't be interrupted: this waits for it elsewhere, and is left alone there when the run ends.
    std::thread::spawn(move || {
        if let Err(error) = read(&client, request, &hand_on) {
            let _ = hand_on.send(Err(error));
        }
    });
    let started = Instant::now();
    let (mut heard, mut size) = (started, 0);
    loop {
        signals::check()?;
        match pieces.recv_timeout(signals::TICK) {
            Ok(piece) => {
                let piece: Vec<u8> = piece?;
                heard = Instant::now();
                size += piece.len() as u64;
                ensure!(
                    size <= bounds.size,
                    "it is over {} MiB",
                    bounds.size / (1024 * 1024)
                );
                take(&piece)?;
            }
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
            Err(RecvTimeoutError::Timeout) => ensure!(
                heard.elapsed() < bounds.silence,
                "nothing came for {} s",
                bounds.silence.as_secs()
            ),
        }
        ensure!(
            started.elapsed() < bounds.time,
            "it did not end within {} s",
            bounds.time.as_secs()
        );
    }
}

/// Ends early where nobody listens any more.
fn read(client: &Client, request: Request, hand_on: &SyncSender<Result<Vec<u8>>>) -> Result<()> {
    let mut response = client
        .execute(request)
        .map_err(|e| anyhow::anyhow!(causes(&e)))?;
    let status = response.status().as_u16();
    if status != 200 {
        let to = response
            .headers()
            .get("location")
            .map_or_else(String::new, |to| {
                let to = String::from_utf8_lossy(to.as_bytes());
                format!(" (to {to}, which is not followed)")
            });
        bail!("it answers {status}{to}");
    }
    let mut piece = vec![0; 64 * 1024];
    loop {
        let count = response.read(&mut piece).context("the answer broke off")?;
        if count == 0 || hand_on.send(Ok(piece[..count].to_vec())).is_err() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests;
