//! git, so that what a repository or this host's configuration names is never run: no hooks, no filters, no checkout.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::ensure;
use url::Url;

use crate::exec::{self, Program};
use crate::fault::Result;
use crate::host::{Found, Host};

/// To be told a repository's newest commit.
const ASK_LIMIT: Duration = Duration::from_secs(30);
const FETCH_LIMIT: Duration = Duration::from_secs(900);

/// Bytes as they are in the repository: this outranks what the tree itself says of its files.
const ATTRIBUTES: &[u8] =
    b"* -filter -text -eol -ident -working-tree-encoding -export-ignore -export-subst\n";

/// A repository by its address.
#[derive(Clone, Copy, Debug)]
pub struct Repository<'a>(pub &'a Url);

impl Repository<'_> {
    /// The newest commit of its default branch.
    ///
    /// # Errors
    /// If git is not installed, or can't ask it.
    pub fn newest(self) -> Result<String> {
        let told = git()
            .args(["ls-remote", "--", self.0.as_str(), "HEAD"])
            .limit(ASK_LIMIT)
            .stops_on_signal()
            .succeed()?;
        let commit = told.split_whitespace().next().unwrap_or_default();
        ensure!(is_commit(commit), "{} has no commit yet", self.0);
        Ok(commit.to_owned())
    }

    /// Fetches the newest commit into a directory, as a tar archive: its path, and the commit.
    ///
    /// # Errors
    /// As [`Repository::newest`].
    pub fn fetch(self, host: &Host, into: &Path) -> Result<(PathBuf, String)> {
        // What can't be reached is told in seconds; a clone has minutes.
        self.newest()?;
        let repository = into.join("repository");
        let real = host.path(&repository);
        git()
            .args([
                "clone",
                "--quiet",
                "--bare",
                "--depth=1",
                "--no-tags",
                "--template=",
                "--",
            ])
            .arg(self.0.as_str())
            .arg(&real)
            .limit(FETCH_LIMIT)
            .stops_on_signal()
            .succeed()?;
        host.make_dir(&repository.join("info"), 0o755)?;
        host.write(&repository.join("info/attributes"), ATTRIBUTES, 0o644)?;
        let in_it = || git().arg("--git-dir").arg(&real);
        let commit = in_it().args(["rev-parse", "HEAD"]).succeed()?;
        let archive = into.join("repository.tar");
        in_it()
            .args(["archive", "--format=tar"])
            .arg("--output")
            .arg(host.path(&archive))
            .arg("HEAD")
            .limit(FETCH_LIMIT)
            .stops_on_signal()
            .succeed()?;
        Ok((archive, commit.trim().to_owned()))
    }
}

/// The commit that a checkout in this directory is at, and the files that git knows there; `None` where git does not
/// say.
pub fn checkout(host: &Host, dir: &Path) -> Option<(String, BTreeSet<PathBuf>)> {
    if !matches!(host.find(&dir.join(".git")), Ok(Found::Directory(_)))
        || !exec::is_installed("git")
    {
        return None;
    }
    let real = host.path(dir);
    let in_it = || git().arg("-C").arg(&real);
    let commit = in_it().args(["rev-parse", "HEAD"]).succeed().ok()?;
    let files = in_it()
        .args(["ls-files", "-z", "--cached"])
        .succeed()
        .ok()?;
    let files = files.split('\0').filter(|name| !name.is_empty());
    Some((commit.trim().to_owned(), files.map(PathBuf::from).collect()))
}

/// git keeps the proxies and the logins of its own configuration.
fn git() -> Program {
    Program::new("git")
        .env("GIT_TERMINAL_PROMPT", "0")
        // Not `ext::`, which runs a program.
        .env("GIT_ALLOW_PROTOCOL", "https:http:file")
        .args(["-c", "core.hooksPath=/dev/null"])
        .args(["-c", "core.fsmonitor=false"])
        // Nothing that goes on when it has ended.
        .args(["-c", "gc.auto=0", "-c", "maintenance.auto=false"])
        .args([
            "-c",
            "http.lowSpeedLimit=1000",
            "-c",
            "http.lowSpeedTime=30",
        ])
}

fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit())
}
