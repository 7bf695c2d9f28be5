//! What on a host is ours.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// One thing on the host that is ours, wholly or in part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    #[serde(flatten)]
    pub thing: Owned,
    /// We made it; what stood there before us is only changed, and never removed.
    pub created: bool,
    /// Cleared once the change is complete: set, a run was cut off in it.
    pub pending: bool,
}

/// The kinds of things that can be taken away again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Owned {
    File {
        path: PathBuf,
    },
    Directory {
        path: PathBuf,
    },
    Packages {
        names: Vec<String>,
    },
    Image {
        name: String,
    },
    FirewallRule {
        rule: String,
    },
    Unit {
        name: String,
    },
    Stack {
        project: String,
        dir: PathBuf,
    },
    /// A symlink of somebody else's that was taken away: it comes back.
    Unlinked {
        path: PathBuf,
        target: PathBuf,
    },
    SourceTree {
        path: PathBuf,
    },
    /// Of certbot's, by the name that it keeps it under.
    Certificate {
        name: String,
    },
    /// Of Caddy's: the Docker volume that it keeps them in.
    CaddyCertificates {
        volume: String,
    },
}

impl Owned {
    /// Named only where it was missing (or still there, for what is taken away), and so our doing whatever
    /// else of its kind was there.
    pub(super) fn is_named_when_missing(&self) -> bool {
        matches!(
            self,
            Self::Packages { .. } | Self::FirewallRule { .. } | Self::Unlinked { .. }
        )
    }
}
