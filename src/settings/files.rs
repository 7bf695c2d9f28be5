//! Files of settings, as whoever came before left them.

use std::path::Path;

use anyhow::Context;

use crate::env_file::EnvFile;
use crate::fault::Result;
use crate::host::Host;

/// Where an edge keeps its join token and node id, and nowhere else.
pub const HEARTBEAT_ENV: &str = "/etc/streamhub/heartbeat.env";

/// A file of settings, if it is there.
pub(super) fn read(host: &Host, path: &Path) -> Result<Option<EnvFile>> {
    host.read_ours(path)?
        .map(|bytes| EnvFile::parse(&bytes))
        .transpose()
        .with_context(|| path.display().to_string())
}
