//! Our compose file in the place of StreamHub's own, where the core is a prebuilt image.

use std::path::Path;

use super::{Change, File, Resource, is_signed};
use crate::fault::{Exit, Fault, Result};
use crate::host::Host;
use crate::receipt::Owned;

/// That file; one that somebody else wrote is never replaced.
#[derive(Clone, Debug)]
pub struct PrebuiltFile(pub File);

impl Resource for PrebuiltFile {
    fn name(&self) -> String {
        self.0.name()
    }

    fn probe(&self, host: &Host) -> Result<Change> {
        let path = &self.0.path;
        let foreign = host.read_ours(path)?.is_some_and(|old| !is_signed(&old));
        if foreign {
            return Err(other_core(
                path,
                "StreamHub's own or somebody else's",
                "with --core-image it would be replaced, and what it says of the data would be lost",
            ));
        }
        self.0.probe(host)
    }

    fn apply(&self, host: &Host) -> Result<()> {
        self.0.apply(host)
    }

    fn owned(&self, host: &Host) -> Vec<Owned> {
        self.0.owned(host)
    }
}

/// An installed origin's core is built or prebuilt, and stays so.
pub(super) fn other_core(path: &Path, whose: &str, why: &str) -> anyhow::Error {
    Fault::new(Exit::NotReady, format!("{} is {whose}", path.display()))
        .why(why)
        .fix("streamhub-install uninstall --keep-data, then install anew with the other kind of core; or leave --core-image as it was")
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_file_is_replaced() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::new(root.path());
        let path = Path::new("/opt/streamhub/docker-compose.yml");
        host.make_dir(Path::new("/opt/streamhub"), 0o755).unwrap();
        let file = PrebuiltFile(File {
            path: path.to_owned(),
            text: "# Written by streamhub-install\nservices: {}\n".to_owned(),
            mode: 0o644,
        });
        assert_eq!(file.probe(&host).unwrap(), Change::Create(None));
        host.write(path, b"# Written by streamhub-install\n", 0o644)
            .unwrap();
        assert!(matches!(file.probe(&host).unwrap(), Change::Update(_)));
        host.write(path, b"services: {redis: {}}\n", 0o644).unwrap();
        let fault = Fault::of(&file.probe(&host).unwrap_err());
        assert_eq!(fault.exit, Exit::NotReady);
    }
}
