//! A machine in a directory, and runs of the program on it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use standins::{Config, Mode, Origin, Redis, Seen};
use tempfile::TempDir;

use crate::engine::{self, Has};

pub const TOKEN: &str = "clt_ExampleToken0123456789";
const JOIN: &str = "/api/v1/cluster/join";

/// A host, an origin and its redis.
pub struct Place {
    root: TempDir,
    pub origin: Origin,
    pub redis: Redis,
}

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    /// Both streams.
    pub said: String,
    pub took: Duration,
    /// The most memory that it held, in KiB.
    pub memory: u64,
}

impl Place {
    /// A host that has not joined.
    pub fn fresh() -> Self {
        Self::with(Config::default())
    }

    pub fn with(config: Config) -> Self {
        let redis = Redis::start(Mode::password("ExampleRedisPassword")).expect("a free port");
        let origin = Origin::start(Config {
            token: Some(TOKEN.to_owned()),
            redis_url: Some(redis.url()),
            ..config
        })
        .expect("a free port");
        let root = tempfile::tempdir().expect("this machine has room");
        let place = Self {
            root,
            origin,
            redis,
        };
        for dir in [
            "run/systemd/system",
            "etc/systemd/system",
            "etc/sysctl.d",
            "var/log",
            "usr/local/bin",
            "opt",
            "bin",
            "proc/1",
        ] {
            fs::create_dir_all(place.path(dir)).expect("just made");
        }
        fs::write(
            place.path("etc/os-release"),
            "ID=ubuntu\nVERSION_ID=24.04\n",
        )
        .expect("just made");
        place.stub("bin/docker", "exit 0");
        place.stub(
            "usr/libexec/docker/cli-plugins/docker-compose",
            "echo 2.26.1",
        );
        place.stub(
            "bin/systemctl",
            "echo 'ActiveState=active\nUnitFileState=enabled\nNextElapseUSecRealtime=soon\nNeedDaemonReload=no'",
        );
        // The engine runs as this process, as far as anybody can tell.
        fs::write(place.path("run/docker.pid"), "1").expect("just made");
        engine::serve(
            &place.path("run/docker.sock"),
            Has {
                images: true,
                looping_livekit: false,
            },
        );
        place
    }

    /// A host that has joined, as far as its files tell: its engine runs nothing, so that the proof fails.
    pub fn joined() -> Self {
        let place = Self::fresh();
        let run = place.join(&[]);
        assert_eq!(run.code, 6, "{}", run.said);
        place.origin.control().clear_log();
        place
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    fn stub(&self, path: &str, script: &str) {
        let at = self.path(path);
        fs::create_dir_all(at.parent().expect("it is below the root")).expect("ours");
        fs::write(&at, format!("#!/bin/sh\n{script}\n")).expect("ours");
        fs::set_permissions(&at, fs::Permissions::from_mode(0o755)).expect("ours");
    }

    /// The documented join.
    pub fn join(&self, more: &[&str]) -> Ended {
        self.run(more, &[])
    }

    /// The same in an environment with more in it.
    pub fn run(&self, more: &[&str], environment: &[(&str, &str)]) -> Ended {
        let path = format!("{}:/usr/bin:/bin", self.path("bin").display());
        let mut command = Command::new(env!("CARGO_BIN_EXE_streamhub-install"));
        command
            .args([
                "--join",
                "--master-ip",
                "127.0.0.1",
                "--node-name",
                "edge-1",
            ])
            .args(["--master-url", &self.origin.url()])
            // What this machine is like, or listens on, is not the matter here, and redis has a port of its own.
            .args(["--skip-check", "root,disk,size,ports"])
            .arg("--root")
            .arg(self.root.path())
            .args(more);
        if !self.path("etc/streamhub/heartbeat.env").exists() {
            command.args(["--skip-check", "redis"]);
        }
        command
            .env_clear()
            .env("PATH", path)
            .env("STREAMHUB_IP_LOOKUP_URL", "")
            .env("STREAMHUB_MASTER_TOKEN", TOKEN)
            .envs(environment.iter().copied());
        watched(command)
    }

    /// Every file but the log: path → mode, inode and time of the last change. Equal if nobody even wrote the same anew.
    pub fn files(&self) -> BTreeMap<PathBuf, (u32, u64, i64, i64)> {
        let mut files = BTreeMap::new();
        collect(self.root.path(), &mut files);
        files.retain(|path, _| {
            !path.ends_with("streamhub-install.log") && !path.ends_with("streamhub-install.lock")
        });
        files
    }

    /// Whether anything is there that only an answered join writes.
    pub fn has_joined(&self) -> bool {
        [
            "opt/streamhub/.env",
            "etc/streamhub/heartbeat.env",
            "opt/streamhub/docker-compose.yml",
        ]
        .iter()
        .any(|path| self.path(path).exists())
    }

    pub fn requests(&self) -> Vec<Seen> {
        self.origin.control().log()
    }

    /// How many joins were asked for.
    pub fn joins(&self) -> usize {
        self.requests().iter().filter(|r| r.path == JOIN).count()
    }
}

fn collect(dir: &Path, files: &mut BTreeMap<PathBuf, (u32, u64, i64, i64)>) {
    for entry in fs::read_dir(dir).expect("it is there").flatten() {
        let meta = entry.metadata().expect("it is there");
        if meta.is_dir() {
            collect(&entry.path(), files);
        } else if meta.is_file() {
            let state = (meta.mode(), meta.ino(), meta.mtime(), meta.mtime_nsec());
            files.insert(entry.path(), state);
        }
    }
}

/// Runs it to its end, at most two minutes, with an eye on its memory.
fn watched(mut command: Command) -> Ended {
    let output = tempfile::NamedTempFile::new().expect("this machine has room");
    let stream = || {
        let appending = fs::File::options().append(true).open(output.path());
        appending.expect("it is ours")
    };
    command.stdin(Stdio::null());
    command.stdout(stream()).stderr(stream());
    let start = Instant::now();
    let mut child = command.spawn().expect("it is built");
    let mut memory = 0;
    let status = loop {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse().ok());
        memory = memory.max(kib.unwrap_or(0));
        if let Some(status) = child.try_wait().expect("it is ours") {
            break status;
        }
        if start.elapsed() > Duration::from_secs(120) {
            let _ = child.kill();
            let _ = child.wait();
            panic!(
                "it runs for ever:\n{}",
                fs::read_to_string(output.path()).expect("ours")
            );
        }
        sleep(Duration::from_millis(2));
    };
    Ended {
        code: status.code().expect("no signal ended it"),
        said: String::from_utf8_lossy(&fs::read(output.path()).expect("ours")).into_owned(),
        took: start.elapsed(),
        memory,
    }
}

impl Ended {
    #[track_caller]
    pub fn expect(&self, code: i32, words: &[&str]) -> &Self {
        assert_eq!(self.code, code, "{}", self.said);
        for word in words {
            assert!(
                self.said.contains(word),
                "{word:?} was not said:\n{}",
                self.said
            );
        }
        self
    }
}
