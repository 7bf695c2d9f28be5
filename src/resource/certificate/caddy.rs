//! The certificate that Caddy gets by itself. It goes on trying, and until it has one the site works
//! without: all there is to do is to wait a little, and to say so.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::super::{Change, Resource};
use super::judge::judge;
use crate::engine::docker;
use crate::fault::Result;
use crate::host::Host;
use crate::receipt::Owned;
use crate::{signals, ui};

/// A server that answers has made it by then.
const LIMIT: Duration = Duration::from_secs(60);

/// Docker's name of the volume that is Caddy's `/data` in this compose project: its certificates, and the account that it
/// has them by.
pub fn caddy_volume(project: &str) -> String {
    format!("{project}_caddy_data")
}

/// A certificate for the domain, in Caddy's own volume.
#[derive(Clone, Debug)]
pub struct CaddyCertificate {
    pub domain: String,
    /// As [`caddy_volume`] names it.
    pub volume: String,
}

impl CaddyCertificate {
    /// Where its files are, if Docker knows the volume.
    fn place(&self) -> Result<Option<PathBuf>> {
        let asked = docker()
            .args([
                "volume",
                "inspect",
                "--format",
                "{{.Mountpoint}}",
                &self.volume,
            ])
            .run()?;
        let place = Path::new(asked.stdout.trim()).join("caddy/certificates");
        Ok(asked.succeeded().then_some(place))
    }

    fn is_there(&self, host: &Host, place: &Path) -> Result<bool> {
        for issuer in host.names_in(place)? {
            let file = format!("{0}/{0}.crt", self.domain);
            let pem = host.read(&place.join(issuer).join(file))?;
            if pem.is_some_and(|pem| judge(&pem, &self.domain, SystemTime::now()).is_ok()) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Resource for CaddyCertificate {
    fn name(&self) -> String {
        format!("certificate for {}", self.domain)
    }

    fn probe(&self, host: &Host) -> Result<Change> {
        let is_there = match self.place() {
            Ok(Some(place)) => self.is_there(host, &place)?,
            Ok(None) | Err(_) => false,
        };
        Ok(if is_there {
            Change::None
        } else {
            Change::Create(Some("Caddy gets it by itself".to_owned()))
        })
    }

    fn apply(&self, host: &Host) -> Result<()> {
        let end = Instant::now() + LIMIT;
        while Instant::now() < end {
            if let Some(place) = self.place()?
                && self.is_there(host, &place)?
            {
                return Ok(());
            }
            signals::sleep(Duration::from_millis(500))?;
        }
        ui::warn(&format!(
            "no certificate for {} yet; the site works over plain HTTP, and Caddy goes on trying. See why: docker logs streamhub-caddy",
            self.domain
        ));
        Ok(())
    }

    fn owned(&self, _host: &Host) -> Vec<Owned> {
        Vec::new()
    }
}
