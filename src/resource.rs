//! The things a node is made of. Each kind can be probed without changing it, and applied.

mod absent;
mod adoption;
mod certificate;
mod compose;
mod core_image;
mod data;
mod directory;
mod docker;
mod env;
mod file;
mod firewall;
mod image;
mod kept;
mod no_service;
mod packages;
mod place;
mod prebuilt;
mod program;
mod removal;
mod seed;
mod site;
mod source_tree;
mod stack;
mod sysctl;
mod timer;

pub use absent::Absent;
pub use adoption::Adoption;
pub use certificate::{CaddyCertificate, Certificate, caddy_volume, certificate_ends};
pub use compose::{BASE, Base, BaseFile, ComposeFile, Definition, LAYER, Service, operators_layer};
pub use core_image::{CoreImage, StackImages};
pub use data::Data;
pub use directory::Directory;
pub use docker::{
    DEFAULT_KEY, DEFAULT_URL, Docker, DockerSource, Fingerprint, Installed, OLDEST_COMPOSE,
    Repository, compose_version, too_old,
};
pub use env::{Env, Rule};
pub use file::File;
pub use firewall::{Danger, EdgeRules, Firewall, NoEdgeRules, Port};
pub use image::Image;
pub use kept::Kept;
pub use no_service::NoService;
pub use packages::Packages;
pub use place::Place;
pub use prebuilt::PrebuiltFile;
pub use program::{PATH as PROGRAM, Program};
pub use removal::{APT, Removal, UNITS, caddy_certificates};
pub use seed::{CORE_IS_SILENT, KEY as API_TOKEN, Seed, refused_token};
pub use site::{CLUSTER_PATHS, NoClusterSite, Site, SiteParts, site_files, site_name, site_path};
pub use source_tree::{Source, SourceTree};
pub use stack::Stack;
pub use sysctl::{PATH as SYSCTL, Sysctl};
pub use timer::{SERVICE, TIMER, Timer};

use similar::TextDiff;

use crate::fault::Result;
use crate::host::Host;
use crate::receipt::Owned;

/// One thing on the host that is wanted in a certain state.
pub trait Resource {
    /// What a plan line calls it, for example `file /etc/sysctl.d/99-streamhub-webrtc.conf`.
    fn name(&self) -> String;

    /// Compares the host with what is wanted. Reads only.
    ///
    /// # Errors
    /// If the host is in a state that must not be changed, or can't be read.
    fn probe(&self, host: &Host) -> Result<Change>;

    /// Makes it so. Called only when [`Resource::probe`] found a change; safe to repeat.
    ///
    /// # Errors
    /// If it can't be made so; what was there is then as it was, or the next run finishes it.
    fn apply(&self, host: &Host) -> Result<()>;

    /// What [`Resource::apply`] is about to make ours, enough to remove it without this code.
    fn owned(&self, host: &Host) -> Vec<Owned>;
}

/// Resources in the order in which they are made.
pub type Resources = Vec<Box<dyn Resource>>;

/// How a resource differs from what is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It does not.
    None,
    /// It is not there. The detail, where there is one, is for people, with secrets masked.
    Create(Option<String>),
    /// It is there and differs; how, with secrets masked.
    Update(String),
    /// It can't be looked at, and why.
    Unknown(&'static str),
}

/// What every file says that this program writes whole.
const SIGNATURE: &[u8] = b"Written by streamhub-install";

/// Whether this program wrote the file with these bytes; an operator's own may hold a secret.
pub(crate) fn is_signed(bytes: &[u8]) -> bool {
    bytes.windows(SIGNATURE.len()).any(|w| w == SIGNATURE)
}

/// A unified diff of two texts, with so many lines around each change.
fn diff(context: usize, old: &str, new: &str) -> String {
    TextDiff::from_lines(old, new)
        .unified_diff()
        .context_radius(context)
        .missing_newline_hint(false)
        .to_string()
}
