//! What an origin's stack runs: the images that its compose file names, and the core that is built here.

use std::time::Duration;

use super::source_tree::{is_built, record_built};
use super::{Change, Definition, Image, Resource, Service};
use crate::engine::Engine;
use crate::fault::{Exit, Fault, Result};
use crate::host::Host;
use crate::receipt::Owned;

/// A build fetches and compiles what the core depends on.
const BUILD_LIMIT: Duration = Duration::from_secs(3600);
/// The service that is built.
pub(super) const CORE: &str = "core";

/// The images that the compose files name for the stack's services.
#[derive(Clone, Debug)]
pub struct StackImages {
    pub definition: Definition,
    /// Whether newer ones are to take their place.
    pub refresh: bool,
}

impl StackImages {
    /// Those that are pulled, and not built: all that is known before StreamHub's own file is there.
    fn images(&self, host: &Host) -> Result<Vec<Image>> {
        let definition = &self.definition;
        let base = definition.base(host)?;
        let is_built =
            |name: &str| base.is_built(name) || (name == CORE && definition.builds_core());
        let pulled = definition
            .services
            .iter()
            .filter(|service| !is_built(service.name));
        let names = definition.images(host)?;
        let image = |service: &Service| Image {
            name: names.get(service.name).cloned().unwrap_or_default(),
            refresh: self.refresh,
        };
        Ok(pulled.map(image).collect())
    }

    /// Those that are not as they should be, each with how.
    fn changes(&self, host: &Host) -> Result<Vec<(Image, Change)>> {
        let mut changes = Vec::new();
        for image in self.images(host)? {
            let change = image.probe(host)?;
            if change != Change::None {
                changes.push((image, change));
            }
        }
        Ok(changes)
    }
}

impl Resource for StackImages {
    fn name(&self) -> String {
        "images of the services".to_owned()
    }

    fn probe(&self, host: &Host) -> Result<Change> {
        let changes = self.changes(host)?;
        let line = |(image, change): &(Image, Change)| match change {
            Change::Update(how) => format!("{}: {how}\n", image.name),
            _ => format!("pull {}\n", image.name),
        };
        let lines: String = changes.iter().map(line).collect();
        let is_missing = |(_, change): &(Image, Change)| matches!(change, Change::Create(_));
        Ok(if changes.is_empty() {
            Change::None
        } else if changes.iter().all(is_missing) {
            Change::Create(Some(lines))
        } else {
            Change::Update(lines)
        })
    }

    fn apply(&self, host: &Host) -> Result<()> {
        let mut changes = self.changes(host)?.into_iter();
        changes.try_for_each(|(image, _)| image.apply(host))
    }

    fn owned(&self, host: &Host) -> Vec<Owned> {
        let changes = self.changes(host).unwrap_or_default();
        let missing = changes
            .iter()
            .filter(|(_, change)| matches!(change, Change::Create(_)));
        missing.flat_map(|(image, _)| image.owned(host)).collect()
    }
}

/// The core's image, built from the source tree where it is missing or from another version of it.
#[derive(Clone, Debug)]
pub struct CoreImage {
    pub definition: Definition,
    /// Whether it is to be built anew, from what the source is then.
    pub refresh: bool,
}

impl CoreImage {
    fn image(&self, host: &Host) -> Result<String> {
        let names = self.definition.images(host)?;
        Ok(names.get(CORE).cloned().unwrap_or_default())
    }
}

impl Resource for CoreImage {
    fn name(&self) -> String {
        "the core's image".to_owned()
    }

    fn probe(&self, host: &Host) -> Result<Change> {
        let image = self.image(host)?;
        let is_here = match Engine::find(host)? {
            Some(engine) => engine.has_image(&image)?,
            None => false,
        };
        let is_old = !is_built(host, &self.definition.dir)?;
        Ok(if is_here && (self.refresh || is_old) {
            Change::Update(format!("build {image} anew from the source"))
        } else if is_here {
            Change::None
        } else {
            Change::Create(Some(format!("build {image} from the source")))
        })
    }

    fn apply(&self, host: &Host) -> Result<()> {
        self.definition
            .compose(host)?
            .args(["build", CORE])
            .limit(BUILD_LIMIT)
            .stops_on_signal()
            .succeed()
            .map(drop)
            .map_err(|e| {
                if crate::signals::check().is_err() {
                    return e;
                }
                Fault::new(Exit::Failed, "the core can't be built from its source")
                    .because(&e)
                    .fix("mend what it complains about (the network, the disk, memory), then run this again; --core-image runs a prebuilt core instead")
                    .into()
            })?;
        record_built(host, &self.definition.dir)
    }

    fn owned(&self, host: &Host) -> Vec<Owned> {
        let image = self.image(host).ok();
        image
            .into_iter()
            .map(|name| Owned::Image { name })
            .collect()
    }
}
