//! Where recordings go: the directory that `.env` names, with a place in it that egress can write to.

use std::path::{Path, PathBuf};

use super::{Change, Directory, Env, Resource};
use crate::fault::Result;
use crate::host::Host;
use crate::receipt::Owned;

/// The key of `.env` that names it, relative to the install directory.
pub(super) const KEY: &str = "STREAMHUB_HOST_DATA_DIR";

/// The data directory of a node.
#[derive(Clone, Debug)]
pub struct Data {
    env: Env,
    dir: PathBuf,
}

impl Data {
    /// The data directory that `env` names, below `dir` unless it is absolute.
    pub fn new(env: Env, dir: impl Into<PathBuf>) -> Self {
        let dir = dir.into();
        Self { env, dir }
    }

    fn directories(&self, host: &Host) -> Result<[Directory; 2]> {
        let (_, env) = self.env.wanted(host)?;
        let named = Path::new(env.get(KEY)?.unwrap_or("./data"));
        // Without the `.` of `./data`, as people read it.
        let data: PathBuf = self.dir.join(named).components().collect();
        // Egress runs as user 1001, group 0, and writes its recordings into `apps`.
        Ok([
            Directory::new(&data, 0o755),
            Directory::new(data.join("apps"), 0o775),
        ])
    }
}

impl Resource for Data {
    fn name(&self) -> String {
        format!("data directory of {}", self.dir.display())
    }

    fn probe(&self, host: &Host) -> Result<Change> {
        let mut changes = Vec::new();
        for directory in self.directories(host)? {
            match directory.probe(host)? {
                Change::None => {}
                Change::Unknown(why) => return Ok(Change::Unknown(why)),
                Change::Create(_) => {
                    changes.push(format!("create {}\n", directory.path().display()))
                }
                Change::Update(how) => {
                    changes.push(format!("{}: {how}\n", directory.path().display()))
                }
            }
        }
        Ok(match changes.len() {
            0 => Change::None,
            2 => Change::Create(Some(changes.concat())),
            _ => Change::Update(changes.concat()),
        })
    }

    fn apply(&self, host: &Host) -> Result<()> {
        self.directories(host)?
            .iter()
            .try_for_each(|d| d.apply(host))
    }

    fn owned(&self, host: &Host) -> Vec<Owned> {
        let directories = self.directories(host).ok();
        let owned = |d: &Directory| d.owned(host);
        directories.iter().flatten().flat_map(owned).collect()
    }
}
