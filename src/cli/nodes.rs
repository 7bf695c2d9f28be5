//! `nodes` on the command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

/// Which origin is asked, and by whom; also after the action. On a node it is known where not given.
#[derive(Clone, Debug, Default, Args)]
pub struct OriginAccess {
    /// A file with an operator's API token (sk_…).
    #[arg(long, global = true, value_name = "PATH")]
    pub api_token_file: Option<PathBuf>,
    /// The origin's API.
    #[arg(long, global = true, visible_alias = "origin-url", value_name = "URL")]
    pub master_url: Option<String>,
    /// Trust this CA for the origin, beside the system's.
    #[arg(long, global = true, value_name = "PEM")]
    pub master_ca_file: Option<PathBuf>,
}

/// What to do in the registry.
#[derive(Clone, Debug, Subcommand)]
pub enum NodesAction {
    /// Every node.
    List,
    /// No new work for a node. On an edge, without a name or with its own, its livekit also takes no new
    /// room, ends with its last call and stays so.
    Drain {
        /// Its name or id.
        node: Option<String>,
        /// Until its last call has ended, or the time is up: exit 6.
        #[arg(long)]
        wait: bool,
        /// How long to wait, such as 90s or 2h.
        #[arg(long, requires = "wait", default_value = "10m", value_name = "DURATION", value_parser = humantime::parse_duration)]
        timeout: Duration,
    },
    /// A node takes work again. On the edge itself its livekit is started again.
    Activate {
        /// Its name or id; on an edge without one: itself.
        node: Option<String>,
    },
    /// A node is out of service.
    Disable {
        /// Its name or id.
        node: String,
    },
    /// A node's row is deleted.
    Remove {
        /// Its name or id.
        node: String,
        /// Don't ask.
        #[arg(long)]
        yes: bool,
    },
}
