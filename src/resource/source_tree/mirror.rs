//! A laid out tree becomes the one in the install directory: files that the source brought and dropped go, changed ones
//! are replaced one by one, and nothing else is touched.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::archive::Laid;
use super::marker::is_kept;
use crate::fault::{Exit, Fault, Result};
use crate::host::{Found, Host};

/// What has to be done.
#[derive(Debug)]
pub struct Mirror<'a> {
    dir: &'a Path,
    laid: &'a Laid,
    /// Whole paths of what the source has dropped.
    gone: BTreeSet<PathBuf>,
}

impl<'a> Mirror<'a> {
    /// Looks whether it can be done, and changes nothing. `brought` is what may be the source's in the directory.
    ///
    /// # Errors
    /// [`Exit::NotReady`] where something of the operator's is in the way.
    pub fn prepare(
        host: &Host,
        dir: &'a Path,
        laid: &'a Laid,
        brought: &BTreeSet<PathBuf>,
    ) -> Result<Self> {
        let gone = brought
            .difference(&laid.files)
            .filter(|path| !is_kept(path) && is_plain(path))
            .map(|path| dir.join(path))
            .filter(|path| is_below_directories(host, dir, path))
            .collect();
        let mirror = Self { dir, laid, gone };
        for path in mirror.wanted() {
            mirror.refuse_in_the_way(host, &dir.join(path))?;
        }
        Ok(mirror)
    }

    /// Does it. Cut off anywhere, it is done by doing it again.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn carry_out(&self, host: &Host) -> Result<()> {
        // First: a name can have been a file's and become a directory's.
        for path in &self.gone {
            host.prune(path, self.dir)?;
        }
        for path in self.wanted() {
            let (new, old) = (self.laid.root.join(path), self.dir.join(path));
            if !host.is_same(&new, &old)? {
                host.move_into_place(&new, &old)?;
            }
        }
        Ok(())
    }

    /// What the source brings now.
    pub fn wanted(&self) -> impl Iterator<Item = &'a PathBuf> {
        self.laid.files.iter().filter(|path| !is_kept(path))
    }

    fn refuse_in_the_way(&self, host: &Host, path: &Path) -> Result<()> {
        let above = path.ancestors().skip(1);
        for above in above.take_while(|above| *above != self.dir) {
            match host.find(above)? {
                Found::Nothing => {}
                Found::Directory(_) => host.refuse_unsafe_directory(above)?,
                _ if self.gone.contains(above) => {}
                _ => return Err(in_the_way(above, "a directory")),
            }
        }
        match host.find(path)? {
            Found::Directory(_) if !host.holds_only(path, &self.gone)? => {
                Err(in_the_way(path, "a file"))
            }
            _ => Ok(()),
        }
    }
}

fn in_the_way(path: &Path, wanted: &str) -> anyhow::Error {
    Fault::new(
        Exit::NotReady,
        format!(
            "{} is in the way: StreamHub's source has {wanted} there",
            path.display()
        ),
    )
    .fix(format!("move it away: mv {0} {0}.old", path.display()))
    .into()
}

/// Whether a recorded path can be nowhere but in the tree.
fn is_plain(path: &Path) -> bool {
    let mut parts = path.components().peekable();
    parts.peek().is_some() && parts.all(|part| matches!(part, std::path::Component::Normal(_)))
}

/// Whether no symlink leads from the install directory to this path.
fn is_below_directories(host: &Host, dir: &Path, path: &Path) -> bool {
    path.ancestors()
        .skip(1)
        .take_while(|above| *above != dir)
        .all(|above| matches!(host.find(above), Ok(Found::Directory(_))))
}
