//! A source tree out of its archive, laid out where nothing else is. What could reach out of it is refused.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, bail, ensure};
use flate2::bufread::MultiGzDecoder;
use tar::{Archive, Entry, EntryType};

use crate::fault::Result;
use crate::host::Host;
use crate::signals;

/// What a tree may have. Its record lists each name, and is read whole.
#[derive(Clone, Copy, Debug)]
pub struct Most {
    /// Bytes when unpacked, the archive's own included.
    pub bytes: u64,
    /// Bytes of all names together.
    pub names: usize,
}

/// Some hundred times what StreamHub has.
pub const MOST: Most = Most {
    bytes: 2 * 1024 * 1024 * 1024,
    names: 256 * 1024,
};

/// A tree that is laid out.
#[derive(Debug)]
pub struct Laid {
    pub root: PathBuf,
    /// Its files and symlinks, relative to the root.
    pub files: BTreeSet<PathBuf>,
}

/// Lays out the tree of an archive, gzipped or not, below a directory that is not there yet.
///
/// # Errors
/// If it is no whole archive, or holds what no source needs: names that leave the tree, devices, hard links, anything
/// twice, symlinks that lead out, or more than it may.
pub fn lay_out(host: &Host, archive: &Path, below: &Path, most: Most) -> Result<Laid> {
    let file = File::open(host.path(archive)).context("opening the archive")?;
    let mut file = BufReader::new(file);
    let is_gzip = file.fill_buf()?.starts_with(&[0x1f, 0x8b]);
    let bytes: Box<dyn Read> = if is_gzip {
        Box::new(MultiGzDecoder::new(file))
    } else {
        Box::new(file)
    };
    let mut archive = Archive::new(bytes.take(most.bytes));
    let mut layout = Layout {
        host,
        below,
        files: BTreeSet::new(),
        symlinks: Vec::new(),
        most,
        names: 0,
    };
    for entry in archive.entries().context("it is no archive")? {
        signals::check()?;
        layout.add(entry.context("it is no whole archive")?)?;
    }
    // gzip's checksum comes last.
    let mut rest = archive.into_inner();
    io::copy(&mut rest, &mut io::sink()).context("it is no whole archive")?;
    ensure!(
        rest.limit() > 0,
        "it unpacks to more than {} bytes",
        most.bytes
    );
    layout.finish()
}

struct Layout<'a> {
    host: &'a Host,
    below: &'a Path,
    files: BTreeSet<PathBuf>,
    symlinks: Vec<(PathBuf, PathBuf)>,
    most: Most,
    names: usize,
}

impl Layout<'_> {
    fn add(&mut self, mut entry: Entry<'_, impl Read>) -> Result<()> {
        let kind = entry.header().entry_type();
        if kind == EntryType::XGlobalHeader {
            return Ok(());
        }
        let path = inside(&entry.path_bytes())?;
        let shown = path.display().to_string();
        self.names += shown.len();
        ensure!(self.names <= self.most.names, "it has too many files");
        match kind {
            // They come with what is in them.
            EntryType::Directory => {}
            EntryType::Regular => {
                let is_executable = entry.header().mode()? & 0o111 != 0;
                let mode = if is_executable { 0o755 } else { 0o644 };
                let mut file = self.host.create_file(&self.below.join(&path), mode)?;
                io::copy(&mut entry, &mut file).with_context(|| format!("unpacking {shown}"))?;
                self.files.insert(path);
            }
            EntryType::Symlink => {
                let target = entry.link_name_bytes().unwrap_or_default();
                let target = PathBuf::from(text(&target)?);
                self.symlinks.push((path, target));
            }
            other => bail!("it holds {shown}, which is no file, directory or symlink ({other:?})"),
        }
        Ok(())
    }

    /// Symlinks come last: nothing is ever written through one.
    fn finish(mut self) -> Result<Laid> {
        let top = self.common_top();
        for (path, target) in &self.symlinks {
            let depth = path.components().count() - 1 - usize::from(top.is_some());
            ensure!(
                stays_inside(target, depth),
                "its symlink {} leads out of it, to {}",
                path.display(),
                target.display()
            );
            self.host.create_symlink(&self.below.join(path), target)?;
            self.files.insert(path.clone());
        }
        let Some(top) = top else {
            let root = self.below.to_owned();
            return Ok(Laid {
                root,
                files: self.files,
            });
        };
        let relative = |path: &PathBuf| path.strip_prefix(&top).map(Path::to_owned);
        Ok(Laid {
            root: self.below.join(&top),
            files: self.files.iter().filter_map(|p| relative(p).ok()).collect(),
        })
    }

    /// The one directory that everything is in, as in archives of releases.
    fn common_top(&self) -> Option<PathBuf> {
        let links = self.symlinks.iter().map(|(path, _)| path);
        let mut paths = self.files.iter().chain(links);
        let first = paths.next()?;
        let top = first.iter().next()?;
        let is_below = |path: &PathBuf| path.starts_with(top) && path.as_os_str() != top;
        (is_below(first) && paths.all(is_below)).then(|| PathBuf::from(top))
    }
}

/// The path of an entry, which stays below where it is laid out.
fn inside(name: &[u8]) -> Result<PathBuf> {
    let name = text(name)?;
    let mut path = PathBuf::new();
    for part in Path::new(name).components() {
        match part {
            Component::Normal(part) => path.push(part),
            Component::CurDir => {}
            _ => bail!("it holds {name:?}, which leads out of it"),
        }
    }
    Ok(path)
}

fn text(name: &[u8]) -> Result<&str> {
    let name = std::str::from_utf8(name).context("it holds a name that is no text")?;
    ensure!(
        !name.chars().any(char::is_control),
        "it holds {name:?}, which has control characters"
    );
    Ok(name)
}

/// Whether a symlink so deep in a tree leads to something in the tree: upwards first, and then only down, since what
/// lies above another symlink's target is not known.
fn stays_inside(target: &Path, depth: usize) -> bool {
    let upwards = target
        .components()
        .take_while(|part| *part == Component::ParentDir)
        .count();
    let mut rest = target.components().skip(upwards);
    !target.as_os_str().is_empty()
        && upwards <= depth
        && rest.all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

#[cfg(test)]
mod tests;
