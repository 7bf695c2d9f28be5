//! A host in a directory, and a repository and an archive of StreamHub's source beside it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::super::*;
use crate::exec::Program;

pub const DIR: &str = "/opt/streamhub";
/// What any source has.
pub const CORE: &[(&str, &str)] = &[
    ("docker-compose.yml", "services: {}\n"),
    ("deploy/Dockerfile", "FROM scratch\n"),
];

pub struct Scene {
    pub host: Host,
    root: TempDir,
    away: TempDir,
}

impl Scene {
    /// A host with an empty install directory, and a repository with these files beside the core's.
    pub fn new(files: &[(&str, &str)]) -> Self {
        let root = temporary();
        let host = Host::new(root.path());
        fs::create_dir_all(host.path(DIR)).unwrap();
        let away = temporary();
        let scene = Self { host, root, away };
        fs::create_dir(scene.repository()).unwrap();
        scene.git(&["init", "--quiet", "--initial-branch=main"]);
        scene.publish(&[CORE, files].concat(), &[]);
        scene
    }

    pub fn repository(&self) -> PathBuf {
        self.away.path().join("repository")
    }

    pub fn git(&self, args: &[&str]) -> String {
        self.git_in(&self.repository(), args)
    }

    pub fn git_in(&self, dir: &Path, args: &[&str]) -> String {
        let who = ["-c", "user.name=Example", "-c", "user.email=a@example.com"];
        let git = Program::new("git").arg("-C").arg(dir).args(who).args(args);
        git.succeed().unwrap().trim().to_owned()
    }

    /// A next version: files written and files removed. Its commit.
    pub fn publish(&self, files: &[(&str, &str)], gone: &[&str]) -> String {
        for path in gone {
            fs::remove_file(self.repository().join(path)).unwrap();
        }
        for (path, text) in files {
            let path = self.repository().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        self.commit()
    }

    pub fn commit(&self) -> String {
        self.git(&["add", "--all", "--force"]);
        self.git(&["commit", "--quiet", "--message=next"]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// The repository's files in one directory, as an archive.
    pub fn archive(&self) -> Vec<u8> {
        let to = self.away.path().join("archive.tar.gz");
        let output = format!("--output={}", to.display());
        self.git(&["archive", "--prefix=streamhub-main/", &output, "HEAD"]);
        fs::read(to).unwrap()
    }

    pub fn upstream(&self) -> Source {
        Source {
            repository: Url::from_file_path(self.repository()).unwrap(),
            tarball: "http://127.0.0.1:9/source.tar.gz".parse().unwrap(),
            sha256: None,
        }
    }

    /// As [`Scene::upstream`], where git finds nothing.
    pub fn only_tarball(&self, tarball: &str) -> Source {
        Source {
            repository: Url::from_file_path(self.away.path().join("nothing")).unwrap(),
            tarball: tarball.parse().unwrap(),
            sha256: None,
        }
    }

    pub fn tree(&self, refresh: bool) -> SourceTree {
        SourceTree::new(DIR, self.upstream(), refresh)
    }

    pub fn install(&self) {
        self.tree(false).apply(&self.host).unwrap();
    }

    pub fn refresh(&self) {
        self.tree(true).apply(&self.host).unwrap();
    }

    /// Nobody answers at the repository's address any more.
    pub fn take_upstream_away(&self) {
        fs::rename(self.repository(), self.away.path().join("moved")).unwrap();
    }

    pub fn real(&self, path: &str) -> PathBuf {
        self.host.path(Path::new(DIR).join(path))
    }

    pub fn write(&self, path: &str, text: &str) {
        fs::create_dir_all(self.real(path).parent().unwrap()).unwrap();
        fs::write(self.real(path), text).unwrap();
    }

    pub fn has(&self, path: &str) -> bool {
        self.real(path).symlink_metadata().is_ok()
    }

    pub fn text(&self, path: &str) -> String {
        fs::read_to_string(self.real(path)).unwrap()
    }

    pub fn inode(&self, path: &str) -> u64 {
        fs::metadata(self.real(path)).unwrap().ino()
    }

    pub fn marker(&self) -> Marker {
        Marker::load(&self.host, Path::new(DIR)).unwrap().unwrap()
    }

    /// Every file of the host with its bytes, and where each symlink leads.
    pub fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut left = vec![self.root.path().to_owned()];
        while let Some(dir) = left.pop() {
            for entry in fs::read_dir(dir).unwrap() {
                let (path, kind) = entry.map(|e| (e.path(), e.file_type().unwrap())).unwrap();
                if kind.is_dir() {
                    left.push(path);
                } else if kind.is_symlink() {
                    let to = fs::read_link(&path).unwrap();
                    files.insert(path, to.into_os_string().into_encoded_bytes());
                } else {
                    let bytes = fs::read(&path).unwrap();
                    files.insert(path, bytes);
                }
            }
        }
        files
    }
}

/// In memory where that can be had: what is synced there costs nothing.
fn temporary() -> TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

pub fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

/// A web server that has one file, and counts who comes.
pub struct Server {
    pub url: String,
    asked: Arc<AtomicUsize>,
    downloaded: Arc<AtomicUsize>,
}

impl Server {
    pub fn of(body: Vec<u8>) -> Self {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        Self::answering([head.into_bytes(), body].concat())
    }

    pub fn answering(answer: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/source.tar.gz", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let downloaded = Arc::new(AtomicUsize::new(0));
        let counts = [Arc::clone(&asked), Arc::clone(&downloaded)];
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection: TcpStream = connection.unwrap();
                let mut request = [0; 4096];
                let _ = connection.read(&mut request);
                let has_body = !request.starts_with(b"HEAD");
                counts[0].fetch_add(1, Ordering::SeqCst);
                counts[1].fetch_add(usize::from(has_body), Ordering::SeqCst);
                let head = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
                let end = if has_body { answer.len() } else { head };
                let _ = connection.write_all(&answer[..end]);
            }
        });
        Self {
            url,
            asked,
            downloaded,
        }
    }

    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// How often the body was fetched.
    pub fn downloaded(&self) -> usize {
        self.downloaded.load(Ordering::SeqCst)
    }
}

pub fn fault(error: &anyhow::Error) -> String {
    let fault = Fault::of(error);
    format!(
        "{:?}: {}: {}; {}",
        fault.exit,
        fault.what,
        fault.why.join(": "),
        fault.fix.unwrap_or_default()
    )
}
