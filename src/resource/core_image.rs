//! What an origin's stack runs: the images that its compose file names, and the core that is built here.

use std::time::Duration;

use super::image::pull;
use super::{Change, Definition, Resource};
use crate::engine::Engine;
use crate::fault::{Exit, Fault, Result};
use crate::host::Host;
use crate::receipt::Owned;

/// A build fetches and compiles what the core depends on.
const BUILD_LIMIT: Duration = Duration::from_secs(3600);
/// The service that is built.
const CORE: &str = "core";

/// The images that the compose files name for the stack's services, pulled only when they are not here.
#[derive(Clone, Debug)]
pub struct StackImages(pub Definition);

impl StackImages {
    /// Those that are pulled, and not built: all that is known before StreamHub's own file is there.
    fn wanted(&self, host: &Host) -> Result<Vec<String>> {
        let base = self.0.base(host)?;
        let (_, env) = self.0.env.wanted(host)?;
        let services = self.0.services.iter();
        let is_built = |name: &str| base.is_built(name) || (name == CORE && self.0.builds_core());
        let pulled = services.filter(|service| !is_built(service.name));
        Ok(pulled
            .map(|service| {
                let named = base.image(service.name, &env);
                named.unwrap_or_else(|| service.image.to_owned())
            })
            .collect())
    }

    fn missing(&self, host: &Host) -> Result<Vec<String>> {
        let engine = Engine::find(host)?;
        let mut missing = Vec::new();
        for image in self.wanted(host)? {
            let is_here = match &engine {
                Some(engine) => engine.has_image(&image)?,
                None => false,
            };
            if !is_here {
                missing.push(image);
            }
        }
        Ok(missing)
    }
}

impl Resource for StackImages {
    fn name(&self) -> String {
        "images of the services".to_owned()
    }

    fn probe(&self, host: &Host) -> Result<Change> {
        Ok(match self.missing(host)?.as_slice() {
            [] => Change::None,
            missing => Change::Create(Some(format!("pull {}", missing.join(", ")))),
        })
    }

    fn apply(&self, host: &Host) -> Result<()> {
        self.missing(host)?.iter().try_for_each(|image| pull(image))
    }

    fn owned(&self, host: &Host) -> Vec<Owned> {
        let missing = self.missing(host).unwrap_or_default();
        missing
            .into_iter()
            .map(|name| Owned::Image { name })
            .collect()
    }
}

/// The core's image, built from the source tree where it is missing.
#[derive(Clone, Debug)]
pub struct CoreImage(pub Definition);

impl CoreImage {
    fn image(&self, host: &Host) -> Result<String> {
        let (_, env) = self.0.env.wanted(host)?;
        let named = self.0.base(host)?.image(CORE, &env);
        Ok(named.unwrap_or_else(|| "streamhub-core:local".to_owned()))
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
        Ok(if is_here {
            Change::None
        } else {
            Change::Create(Some(format!("build {image} from the source")))
        })
    }

    fn apply(&self, host: &Host) -> Result<()> {
        self.0
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
            })
    }

    fn owned(&self, host: &Host) -> Vec<Owned> {
        let image = self.image(host).ok();
        image
            .into_iter()
            .map(|name| Owned::Image { name })
            .collect()
    }
}
