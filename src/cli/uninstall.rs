//! The flags of an uninstall.

use std::path::PathBuf;

use clap::Args;
use clap::builder::FalseyValueParser;

/// The flags of an uninstall.
#[derive(Clone, Debug, Default, Args)]
pub struct UninstallFlags {
    /// Leave data/ and the .env that belongs to it.
    #[arg(long)]
    pub keep_data: bool,
    /// Also images, the site, firewall rules and the sysctl file.
    #[arg(long)]
    pub purge: bool,
    /// Also the certificate, and the site that uses it; Caddy's too.
    #[arg(long)]
    pub purge_tls: bool,
    /// Also the packages that were installed for it; refused while another container than ours exists.
    #[arg(long)]
    pub purge_packages: bool,
    /// The domain whose certificate is meant, where this program has not got it itself.
    #[arg(long, value_name = "FQDN")]
    pub domain: Option<String>,
    /// A file with an operator's API token (sk_…): with it an edge's row in the registry is removed too.
    #[arg(long, value_name = "PATH")]
    pub api_token_file: Option<PathBuf>,
    /// Show what would go, and change nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Don't ask; required where there is no terminal.
    #[arg(long, env = "STREAMHUB_UNINSTALL_YES", value_parser = FalseyValueParser::new())]
    pub yes: bool,
}
