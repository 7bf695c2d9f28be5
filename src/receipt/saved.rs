//! What a later run needs to know again.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What a program has told, and which file that was: it is asked again when it is another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    pub path: PathBuf,
    /// When the file changed last, in nanoseconds since 1970: its ctime, which nobody can set.
    pub changed: i64,
    pub version: (u32, u32, u32),
}

/// Non-secret settings that a re-run without flags uses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Saved {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub master_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub master_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub master_ca_file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The predecessor kept none, and the origin may know one.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub region_is_unknown: bool,
    /// An origin's; `localhost` for a test install. There once an origin was configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub no_tls: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acme_directory: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acme_ca_file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub core_image: Option<String>,
    /// Where the source comes from, where that is not StreamHub's own place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repo_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub src_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub src_sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_redis_bind: Option<String>,
    /// A run is at it to take redis back from the cluster; one that was cut off is completed by the next.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub taking_redis_back: bool,
    /// The edges that the firewall lets in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_edge: Vec<String>,
    /// The compose project, where it is another than `streamhub`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub docker_source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drain_timeout: Option<String>,
}
