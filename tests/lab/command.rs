//! Running commands on a host.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{ChildStdin, Stdio};
use std::thread;
use std::time::Duration;

use crate::host::Host;
use crate::running::Running;

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How a command ended and all that it printed.
#[derive(Clone, Debug)]
pub struct Output {
    /// The exit code, or 128 + the signal that ended it, as a shell says it.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    /// The standard output of a command that succeeded; panics with everything if it did not.
    #[track_caller]
    pub fn ok(self) -> String {
        self.expect_code(0).stdout
    }

    /// Panics with everything unless it ended with this code.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        assert!(
            self.code == code,
            "exit {} where {code} was expected\n--- stdout\n{}\n--- stderr\n{}",
            self.code,
            self.stdout,
            self.stderr
        );
        self
    }
}

/// A command on a host, not started yet: root's, with a clean environment, no input and two minutes' time.
#[derive(Debug)]
pub struct HostCommand {
    inner: std::process::Command,
    args: Vec<OsString>,
    core_limit: Vec<String>,
    operator: bool,
    stdin: Vec<u8>,
    limit: Duration,
}

impl Host {
    /// A command by its arguments, run in `/`.
    pub fn command<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> HostCommand {
        let mut inner = std::process::Command::new("nsenter");
        inner
            .arg(format!("--target={}", self.init().pid))
            .arg("--all");
        inner.env_clear().env("PATH", PATH).env("LANG", "C.UTF-8");
        HostCommand {
            inner,
            args: args.into_iter().map(|a| a.as_ref().to_owned()).collect(),
            core_limit: self.core_limit(),
            operator: false,
            stdin: Vec::new(),
            limit: Duration::from_secs(120),
        }
    }

    /// A shell script as a command.
    pub fn script(&self, script: &str) -> HostCommand {
        self.command(["sh", "-c", script])
    }

    pub fn run<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Output {
        self.command(args).run()
    }

    pub fn sh(&self, script: &str) -> Output {
        self.script(script).run()
    }

    /// Runs a script that must succeed and returns its standard output.
    #[track_caller]
    pub fn sh_ok(&self, script: &str) -> String {
        self.sh(script).ok()
    }
}

impl HostCommand {
    /// Sets a variable: in the command's own environment, never on a command line.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.inner.env(name, value);
        self
    }

    /// As the last arguments of another command, such as strace.
    pub fn under(mut self, command: &[&str]) -> Self {
        self.args.splice(..0, command.iter().map(OsString::from));
        self
    }

    /// More arguments.
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args
            .extend(args.into_iter().map(|a| a.as_ref().to_owned()));
        self
    }

    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// As the ordinary user `operator`, who may use sudo without a password.
    pub fn by_operator(mut self) -> Self {
        self.operator = true;
        self
    }

    /// Panics if it takes longer than this.
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    #[track_caller]
    pub fn run(self) -> Output {
        self.spawn().wait()
    }

    /// Runs it and returns its standard output; panics with everything it printed if it fails.
    #[track_caller]
    pub fn ok(self) -> String {
        self.run().ok()
    }

    /// Starts it in a process group of its own.
    pub fn spawn(mut self) -> Running {
        let user = if self.operator { "operator" } else { "root" };
        let home = if self.operator {
            "/home/operator"
        } else {
            "/root"
        };
        self.inner
            .env("HOME", home)
            .env("USER", user)
            .env("LOGNAME", user);
        // The clock is this machine's: whatever a test runs must not be able to set it.
        self.inner.args(["setpriv", "--bounding-set=-sys_time"]);
        if self.operator {
            self.inner
                .args(["--reuid=operator", "--regid=users", "--init-groups"]);
        }
        self.inner.arg("--").args(&self.core_limit).args(&self.args);
        self.inner
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        self.inner.process_group(0);
        let mut child = self.inner.spawn().expect("the lab needs nsenter");
        feed(child.stdin.take().expect("it is piped"), self.stdin);
        Running::of(child, self.args, self.limit)
    }
}

/// Writes a command's input. It may end without reading all of it.
fn feed(mut stdin: ChildStdin, bytes: Vec<u8>) {
    if !bytes.is_empty() {
        thread::spawn(move || stdin.write_all(&bytes));
    }
}
