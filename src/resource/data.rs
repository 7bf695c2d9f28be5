//! Where recordings go: the directory that `.env` names, with a place in it that egress can write to.

use std::path::{Path, PathBuf};

use super::{Change, Directory, Env, Resource};
use crate::fault::{Exit, Fault, Result};
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

    /// The directory that a link leads to can be named, and holds what must not be lost.
    fn refuse_link(&self, host: &Host, data: &Path) -> Result<()> {
        let Some(target) = host.link_target(data)? else {
            return Ok(());
        };
        let (link, target) = (data.display(), data.with_file_name("").join(target));
        Err(Fault::new(
            Exit::NotReady,
            format!("{link} is a symlink: refusing to go through it"),
        )
        .fix(format!(
            "name the directory itself: put {KEY}={} into {}, and run this again",
            target.display(),
            self.dir.join(".env").display()
        ))
        .into())
    }
}

impl Resource for Data {
    fn name(&self) -> String {
        format!("data directory of {}", self.dir.display())
    }

    fn probe(&self, host: &Host) -> Result<Change> {
        let mut changes = Vec::new();
        let directories = self.directories(host)?;
        self.refuse_link(host, directories[0].path())?;
        for directory in directories {
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_link_is_not_followed_and_what_it_leads_to_can_be_named() {
        let root = tempfile::tempdir().unwrap();
        let (dir, store) = (
            root.path().join("opt/streamhub"),
            root.path().join("srv/store"),
        );
        fs::create_dir_all(&dir).unwrap();
        fs::create_dir_all(&store).unwrap();
        std::os::unix::fs::symlink("/srv/store", dir.join("data")).unwrap();
        let host = Host::new(root.path());
        let env = Env {
            path: "/opt/streamhub/.env".into(),
            template: "",
            keys: Vec::new(),
            secret: &[],
        };
        let data = Data::new(env, "/opt/streamhub");
        let fault = Fault::of(&data.probe(&host).unwrap_err());
        assert_eq!(
            fault.fix.unwrap(),
            "name the directory itself: put STREAMHUB_HOST_DATA_DIR=/srv/store into /opt/streamhub/.env, and run this again"
        );
        fs::write(dir.join(".env"), "STREAMHUB_HOST_DATA_DIR=/srv/store\n").unwrap();
        data.apply(&host).unwrap();
        assert!(store.join("apps").is_dir());
    }
}
