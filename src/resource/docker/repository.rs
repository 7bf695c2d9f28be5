//! Docker's own package repository: whether it can be trusted, and the key and the source that make apt use it.

use std::cell::OnceCell;
use std::path::Path;

use anyhow::{Context, ensure};
use minijinja::context;
use reqwest::Method;
use url::Url;

use super::key::{Fingerprint, fingerprint};
use crate::fault::{Exit, Fault, Result};
use crate::host::Host;
use crate::receipt::{Owned, Receipt};
use crate::render::render;
use crate::{apt, http};

/// Where Docker has its packages for Ubuntu.
pub const DEFAULT_URL: &str = "https://download.docker.com/linux/ubuntu";
/// The key that signs them: <https://docs.docker.com/engine/install/ubuntu/>.
pub const DEFAULT_KEY: Fingerprint = Fingerprint([
    0x9d, 0xc8, 0x58, 0x22, 0x9f, 0xc7, 0xdd, 0x38, 0x85, 0x4a, 0xe2, 0xd8, 0x8d, 0x81, 0x80, 0x3c,
    0x0e, 0xbf, 0xcd, 0x88,
]);

const KEY: &str = "/etc/apt/keyrings/docker.asc";
const SOURCE: &str = "/etc/apt/sources.list.d/docker.sources";

/// A repository of Docker's packages, and whose key signs it.
#[derive(Clone, Debug)]
pub struct Repository {
    /// Without its final slash.
    url: String,
    key: Fingerprint,
    /// The text of its key, or why it can't be used: asked once in a run.
    asked: OnceCell<std::result::Result<String, String>>,
}

impl Repository {
    /// The repository at this address, which is to be signed by this key.
    pub fn new(url: &Url, key: Fingerprint) -> Self {
        Self {
            url: url.as_str().trim_end_matches('/').to_owned(),
            key,
            asked: OnceCell::new(),
        }
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether it was asked, and can't be used.
    pub fn was_refused(&self) -> bool {
        matches!(self.asked.get(), Some(Err(_)))
    }

    /// Whether apt knows it already, by a source that is not ours: with whatever key, that one is used.
    /// Two sources for one repository with different keys break apt.
    ///
    /// # Errors
    /// If apt can't read its sources.
    pub fn is_known(&self, host: &Host) -> Result<bool> {
        let Ok(codename) = codename(host) else {
            return Ok(false);
        };
        // Ours stands there only where a run was cut off before it knew whether apt trusts it.
        if self.has_our_source(host)? {
            return Ok(false);
        }
        let list = format!("/dists/{codename}/stable/binary-amd64/Packages");
        Ok(apt::lists()?.iter().any(|address| {
            let repository = address.split_once(&list).map(|(repository, _)| repository);
            repository.is_some_and(|address| self.is_at(address))
        }))
    }

    /// Whether an address is this repository's, by whichever scheme. Where no other was asked for, a mirror that
    /// somebody has told apt of is as good: mirrors keep the end of the path.
    pub fn is_at(&self, address: &str) -> bool {
        if self.url == DEFAULT_URL && address.trim_end_matches('/').ends_with("/linux/ubuntu") {
            return true;
        }
        let place = |address: &str| {
            let (_, place) = address.split_once("://")?;
            Some(place.trim_end_matches('/').to_owned())
        };
        place(address).is_some_and(|at| place(&self.url) == Some(at))
    }

    /// Asks it for its key, and whether it has packages for this system. Changes nothing.
    ///
    /// # Errors
    /// Why it can't be used, in one line.
    pub fn look(&self, host: &Host) -> std::result::Result<&str, &str> {
        let asked = self
            .asked
            .get_or_init(|| self.ask(host).map_err(|e| format!("{e:#}")));
        asked.as_deref().map_err(String::as_str)
    }

    fn ask(&self, host: &Host) -> Result<String> {
        for path in [KEY, SOURCE] {
            host.refuse_unsafe(Path::new(path))?;
        }
        let is_a_strangers =
            host.read(Path::new(SOURCE))?.is_some() && !self.has_our_source(host)?;
        ensure!(
            !is_a_strangers,
            "{SOURCE} is there, and not for it: move it away"
        );
        let client = http::client(true, Vec::new())?;
        let fetch = |method, path: &str| -> Result<Vec<u8>> {
            let address = format!("{}/{path}", self.url);
            let request = client.request(method, &address).build()?;
            let answered = http::send(&client, request).with_context(|| address.clone())?;
            let to = answered
                .location
                .map(|to| format!(" (to {to}, which is not followed)"));
            let (status, to) = (answered.status, to.unwrap_or_default());
            ensure!(status == 200, "{address} answers {status}{to}");
            Ok(answered.body)
        };
        let file = fetch(Method::GET, "gpg")?;
        let found = fingerprint(&file)
            .with_context(|| format!("its key file is refused ({}/gpg)", self.url))?;
        ensure!(
            found == self.key,
            "its key is another one: {found}, where {} is expected",
            self.key
        );
        // It may be longer than what is read here, and apt reads it by itself.
        fetch(
            Method::HEAD,
            &format!("dists/{}/InRelease", codename(host)?),
        )?;
        let there = host.read(Path::new(KEY))?;
        ensure!(
            there.is_none_or(|there| there == file),
            "{KEY} is there, and not its key: move it away"
        );
        String::from_utf8(file).context("its key file is no text")
    }

    /// What apt reads.
    fn source(&self, host: &Host) -> Result<String> {
        let values =
            context! { repository => self.url.as_str(), codename => codename(host)?, key => KEY };
        render("docker.sources", values)
    }

    fn has_our_source(&self, host: &Host) -> Result<bool> {
        let there = host.read(Path::new(SOURCE))?;
        Ok(there.is_some_and(|there| self.source(host).is_ok_and(|ours| there == ours.as_bytes())))
    }

    /// Writes its key and its source, and has apt read it. Where apt does not trust it, both are taken back.
    ///
    /// # Errors
    /// Why it can't be used.
    pub fn add(&self, host: &Host) -> Result<()> {
        let key = self.look(host).map_err(|why| anyhow::anyhow!("{why}"))?;
        host.make_dir(Path::new("/etc/apt/keyrings"), 0o755)?;
        // The key first: a source without its key is one that apt complains about.
        host.write(Path::new(KEY), key.as_bytes(), 0o644)?;
        host.write(Path::new(SOURCE), self.source(host)?.as_bytes(), 0o644)?;
        apt::update_one(host, Path::new(SOURCE))
    }

    /// Takes back what [`Repository::add`] has written, in this run or in one that was cut off.
    ///
    /// # Errors
    /// If it can't be removed.
    pub fn take_back(&self, host: &Host) -> Result<()> {
        if self.has_our_source(host)? {
            host.remove(Path::new(SOURCE))?;
            // The same key may have lain there before us.
            if Receipt::load(host)?.is_some_and(|receipt| receipt.has_created(Path::new(KEY))) {
                host.remove(Path::new(KEY))?;
            }
        }
        Ok(())
    }

    /// What [`Repository::add`] is about to make ours.
    pub fn owned(&self, host: &Host) -> Vec<Owned> {
        let is_missing = |path: &&str| matches!(host.read(Path::new(path)), Ok(None));
        [KEY, SOURCE]
            .into_iter()
            .filter(is_missing)
            .map(|path| Owned::File { path: path.into() })
            .collect()
    }

    /// The fault of a repository that was asked for by name and can't be used.
    pub fn fault(&self, exit: Exit, why: impl Into<String>) -> Fault {
        Fault::new(
            exit,
            format!("Docker's repository {} can't be used", self.url),
        )
        .why(why)
        .fix(FIX)
    }
}

/// What an operator can do about it.
const FIX: &str = "mend that, or add the repository to apt by hand (https://docs.docker.com/engine/install/ubuntu): \
    it is then used as it is; or take the distribution's Docker: --docker-source distro";

/// This system's name in package repositories.
fn codename(host: &Host) -> Result<String> {
    let codename = host.os()?.codename;
    let is_plain =
        !codename.is_empty() && codename.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    ensure!(is_plain, "/etc/os-release has no VERSION_CODENAME");
    Ok(codename)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::receipt::Role;

    fn repository(url: &str) -> Repository {
        Repository::new(&url.parse().unwrap(), DEFAULT_KEY)
    }

    #[test]
    fn a_mirror_that_apt_knows_is_as_good_as_dockers_own_address() {
        let mirror = "https://mirror.example.com/docker-ce/linux/ubuntu";
        assert!(repository(DEFAULT_URL).is_at(mirror));
        assert!(!repository(DEFAULT_URL).is_at("https://mirror.example.com/ubuntu"));
        // Whoever names one means that one.
        let named = repository("https://packages.example.com/linux/ubuntu");
        assert!(!named.is_at(mirror));
        assert!(named.is_at("http://packages.example.com/linux/ubuntu/"));
    }

    #[test]
    fn a_key_that_was_there_before_us_is_not_taken_back() {
        let root = tempfile::TempDir::new().unwrap();
        let host = Host::new(root.path());
        let repository = repository(DEFAULT_URL);
        for dir in [
            "/etc/apt/keyrings",
            "/etc/apt/sources.list.d",
            "/etc/streamhub",
        ] {
            std::fs::create_dir_all(host.path(dir)).unwrap();
        }
        let os = "ID=ubuntu\nVERSION_ID=\"24.04\"\nVERSION_CODENAME=noble\n";
        std::fs::write(host.path("/etc/os-release"), os).unwrap();
        let begin = |with_key: bool| {
            if with_key {
                std::fs::write(host.path(KEY), "key").unwrap();
            }
            let mut receipt = Receipt::new(Role::Edge, Path::new("/opt/streamhub"));
            receipt.begin(&host, repository.owned(&host), true).unwrap();
            std::fs::write(host.path(KEY), "key").unwrap();
            let source = repository.source(&host).unwrap();
            std::fs::write(host.path(SOURCE), source).unwrap();
            repository.take_back(&host).unwrap();
            assert!(!host.path(SOURCE).exists());
        };
        begin(true);
        assert!(host.path(KEY).exists(), "it was there before");
        std::fs::remove_file(host.path(KEY)).unwrap();
        begin(false);
        assert!(!host.path(KEY).exists(), "it was ours");
    }
}
