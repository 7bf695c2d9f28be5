//! A directory in the place of a machine's root, an origin beside it, and the program run on them.

use std::fs;

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use standins::{Config, Origin};
use tempfile::TempDir;

pub const TOKEN: &str = "clt_ExampleToken";

/// What a join has in its environment. Where Docker comes from is what few tests are about.
pub const JOIN: &[(&str, &str)] = &[
    ("STREAMHUB_MASTER_TOKEN", TOKEN),
    ("STREAMHUB_DOCKER_SOURCE", "distro"),
];

/// Docker's repository for tests that have none: nobody answers there, and nobody else is asked.
pub const NOBODY: &str = "https://127.0.0.1:1/linux/ubuntu";

/// The checks that look at this machine whatever the root is.
pub const MACHINES_OWN: &str = "disk,size,ports";

pub struct Scene {
    pub root: TempDir,
    pub origin: Origin,
}

pub struct Said {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Scene {
    /// A fresh Ubuntu on which nothing was installed yet.
    pub fn fresh() -> Self {
        let config = Config {
            token: Some(TOKEN.to_owned()),
            ..Config::default()
        };
        let scene = Self {
            root: TempDir::new().expect("there is a place for temporary files"),
            origin: Origin::start(config).expect("a port of the loopback is free"),
        };
        for dir in [
            "run/systemd/system",
            "opt",
            "etc/systemd/system",
            "etc/sysctl.d",
            "usr/local/bin",
            "var/log",
            "var/lib",
            "stubs",
        ] {
            fs::create_dir_all(scene.path(dir)).expect("it is ours");
        }
        scene.write(
            "etc/os-release",
            "ID=ubuntu\nVERSION_ID=\"24.04\"\nVERSION_CODENAME=noble\nPRETTY_NAME=\"Ubuntu 24.04.3 LTS\"\n",
        );
        scene
    }

    /// The same, as a join left it.
    pub fn joined() -> Self {
        let scene = Self::fresh();
        let url = scene.origin.url();
        scene.write(
            "etc/streamhub/receipt.json",
            format!(
                r#"{{"version":1,"written_by":"0.1.0","role":"edge","dir":"/opt/streamhub","settings":{{"master_ip":"127.0.0.1","master_url":"{url}","node_name":"edge-1"}},"owned":[]}}"#
            ),
        );
        scene.write(
            "etc/streamhub/heartbeat.env",
            format!(
                "STREAMHUB_HB_URL={url}\nSTREAMHUB_HB_TOKEN={TOKEN}\nSTREAMHUB_HB_NODE_ID=node-1\n"
            ),
        );
        scene.write(
            "opt/streamhub/.env",
            "STREAMHUB_DOMAIN=join-edge-1\nLIVEKIT_API_KEY=APIExample\nLIVEKIT_API_SECRET=ExampleSecret\nREDIS_URL=redis://:ExamplePassword@127.0.0.1:1\n",
        );
        scene
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("it is below the root")).expect("it is ours");
        fs::write(path, text).expect("it is ours");
    }

    /// A program on PATH that prints this.
    pub fn stub(&self, name: &str, prints: &str) {
        self.script(name, &format!("printf '%s\\n' '{prints}'"));
    }

    /// A program that does this; of others it finds only what stands in it by its whole path.
    pub fn script(&self, name: &str, does: &str) {
        self.write(name, format!("#!/bin/sh\n{does}\n"));
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755))
            .expect("it is ours");
    }

    pub fn run(&self, args: &[&str], env: &[(&str, &str)]) -> Said {
        self.run_with_input(args, env, "")
    }

    pub fn run_with_input(&self, args: &[&str], env: &[(&str, &str)], stdin: &str) -> Said {
        use std::io::Write;
        let mut child = Command::new(env!("CARGO_BIN_EXE_streamhub-install"))
            .arg("--root")
            .arg(self.root.path())
            .args(args)
            .env_clear()
            .env("PATH", self.path("stubs"))
            .env("STREAMHUB_IP_LOOKUP_URL", "")
            .env("STREAMHUB_DOCKER_REPO_URL", NOBODY)
            .envs(env.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it was built");
        // It may end without reading a word.
        let _ = child
            .stdin
            .take()
            .expect("it is piped")
            .write_all(stdin.as_bytes());
        let output = child.wait_with_output().expect("it ends");
        Said {
            code: output.status.code().expect("it exits"),
            stdout: String::from_utf8(output.stdout).expect("it is text"),
            stderr: String::from_utf8(output.stderr).expect("it is text"),
        }
    }

    /// A first join's dry run with more flags.
    pub fn join(&self, more: &[&str]) -> Said {
        let url = self.origin.url();
        let mut args = vec!["--dry-run", "--join", "--master-ip", "127.0.0.1"];
        args.extend(["--master-url", &url, "--node-name", "edge-1"]);
        args.extend(["--skip-check", MACHINES_OWN]);
        args.extend(more);
        self.run(&args, JOIN)
    }

    /// Everything that runs differ in, by what it stands for.
    pub fn settle(&self, text: &str) -> String {
        text.replace(&self.origin.url(), "http://<origin>")
            .replace(&self.origin.addr().to_string(), "<origin>")
            .replace(&self.root.path().display().to_string(), "<root>")
    }

    /// One part of a snapshot.
    pub fn section(&self, title: &str, said: &Said) -> String {
        self.settle(&format!("# {title}\nexit {}\n{}\n", said.code, said.stderr))
    }
}

/// Compares with the snapshot of this name.
pub fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_omit_expression(true);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_snapshot_path(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/messages/snapshots"
    ));
    settings.bind(|| insta::assert_snapshot!(name, text));
}
