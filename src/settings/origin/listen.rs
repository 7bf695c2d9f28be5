//! Where an origin's core listens, by its `.env`.

use std::net::IpAddr;
use std::path::Path;

use super::super::files::read;
use crate::env_file::EnvFile;
use crate::fault::{Exit, Fault, Result};
use crate::host::Host;

/// Where the core listens unless `.env` says otherwise.
pub const CORE_PORT: u16 = 3020;

/// The port of the origin's API, from the `.env` in its directory.
///
/// # Errors
/// If it can't be read, or holds no port there.
pub fn api_port(host: &Host, dir: &Path) -> Result<u16> {
    core_port(&read(host, &dir.join(".env"))?.unwrap_or_default())
}

pub(super) fn core_port(env: &EnvFile) -> Result<u16> {
    let Some(port) = env.get("PORT")? else {
        return Ok(CORE_PORT);
    };
    port.parse().ok().filter(|port| *port != 0).ok_or_else(|| {
        Fault::new(Exit::NotReady, format!("PORT={port} in .env is no port"))
            .fix("write a number from 1 to 65535 there, or remove the line")
            .into()
    })
}

/// What `HOST` names beside loopback; without one the core gets loopback. On one other address alone nobody would find
/// it: the proxy, livekit and the heartbeat ask on 127.0.0.1.
pub(super) fn exposed_on(env: &EnvFile) -> Result<Option<String>> {
    let Some(host) = env.get("HOST")? else {
        return Ok(None);
    };
    match host.parse().map(|ip: IpAddr| ip.to_canonical()) {
        Ok(ip) if ip == IpAddr::from([127, 0, 0, 1]) => Ok(None),
        Ok(ip) if ip.is_unspecified() => Ok(Some(host.to_owned())),
        Err(_) if host == "localhost" => Ok(None),
        _ => Err(Fault::new(
            Exit::NotReady,
            format!("HOST={host} in .env leaves the core off 127.0.0.1, where its proxy asks it"),
        )
        .fix("write HOST=127.0.0.1 there, or remove the line: --cluster-redis-bind <ip> is what offers edges the cluster's API on one address; 0.0.0.0 is every address")
        .into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_core_beyond_loopback_is_known_by_its_host() {
        let found = |text: &str| exposed_on(&EnvFile::parse(text.as_bytes()).unwrap());
        for here in ["", "HOST=", "HOST=127.0.0.1", "HOST=localhost"] {
            assert_eq!(found(here).unwrap(), None, "{here}");
        }
        for beyond in ["0.0.0.0", "::"] {
            let found = found(&format!("HOST={beyond}")).unwrap();
            assert_eq!(found.as_deref(), Some(beyond));
        }
        for elsewhere in ["10.0.0.10", "127.1.2.3", "::1", "media.example.com"] {
            let refusal = found(&format!("HOST={elsewhere}")).unwrap_err();
            assert!(refusal.to_string().contains(elsewhere), "{refusal}");
        }
    }
}
