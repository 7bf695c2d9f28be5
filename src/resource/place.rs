//! The install directory, taken away: what in it is StreamHub's or ours goes, what is anybody else's stays, and the
//! directory with it.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::data::KEY;
use super::source_tree::{self, MARKER, UNFINISHED_TREE};
use super::{Removal, is_signed};
use crate::env_file::EnvFile;
use crate::fault::Result;
use crate::host::{Found, Host};
use crate::receipt::Owned;
use crate::ui;

/// What this program writes into it, whichever version made the receipt.
const WRITTEN: &[&str] = &["docker-compose.yml", "docker-compose.streamhub.yml"];

/// What lies at the top of StreamHub's source trees, for one that nothing lists: what else is there may be anybody's.
const TREE: &[&str] = &[
    ".dockerignore",
    ".editorconfig",
    ".env.example",
    ".gitattributes",
    ".github",
    ".gitignore",
    "CHANGELOG.md",
    "LICENSE",
    "README.md",
    "deploy",
    "docker-compose.yml",
    "install.sh",
    "server",
];

/// An install directory.
#[derive(Clone, Debug)]
pub struct Place {
    pub dir: PathBuf,
    /// What the receipt names of it, itself included.
    pub recorded: Vec<Owned>,
    /// StreamHub's source tree lies in it.
    pub is_tree: bool,
    /// `data/` stays, and the `.env` that belongs to it.
    pub keep_data: bool,
}

/// What is in it.
#[derive(Debug, Default)]
struct Contents {
    going: Vec<PathBuf>,
    kept: Vec<PathBuf>,
    /// Not ours to remove.
    others: Vec<PathBuf>,
}

impl Place {
    fn contents(&self, host: &Host) -> Result<Contents> {
        let mut contents = Contents::default();
        let data = self.data(host)?;
        let tree = self.tree(host)?;
        for path in host.list(&self.dir)? {
            let is_ours = self.is_ours(host, &path)? || tree.has(host, &path)?;
            self.sort(host, path, is_ours, data.as_deref(), &mut contents)?;
        }
        // What tells which of the rest is ours goes after it.
        contents.going.sort_by_key(|path| {
            let name = path.file_name().unwrap_or_default();
            (name == MARKER || name == ".git", name == ".env")
        });
        Ok(contents)
    }

    /// Adds a path to what goes or to what stays, or what is in it, where only a part of that is ours.
    fn sort(
        &self,
        host: &Host,
        path: PathBuf,
        is_ours: bool,
        data: Option<&Path>,
        contents: &mut Contents,
    ) -> Result<()> {
        let recorded = self.recorded.iter().filter_map(|thing| match thing {
            Owned::File { path } | Owned::Directory { path } => Some(path.as_path()),
            _ => None,
        });
        let ours: Vec<&Path> = recorded.chain(data).collect();
        let mut is_ours = is_ours || ours.contains(&path.as_path());
        // Behind a link is an operator's own place.
        let is_directory = matches!(host.find(&path)?, Found::Directory(_));
        if !is_ours && is_directory && ours.iter().any(|ours| ours.starts_with(&path)) {
            let mut below = Contents::default();
            for entry in host.list(&path)? {
                self.sort(host, entry, false, data, &mut below)?;
            }
            is_ours = below.kept.is_empty() && below.others.is_empty();
            if !is_ours {
                contents.going.append(&mut below.going);
                contents.kept.append(&mut below.kept);
                contents.others.append(&mut below.others);
                return Ok(());
            }
        }
        // Without a `.env` that says which it is, each directory that was made may be the one.
        let is_data = match data {
            Some(data) => data == path,
            None => self
                .recorded
                .iter()
                .any(|thing| matches!(thing, Owned::Directory { path: made } if *made == path)),
        };
        let is_kept = is_data || path == self.dir.join(".env");
        let list = if !is_ours || host.has_mount(&path)? {
            &mut contents.others
        } else if self.keep_data && is_kept {
            &mut contents.kept
        } else {
            &mut contents.going
        };
        list.push(path);
        Ok(())
    }

    /// What this program writes at the top by itself, beside a source tree or without one.
    fn is_ours(&self, host: &Host, path: &Path) -> Result<bool> {
        let name = name_of(path);
        // Also what a killed run had not finished.
        let unfinished = name.strip_prefix('.').and_then(|n| n.strip_suffix(".new"));
        if name == ".env" || unfinished.is_some_and(|n| n == ".env" || is_written(n)) {
            return Ok(true);
        }
        let is_file = matches!(host.find(path)?, Found::File(_));
        Ok(is_written(&name) && is_file && host.read(path)?.is_some_and(|bytes| is_signed(&bytes)))
    }

    /// What they are called in it, as a part of a sentence.
    fn names(&self, paths: &[PathBuf]) -> String {
        let names = paths
            .iter()
            .map(|path| path.strip_prefix(&self.dir).unwrap_or(path));
        names
            .map(|name| name.display().to_string())
            .collect::<Vec<_>>()
            .join(", ")
    }

    fn tree(&self, host: &Host) -> Result<Tree> {
        if !self.is_tree {
            return Ok(Tree::None);
        }
        let has_env = !matches!(host.find(&self.dir.join(".env"))?, Found::Nothing);
        Ok(match source_tree::files(host, &self.dir)? {
            Some(files) => Tree::Of {
                dir: self.dir.clone(),
                files,
            },
            // Where a run was cut off after it had removed what tells the files, only strangers' are left.
            None if has_env => Tree::Unlisted,
            None => Tree::None,
        })
    }

    /// Where recordings are, as `.env` says it. Without one nothing tells, and a `data/` there may be anybody's.
    fn data(&self, host: &Host) -> Result<Option<PathBuf>> {
        let Some(env) = host.read(&self.dir.join(".env"))? else {
            return Ok(None);
        };
        // A damaged file must not keep a node on a host.
        let env = EnvFile::parse(&env).unwrap_or_default();
        let named = env.get(KEY).ok().flatten().unwrap_or("./data");
        let data: PathBuf = self.dir.join(named).components().collect();
        // A way up leads out of it.
        let leaves = data.components().any(|part| part == Component::ParentDir);
        Ok(Some(data).filter(|_| !leaves))
    }
}

/// StreamHub's source tree in it.
#[derive(Debug)]
enum Tree {
    None,
    /// Of these files, relative to the directory.
    Of {
        dir: PathBuf,
        files: BTreeSet<PathBuf>,
    },
    /// One that was laid out without a record: what StreamHub's trees have is taken for it.
    Unlisted,
}

impl Tree {
    /// Whether something at the top of the directory is of the tree, with all that is in it.
    fn has(&self, host: &Host, path: &Path) -> Result<bool> {
        let name = name_of(path);
        let is_record = [MARKER, UNFINISHED_TREE, ".git"].contains(&name.as_str());
        match self {
            Self::None => Ok(false),
            _ if is_record => Ok(true),
            Self::Of { dir, files } => is_of(host, dir, files, path),
            Self::Unlisted => Ok(TREE.contains(&name.as_str())),
        }
    }
}

fn is_of(host: &Host, dir: &Path, files: &BTreeSet<PathBuf>, path: &Path) -> Result<bool> {
    let brings = files.iter().any(|file| dir.join(file).starts_with(path));
    Ok(brings && !has_other(host, dir, files, path)?)
}

/// Whether a file is at a path, or below it, that the tree does not have.
fn has_other(host: &Host, dir: &Path, files: &BTreeSet<PathBuf>, path: &Path) -> Result<bool> {
    if !matches!(host.find(path)?, Found::Directory(_)) {
        return Ok(!path
            .strip_prefix(dir)
            .is_ok_and(|path| files.contains(path)));
    }
    for below in host.list(path)? {
        if has_other(host, dir, files, &below)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_written(name: &str) -> bool {
    WRITTEN.contains(&name)
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

impl Removal for Place {
    fn name(&self) -> String {
        format!("directory {}", self.dir.display())
    }

    fn detail(&self, host: &Host) -> Result<Option<String>> {
        let Contents {
            going,
            kept,
            others,
        } = self.contents(host)?;
        let lines: String = [
            ("with", going),
            ("keeps", kept),
            ("stays, for what is not StreamHub's:", others),
        ]
        .iter()
        .filter(|(_, paths)| !paths.is_empty())
        .map(|(word, paths)| format!("{word} {}\n", self.names(paths)))
        .collect();
        Ok(Some(lines).filter(|lines| !lines.is_empty()))
    }

    fn is_there(&self, host: &Host) -> Result<bool> {
        if !matches!(host.find(&self.dir)?, Found::Directory(_)) {
            return Ok(false);
        }
        let contents = self.contents(host)?;
        let is_empty = contents.kept.is_empty() && contents.others.is_empty();
        Ok(is_empty || !contents.going.is_empty())
    }

    fn remove(&self, host: &Host) -> Result<bool> {
        let contents = self.contents(host)?;
        for path in &contents.going {
            host.remove_any(path)?;
        }
        if !contents.others.is_empty() {
            let (dir, others) = (self.dir.display(), self.names(&contents.others));
            ui::warn(&format!(
                "{dir} stays: {others} in it is not StreamHub's, or is mounted there"
            ));
        }
        if contents.kept.is_empty() && contents.others.is_empty() {
            host.remove_empty_dir(&self.dir)?;
        }
        Ok(true)
    }

    /// What is kept stays ours: a later uninstall may take it.
    fn things(&self) -> Vec<Owned> {
        let is_kept = |thing: &&Owned| match thing {
            Owned::Directory { .. } => self.keep_data,
            Owned::File { path } => self.keep_data && *path == self.dir.join(".env"),
            _ => false,
        };
        let gone = self.recorded.iter().filter(|thing| !is_kept(thing));
        gone.cloned().collect()
    }
}

#[cfg(test)]
mod tests;
