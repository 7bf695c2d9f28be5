//! The socket buffers that media over UDP needs, in a file and in the running kernel.

use std::path::PathBuf;
use std::time::Duration;

use minijinja::context;

use super::{Change, File, Resource};
use crate::exec::Program;
use crate::fault::Result;
use crate::host::Host;
use crate::receipt::Owned;
use crate::render::render;
use crate::ui;

/// Where they are set.
pub const PATH: &str = "/etc/sysctl.d/99-streamhub-webrtc.conf";
/// In bytes.
const LEAST: u64 = 16_777_216;
const NAMES: [&str; 2] = ["net.core.rmem_max", "net.core.wmem_max"];

/// A service may listen on an address that this host does not have yet.
const NONLOCAL: [&str; 2] = ["net.ipv4.ip_nonlocal_bind", "net.ipv6.ip_nonlocal_bind"];

/// The kernel's settings.
#[derive(Clone, Copy, Debug)]
pub struct Sysctl {
    /// Whether services listen on an address that may be absent at a boot.
    pub nonlocal_bind: bool,
}

impl Sysctl {
    /// Never lower than what the operator has set.
    fn file(&self, host: &Host) -> Result<File> {
        let [rmem_max, wmem_max] = NAMES.map(|name| Ok(host.sysctl(name)?.unwrap_or(0).max(LEAST)));
        let (rmem_max, wmem_max): (Result<u64>, Result<u64>) = (rmem_max, wmem_max);
        Ok(File {
            path: PathBuf::from(PATH),
            text: render(
                "99-streamhub-webrtc.conf",
                context! {
                    rmem_max => rmem_max?,
                    wmem_max => wmem_max?,
                    nonlocal_bind => self.nonlocal_bind,
                },
            )?,
            mode: 0o644,
        })
    }

    /// The settings of the running kernel that are too low, or off, and can be changed from here; in a
    /// container they are absent or read-only.
    fn low(&self, host: &Host) -> Result<Vec<&'static str>> {
        let mut low = Vec::new();
        for name in NAMES {
            if host.sysctl(name)?.is_some_and(|value| value < LEAST) && host.can_set_sysctl(name) {
                low.push(name);
            }
        }
        for name in NONLOCAL.into_iter().filter(|_| self.nonlocal_bind) {
            if host.sysctl(name)? == Some(0) && host.can_set_sysctl(name) {
                low.push(name);
            }
        }
        Ok(low)
    }
}

impl Resource for Sysctl {
    fn name(&self) -> String {
        format!("file {PATH}")
    }

    fn probe(&self, host: &Host) -> Result<Change> {
        let change = self.file(host)?.probe(host)?;
        if change != Change::None {
            return Ok(change);
        }
        Ok(match self.low(host)?.as_slice() {
            [] => Change::None,
            low => Change::Update(format!("set {} in the running kernel", low.join(" and "))),
        })
    }

    fn apply(&self, host: &Host) -> Result<()> {
        let file = self.file(host)?;
        if file.probe(host)? != Change::None {
            file.apply(host)?;
        }
        if self.low(host)?.is_empty() {
            return Ok(());
        }
        let set = Program::new("sysctl")
            .args(["--quiet", "--load", PATH])
            .limit(Duration::from_secs(10))
            .succeed();
        if let Err(error) = set {
            ui::warn(&format!(
                "the kernel does not take {PATH} now ({error:#}); media may lose packets under load until it does"
            ));
        }
        Ok(())
    }

    fn owned(&self, _host: &Host) -> Vec<Owned> {
        vec![Owned::File {
            path: PathBuf::from(PATH),
        }]
    }
}
