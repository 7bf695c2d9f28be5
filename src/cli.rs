//! The command line: every flag, its environment names and its help, once. The reference in
//! `docs/reference.md` is made from this.

mod flags;
mod nodes;
mod uninstall;

use std::collections::BTreeSet;
use std::ffi::OsString;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};

pub use flags::{EDGE_ONLY, InstallFlags, ORIGIN_ONLY};
pub use nodes::{NodesAction, OriginAccess};
pub use uninstall::UninstallFlags;

use crate::fault::{Exit, Fault};

const AFTER_HELP: &str = "\
Environment only:
  STREAMHUB_API_TOKEN      an operator's API token (sk_…), instead of --api-token-file
  STREAMHUB_SKIP_OS_CHECK  1 is --skip-check os
  STREAMHUB_IP_LOOKUP_URL  who tells this host its public address; default https://api.ipify.org,
                           empty: nobody
  STREAMHUB_DOCKER_REPO_URL
                           a mirror of Docker's repository, https only; default
                           https://download.docker.com/linux/ubuntu
  STREAMHUB_DOCKER_KEY_FINGERPRINT
                           the one key that may sign it, 40 hexadecimal digits; default Docker's,
                           9DC8 5822 9FC7 DD38 854A E2D8 8D81 803C 0EBF CD88
  STREAMHUB_INSTALL_URL    where install.sh is, for the commands that are printed for other hosts;
                           default https://www.streamhub.studio/install.sh
  STREAMHUB_REPO_URL       the git repository of an origin's source; default StreamHub's own
  STREAMHUB_SRC_URL        its .tar.gz, for where git can't be used; default StreamHub's own
  STREAMHUB_SRC_SHA256     the one .tar.gz that may be used, 64 hexadecimal digits; git is not
                           used then. All three are kept for later runs
  STREAMHUB_ACME_CA_FILE   a PEM file on this host, the CA to trust for --acme-directory, beside
                           the system's

Environment of install.sh, the bootstrap:
  STREAMHUB_INSTALL_BASE_URL  the https address below which it finds the binary of its version;
                              default: the one that `make dist` stamped into it

Exit codes:
  0    done, also with warnings
  1    failed
  2    usage, or refused by a fence
  3    this host, or its path to the origin's redis, is not ready; nothing was changed
  4    the origin can't be reached, or keeps answering 5xx, on a first join
  5    the origin refused the token, or joining is disabled there
  6    the services did not become healthy, or a drained node did not finish in time
  75   another run holds the lock
  130  interrupted (SIGINT); 143 for SIGTERM

A flag wins over the environment, which wins over what an earlier run saved, which wins over the
default. An empty variable counts as unset.";

/// Turns a fresh Ubuntu server into a StreamHub node.
///
/// Without --join it sets up an origin, with --join an edge; on a host that is one already, it needs no
/// flag. It finds every problem before it changes anything, and running it again is always safe.
#[derive(Debug, Parser)]
#[command(name = "streamhub-install", version, after_help = AFTER_HELP, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    pub output: Output,
    #[command(flatten)]
    pub install: InstallFlags,
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// How it talks; also after a subcommand.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct Output {
    /// One JSON object a line on stdout, for machines; text for people on stderr.
    #[arg(long, global = true)]
    pub json: bool,
    /// Show also every program that is run, and what it says.
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// Show only trouble and the result.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// A directory that is treated as this machine's root.
    #[arg(
        long,
        global = true,
        hide = true,
        default_value = "/",
        value_name = "DIR"
    )]
    pub root: std::path::PathBuf,
}

/// What else it does.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// New code and images: refresh the source, pull, recreate what changed, each service at most once.
    Update {
        /// Show what would be newer, and change nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// Role, node, versions, each managed resource and each service; exit 0 only if all is well.
    Status,
    /// Active checks, each with its finding and its fix.
    Doctor,
    /// The registry, over the origin's API.
    Nodes {
        #[command(flatten)]
        access: OriginAccess,
        #[command(subcommand)]
        action: NodesAction,
    },
    /// On the origin: let edges reach redis and the cluster API through ufw.
    AllowEdge {
        /// The edges' addresses.
        #[arg(required = true, value_name = "IP")]
        addresses: Vec<std::net::IpAddr>,
        /// Take the rules away instead, whoever made them, and end the connections that they let in.
        #[arg(long)]
        revoke: bool,
        /// Show what would change, and change nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// On the origin: a new secret, and what each edge must run again.
    Rotate {
        #[arg(value_enum)]
        secret: RotatedSecret,
        /// Don't ask.
        #[arg(long)]
        yes: bool,
    },
    /// One beat to the origin: what the timer runs.
    Heartbeat,
    /// Take this node away, by its receipt; what was there before us stays.
    Uninstall(UninstallFlags),
    /// One archive for a bug report, redacted.
    SupportBundle {
        /// Where to write it; default: streamhub-support-HOST-TIME.tar.gz in this directory.
        #[arg(long, value_name = "FILE")]
        output: Option<std::path::PathBuf>,
    },
    /// Completions for a shell.
    Completions {
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// The manual page.
    Man,
}

impl Command {
    /// Its name on the command line.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Update { .. } => "update",
            Self::Status => "status",
            Self::Doctor => "doctor",
            Self::Nodes { .. } => "nodes",
            Self::AllowEdge { .. } => "allow-edge",
            Self::Rotate { .. } => "rotate",
            Self::Heartbeat => "heartbeat",
            Self::Uninstall(_) => "uninstall",
            Self::SupportBundle { .. } => "support-bundle",
            Self::Completions { .. } => "completions",
            Self::Man => "man",
        }
    }
}

/// What can be rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum RotatedSecret {
    RedisPassword,
    ClusterToken,
    LivekitKeys,
}

/// The flags, by their ids, whose values install.sh took out of the command line and put into the environment.
const GIVEN_BY_FLAG: &str = "STREAMHUB_GIVEN_BY_FLAG";

/// What was given, and by which way.
#[derive(Debug)]
pub struct Given {
    pub cli: Cli,
    /// The secret that this run makes anew.
    pub rotated: Option<RotatedSecret>,
    by_flag: BTreeSet<String>,
    by_environment: BTreeSet<String>,
}

impl Given {
    /// Reads the command line and the environment.
    ///
    /// # Errors
    /// clap's own, which names the flag and what it takes; also for `--help` and `--version`.
    pub fn parse(
        args: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    ) -> Result<Self, clap::Error> {
        let matches = command().try_get_matches_from(args)?;
        let cli = Cli::from_arg_matches(&matches)?;
        let mut by_flag = ids(&matches, ValueSource::CommandLine);
        let mut by_environment = ids(&matches, ValueSource::EnvVariable);
        let handed_over = std::env::var(GIVEN_BY_FLAG).unwrap_or_default();
        by_flag.extend(
            handed_over
                .split(',')
                .filter_map(|id| by_environment.take(id)),
        );
        Ok(Self {
            cli,
            rotated: None,
            by_flag,
            by_environment,
        })
    }

    /// No flag and no environment: what an earlier run saved is all there is.
    ///
    /// # Errors
    /// Never, as long as no flag is required.
    pub fn nothing() -> Result<Self, clap::Error> {
        Ok(Self {
            cli: Cli::try_parse_from(["streamhub-install"])?,
            rotated: None,
            by_flag: BTreeSet::new(),
            by_environment: BTreeSet::new(),
        })
    }

    /// The install that `update` is.
    pub fn updating(mut self, dry_run: bool) -> Self {
        self.cli.install.update = true;
        self.cli.install.dry_run |= dry_run;
        self
    }

    /// Whether the flag of this id stands on the command line.
    pub fn by_flag(&self, id: &str) -> bool {
        self.by_flag.contains(id)
    }

    /// Whether the flag of this id comes from the environment.
    pub fn by_environment(&self, id: &str) -> bool {
        self.by_environment.contains(id)
    }
}

/// A command line that can't be parsed, as a fault, where `--json` says that a machine listens.
pub fn fault_for_machines(error: &clap::Error) -> Option<Fault> {
    let listens = std::env::args_os().any(|arg| arg == "--json");
    if !listens || !error.use_stderr() {
        return None;
    }
    let text = error.to_string();
    let mut parts = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let what = parts.next()?.trim_start_matches("error: ").to_owned();
    let fault = Fault::new(Exit::Usage, what).fix("streamhub-install --help lists what there is");
    Some(parts.fold(fault, |fault, part| {
        let is_advice = part.starts_with("tip:") || part.starts_with('[');
        if is_advice { fault.why(part) } else { fault }
    }))
}

/// The definitions, each flag with its environment names in its help.
pub fn command() -> clap::Command {
    Cli::command().mut_args(|arg| {
        let Some((_, names)) = flags::ENVIRONMENT.iter().find(|(id, _)| arg.get_id() == id) else {
            return arg;
        };
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        let arg = arg.help(format!("{help} [env: {}]", names.join(", ")));
        // An empty variable counts as unset; of several the first that is not empty counts.
        let is_set = |name: &&&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        match names.iter().find(is_set) {
            Some(name) => arg.env(name).hide_env(true),
            None => arg,
        }
    })
}

fn ids(matches: &ArgMatches, source: ValueSource) -> BTreeSet<String> {
    matches
        .ids()
        .map(|id| id.as_str())
        // Groups have ids too, and no source.
        .filter(|id| {
            matches.try_contains_id(id).unwrap_or(false) && matches.value_source(id) == Some(source)
        })
        .map(str::to_owned)
        .collect()
}
