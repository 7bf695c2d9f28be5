//! The flags of an install, and their environment names.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;
use clap::builder::FalseyValueParser;

/// Which variables stand for which flag.
pub(super) const ENVIRONMENT: &[(&str, &[&str])] = &[
    ("join", &["STREAMHUB_JOIN"]),
    ("domain", &["STREAMHUB_DOMAIN"]),
    ("email", &["ACME_EMAIL"]),
    ("admin_user", &["ADMIN_USER"]),
    ("admin_pass", &["ADMIN_PASS"]),
    ("superadmin_email", &["STREAMHUB_SUPERADMIN_EMAIL"]),
    ("smtp_host", &["STREAMHUB_SMTP_HOST"]),
    ("smtp_port", &["STREAMHUB_SMTP_PORT"]),
    ("smtp_user", &["STREAMHUB_SMTP_USER"]),
    ("smtp_pass", &["STREAMHUB_SMTP_PASS"]),
    ("smtp_from", &["STREAMHUB_SMTP_FROM"]),
    ("proxy", &["STREAMHUB_PROXY"]),
    ("no_tls", &["STREAMHUB_NO_TLS"]),
    ("acme_directory", &["STREAMHUB_ACME_DIRECTORY"]),
    ("core_image", &["STREAMHUB_CORE_IMAGE"]),
    ("docker_source", &["STREAMHUB_DOCKER_SOURCE"]),
    ("cluster_redis_bind", &["STREAMHUB_CLUSTER_REDIS_BIND"]),
    ("allow_edge", &["STREAMHUB_ALLOW_EDGE"]),
    (
        "master_token",
        &["STREAMHUB_MASTER_TOKEN", "STREAMHUB_CLUSTER_TOKEN"],
    ),
    ("master_token_file", &["STREAMHUB_MASTER_TOKEN_FILE"]),
    ("master_ip", &["STREAMHUB_MASTER_IP", "STREAMHUB_ORIGIN_IP"]),
    (
        "master_url",
        &["STREAMHUB_MASTER_URL", "STREAMHUB_ORIGIN_URL"],
    ),
    ("master_ca_file", &["STREAMHUB_MASTER_CA_FILE"]),
    ("node_name", &["STREAMHUB_NODE_NAME"]),
    ("node_ip", &["STREAMHUB_NODE_IP"]),
    ("region", &["STREAMHUB_REGION"]),
    ("dir", &["STREAMHUB_DIR"]),
    ("drain_timeout", &["STREAMHUB_DRAIN_TIMEOUT"]),
    ("skip_check", &["STREAMHUB_SKIP_CHECK"]),
    ("non_interactive", &["STREAMHUB_NON_INTERACTIVE"]),
];

/// The flags of an install.
#[derive(Clone, Debug, Default, Args)]
pub struct InstallFlags {
    /// Set up an origin: the default on a host that has no role yet.
    #[arg(long, help_heading = "Role")]
    pub standalone: bool,
    /// Join an existing origin as an edge.
    #[arg(long, help_heading = "Role", value_parser = FalseyValueParser::new())]
    pub join: bool,
    /// As `update`.
    #[arg(long, help_heading = "Role")]
    pub update: bool,

    /// Probe, print the plan with its diffs, change nothing; needs no root.
    #[arg(long, help_heading = "Run")]
    pub dry_run: bool,
    /// Where StreamHub lives; default /opt/streamhub.
    #[arg(long, value_name = "PATH", help_heading = "Run")]
    pub dir: Option<PathBuf>,
    /// Where a missing Docker comes from: Docker's own repository, the distribution, or, with auto, Docker's and else
    /// the distribution's; none refuses to install one. Default auto.
    #[arg(long, value_name = "SOURCE", value_parser = ["auto", "docker", "distro", "none"], help_heading = "Run")]
    pub docker_source: Option<String>,
    /// How long a media service that is recreated may finish its calls, such as 90s or 5m; default 2m.
    #[arg(long, value_name = "DURATION", help_heading = "Run")]
    pub drain_timeout: Option<String>,
    /// Skip one preflight check, by the name that its finding shows; repeatable.
    #[arg(long, value_name = "NAME", value_delimiter = ',', help_heading = "Run")]
    pub skip_check: Vec<String>,
    /// Never prompt; also when there is no terminal.
    #[arg(long, value_parser = FalseyValueParser::new(), help_heading = "Run")]
    pub non_interactive: bool,

    /// The join token (clt_…). Everybody on this machine can read it here: better a file or the environment.
    #[arg(
        long,
        visible_alias = "cluster-token",
        value_name = "TOKEN",
        help_heading = "Join"
    )]
    pub master_token: Option<String>,
    /// A file with the join token; - for standard input.
    #[arg(long, value_name = "PATH", help_heading = "Join")]
    pub master_token_file: Option<PathBuf>,
    /// A file with an operator's API token (sk_…), for what needs one.
    #[arg(long, value_name = "PATH", help_heading = "Join")]
    pub api_token_file: Option<PathBuf>,
    /// The origin's IP: edges share its redis.
    #[arg(
        long,
        visible_alias = "origin-ip",
        value_name = "IP",
        help_heading = "Join"
    )]
    pub master_ip: Option<IpAddr>,
    /// The origin's API; default http://MASTER-IP:3020.
    #[arg(
        long,
        visible_alias = "origin-url",
        value_name = "URL",
        help_heading = "Join"
    )]
    pub master_url: Option<String>,
    /// Trust this CA for the origin, beside the system's.
    #[arg(long, value_name = "PEM", help_heading = "Join")]
    pub master_ca_file: Option<PathBuf>,
    /// This node's name in the registry; default: the short host name.
    #[arg(long, value_name = "NAME", help_heading = "Join")]
    pub node_name: Option<String>,
    /// The address to register; default: looked up.
    #[arg(long, value_name = "IP", help_heading = "Join")]
    pub node_ip: Option<IpAddr>,
    /// This node's region, at most 64 characters; '' clears it.
    #[arg(long, value_name = "REGION", help_heading = "Join")]
    pub region: Option<String>,

    /// The public domain; empty or localhost for a test install; an IP implies --no-tls.
    #[arg(long, value_name = "FQDN|IP", help_heading = "Origin")]
    pub domain: Option<String>,
    /// The ACME and admin contact; default admin@DOMAIN.
    #[arg(long, value_name = "ADDRESS", help_heading = "Origin")]
    pub email: Option<String>,
    /// The dashboard's login; default admin.
    #[arg(long, value_name = "NAME", help_heading = "Origin")]
    pub admin_user: Option<String>,
    /// The dashboard's password; default: 20 random characters.
    #[arg(long, value_name = "PASSWORD", help_heading = "Origin")]
    pub admin_pass: Option<String>,
    /// The superadmin's address.
    #[arg(long, value_name = "ADDRESS", help_heading = "Origin")]
    pub superadmin_email: Option<String>,
    /// The mail server.
    #[arg(long, value_name = "HOST", help_heading = "Origin")]
    pub smtp_host: Option<String>,
    /// Its port; default 587.
    #[arg(long, value_name = "PORT", help_heading = "Origin")]
    pub smtp_port: Option<u16>,
    /// Its login.
    #[arg(long, value_name = "NAME", help_heading = "Origin")]
    pub smtp_user: Option<String>,
    /// Its password.
    #[arg(long, value_name = "PASSWORD", help_heading = "Origin")]
    pub smtp_pass: Option<String>,
    /// The sender; default StreamHub <no-reply@DOMAIN>.
    #[arg(long, value_name = "SENDER", help_heading = "Origin")]
    pub smtp_from: Option<String>,
    /// What stands before the core; default nginx.
    #[arg(long, value_parser = ["nginx", "caddy"], help_heading = "Origin")]
    pub proxy: Option<String>,
    /// Plain HTTP, no certificate.
    #[arg(long, value_parser = FalseyValueParser::new(), help_heading = "Origin")]
    pub no_tls: bool,
    /// Takes a saved --no-tls back.
    #[arg(long, help_heading = "Origin")]
    pub tls: bool,
    /// Another ACME server than Let's Encrypt.
    #[arg(long, value_name = "URL", help_heading = "Origin")]
    pub acme_directory: Option<String>,
    /// Run this core image instead of building one from source.
    #[arg(long, value_name = "REF", help_heading = "Origin")]
    pub core_image: Option<String>,
    /// Let redis and the cluster API listen on this private address, for edges.
    #[arg(long, value_name = "PRIVATE-IP", help_heading = "Origin")]
    pub cluster_redis_bind: Option<String>,
    /// Takes --cluster-redis-bind back: loopback only.
    #[arg(long, help_heading = "Origin")]
    pub no_cluster_redis: bool,
    /// Allow --cluster-redis-bind on a public address.
    #[arg(long, help_heading = "Origin")]
    pub allow_public_redis: bool,
    /// Let this edge reach redis and the cluster API through ufw; repeatable.
    #[arg(
        long,
        value_name = "IP",
        value_delimiter = ',',
        help_heading = "Origin"
    )]
    pub allow_edge: Vec<IpAddr>,
}

/// The flags that mean nothing on an edge.
pub const ORIGIN_ONLY: &[&str] = &[
    "domain",
    "email",
    "admin_user",
    "admin_pass",
    "superadmin_email",
    "smtp_host",
    "smtp_port",
    "smtp_user",
    "smtp_pass",
    "smtp_from",
    "proxy",
    "no_tls",
    "tls",
    "acme_directory",
    "core_image",
    "cluster_redis_bind",
    "no_cluster_redis",
    "allow_public_redis",
    "allow_edge",
];

/// The flags that mean nothing on an origin.
pub const EDGE_ONLY: &[&str] = &[
    "master_token",
    "master_token_file",
    "master_ip",
    "master_url",
    "master_ca_file",
    "node_name",
    "node_ip",
    "region",
];
