//! Where an origin's core comes from.

use std::path::Path;

use url::Url;

use super::super::address::address;
use super::super::{usage, variable};
use crate::cli::Given;
use crate::fault::Result;
use crate::host::Host;
use crate::receipt;
use crate::resource::Source;

const REPOSITORY: &str = "STREAMHUB_REPO_URL";
const TARBALL: &str = "STREAMHUB_SRC_URL";
const SHA256: &str = "STREAMHUB_SRC_SHA256";
const SCHEMES: &[&str] = &["https", "http"];

const DEFAULT_REPOSITORY: &str = "https://github.com/streamhub-studio/streamhub.git";
const DEFAULT_TARBALL: &str = "https://www.streamhub.studio/releases/streamhub.tar.gz";

/// The core.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Core {
    /// A prebuilt image: no source tree.
    Image(String),
    /// Built here from source.
    Built(Source),
}

impl Core {
    /// An image that was asked for, now or before; else built from source, which comes from where it came from before.
    ///
    /// # Errors
    /// [`crate::fault::Exit::Usage`] for an image or an address that can't be one.
    pub fn resolve(given: &Given, kept: &receipt::Saved) -> Result<Self> {
        let asked = given.cli.install.core_image.as_ref();
        let asked = asked.or(kept.core_image.as_ref()).cloned();
        match asked.filter(|image| !image.is_empty()) {
            Some(image) => Ok(Self::Image(checked_image(image)?)),
            None => source(kept, variable).map(Self::Built),
        }
    }

    /// What of it a receipt keeps: the image, or a place of the source that is not StreamHub's own.
    pub fn to_keep(&self) -> receipt::Saved {
        let other = |url: &Url, own: &str| Some(url.to_string()).filter(|url| url != own);
        match self {
            Self::Image(image) => receipt::Saved {
                core_image: Some(image.clone()),
                ..receipt::Saved::default()
            },
            Self::Built(source) => receipt::Saved {
                repo_url: other(&source.repository, DEFAULT_REPOSITORY),
                src_url: other(&source.tarball, DEFAULT_TARBALL),
                src_sha256: source.sha256.clone(),
                ..receipt::Saved::default()
            },
        }
    }
}

/// It goes into a compose file and onto docker's command line.
fn checked_image(image: String) -> Result<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/:@".contains(c);
    let starts = image.starts_with(|c: char| c.is_ascii_alphanumeric());
    if starts && image.chars().all(plain) && image.len() <= 512 {
        return Ok(image);
    }
    Err(usage(
        "--core-image",
        &image,
        "it is no image's name",
        "a reference such as registry.example.com/streamhub-core:1.2.3",
    ))
}

/// Where StreamHub's source comes from: as the environment says, else as it said before.
fn source(kept: &receipt::Saved, variable: impl Fn(&str) -> Option<String>) -> Result<Source> {
    let url = |name: &str, kept: &Option<String>, default: &str, takes: &str| {
        let text = variable(name).or_else(|| kept.clone());
        let text = text.unwrap_or_else(|| default.to_owned());
        address(name, &text, SCHEMES, takes)
    };
    // A pin is for the archive that it was given with: another place has others.
    let is_elsewhere = variable(REPOSITORY).is_some() || variable(TARBALL).is_some();
    let kept_pin = kept.src_sha256.clone().filter(|_| !is_elsewhere);
    let sha256 = variable(SHA256).or(kept_pin).map(|text| {
        let text = text.to_ascii_lowercase();
        let is_digest = text.len() == 64 && text.chars().all(|c| c.is_ascii_hexdigit());
        is_digest.then_some(text.clone()).ok_or_else(|| {
            usage(
                SHA256,
                &text,
                "it is no SHA-256",
                "64 hexadecimal digits, as sha256sum prints them",
            )
        })
    });
    Ok(Source {
        repository: url(
            REPOSITORY,
            &kept.repo_url,
            DEFAULT_REPOSITORY,
            "the address of a git repository",
        )?,
        tarball: url(
            TARBALL,
            &kept.src_url,
            DEFAULT_TARBALL,
            "the address of a .tar.gz",
        )?,
        sha256: sha256.transpose()?,
    })
}

/// The repository that a directory was cloned from: an update by this program is of the same. `None` where that is no
/// clone, or one that only somebody's own git can ask (by ssh, with a login).
///
/// # Errors
/// If its configuration can't be read.
pub(in crate::settings) fn cloned_from(host: &Host, dir: &Path) -> Result<Option<String>> {
    let config = host.read_text(&dir.join(".git/config"))?;
    let config = config.unwrap_or_default();
    let mut lines = config.lines().map(str::trim);
    lines.find(|line| *line == r#"[remote "origin"]"#);
    let url = lines
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once('='))
        .find(|(key, _)| key.trim() == "url")
        .map(|(_, url)| url.trim().to_owned());
    Ok(url.filter(|url| address(REPOSITORY, url, SCHEMES, "").is_ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_tells_where_it_is_from() {
        let from = |url: &str| {
            let root = tempfile::tempdir().unwrap();
            let git = root.path().join("opt/streamhub/.git");
            std::fs::create_dir_all(&git).unwrap();
            let text = format!(
                "[core]\n\tbare = false\n[remote \"up\"]\n\turl = https://up.example.com/s.git\n[remote \"origin\"]\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n\turl = {url}\n[branch \"main\"]\n\turl = none\n"
            );
            std::fs::write(git.join("config"), text).unwrap();
            cloned_from(&Host::new(root.path()), Path::new("/opt/streamhub")).unwrap()
        };
        let own = "https://git.example.com/streamhub.git";
        assert_eq!(from(own).as_deref(), Some(own));
        for of_its_operator in [
            "git@git.example.com:streamhub.git",
            "https://ops:ExampleSecret@git.example.com/streamhub.git",
        ] {
            assert_eq!(from(of_its_operator), None);
        }
        let root = tempfile::tempdir().unwrap();
        let nothing = cloned_from(&Host::new(root.path()), Path::new("/opt/streamhub"));
        assert_eq!(nothing.unwrap(), None);
    }

    #[test]
    fn a_source_of_ones_own_is_kept_until_another_is_given() {
        let (git, tar) = (
            "https://git.example.com/streamhub.git",
            "https://git.example.com/streamhub.tar.gz",
        );
        let pin = "0".repeat(64);
        let take = |kept: &receipt::Saved, given: &[(&str, &str)]| {
            let given = |name: &str| {
                let found = given.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            let source = source(kept, given).unwrap();
            Core::Built(source).to_keep()
        };
        let nothing = receipt::Saved::default();
        assert_eq!(take(&nothing, &[]), nothing);
        let first = take(
            &nothing,
            &[(REPOSITORY, git), (TARBALL, tar), (SHA256, &pin)],
        );
        assert_eq!(first.repo_url.as_deref(), Some(git));
        assert_eq!(first.src_url.as_deref(), Some(tar));
        assert_eq!(first.src_sha256.as_ref(), Some(&pin));
        assert_eq!(take(&first, &[]), first);
        let newer = "1".repeat(64);
        let pinned = take(&first, &[(SHA256, &newer)]);
        assert_eq!(
            (pinned.src_url, pinned.src_sha256),
            (first.src_url.clone(), Some(newer))
        );
        // Back to StreamHub's own repository, without the pin, which would keep git from being asked.
        let back = take(&first, &[(REPOSITORY, DEFAULT_REPOSITORY)]);
        assert_eq!((back.repo_url, back.src_sha256), (None, None));
    }
}
