//! One run of the bootstrap.

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};

use crate::machine::{Machine, PLACES, find};

/// How the script comes to its shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// `curl … | sh -s -- FLAGS`.
    Pipe,
    /// `sh install.sh FLAGS`.
    File,
}

/// A run, not started yet: of the stamped script, by pipe into dash, without a terminal.
pub struct Run<'a> {
    machine: &'a Machine,
    script: String,
    shell: &'a [&'a str],
    by: By,
    args: Vec<String>,
    environment: Vec<(String, String)>,
    mounts: String,
    stdin: Vec<u8>,
    ordinary_user: bool,
    terminal: bool,
}

/// How it ended.
#[derive(Debug)]
pub struct Ended {
    /// The exit code, or 128 + the signal that ended it.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Machine {
    pub fn run<A: AsRef<str>>(&self, args: impl IntoIterator<Item = A>) -> Run<'_> {
        Run {
            machine: self,
            script: self.script(),
            shell: &["dash"],
            by: By::Pipe,
            args: args.into_iter().map(|a| a.as_ref().to_owned()).collect(),
            environment: Vec::new(),
            mounts: String::new(),
            stdin: Vec::new(),
            ordinary_user: false,
            terminal: false,
        }
    }
}

impl<'a> Run<'a> {
    pub fn script(mut self, script: impl Into<String>) -> Self {
        self.script = script.into();
        self
    }

    pub fn shell(mut self, shell: &'a [&'a str]) -> Self {
        self.shell = shell;
        self
    }

    /// As a file; what is given here is its standard input.
    pub fn by_file(mut self, stdin: &str) -> Self {
        self.by = By::File;
        self.stdin = stdin.into();
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// More mounts, made before it is run.
    pub fn mounted(mut self, script: &str) -> Self {
        self.mounts = script.to_owned();
        self
    }

    pub fn by_ordinary_user(mut self) -> Self {
        self.ordinary_user = true;
        self
    }

    /// With a controlling terminal.
    pub fn on_terminal(mut self) -> Self {
        self.terminal = true;
        self
    }

    /// Starts it: the process is the shell's own, in a session of its own.
    pub fn spawn(self) -> Child {
        let at = self.machine.path("install.sh");
        std::fs::write(&at, &self.script).expect("it is ours");
        let mut command = Command::new(find("setsid"));
        command
            .arg(find("unshare"))
            .args(["--mount", "--propagation", "private", "--"]);
        command.args(["/bin/sh", "-euc", &self.mounts(), "run"]);
        if self.ordinary_user {
            command.arg(find("setpriv")).args([
                "--reuid=65534",
                "--regid=65534",
                "--clear-groups",
                "--",
            ]);
        }
        if self.terminal {
            // Python's pseudo-terminal hands on what the inner command prints, and its exit code.
            let spawn =
                "import os,pty,sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";
            command.args(["/usr/bin/python3", "-c", spawn]);
            command.args([
                "/bin/sh",
                "-c",
                r#"/bin/cat /mnt/install.sh | "$@""#,
                "piped",
            ]);
        }
        command.arg(find(self.shell[0])).args(&self.shell[1..]);
        match self.by {
            By::Pipe => command.args(["-s", "--"]),
            By::File => command.arg("/mnt/install.sh"),
        };
        command.args(&self.args);
        command
            .env_clear()
            .env("PATH", "/mnt/bin")
            .envs(self.environment);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.current_dir("/").spawn().expect("there is a shell");
        let by_stdin = self.by == By::Pipe && !self.terminal;
        let input = if by_stdin {
            self.script.into_bytes()
        } else {
            self.stdin
        };
        // It may end without reading all of it.
        let _ = child.stdin.take().expect("it is piped").write_all(&input);
        child
    }

    #[track_caller]
    pub fn end(self) -> Ended {
        Ended::of(self.spawn())
    }

    /// The machine as the run sees it.
    fn mounts(&self) -> String {
        let mut script = format!(
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin
             mount --bind '{}' /mnt
             mount --bind /mnt/ca.pem /etc/ssl/certs/ca-certificates.crt
             mount --bind /mnt/os-release /usr/lib/os-release\n",
            self.machine.dir.path().display()
        );
        for place in PLACES {
            script.push_str(&format!("mount --bind /mnt/{place} /{place}\n"));
        }
        script.push_str(&self.mounts);
        script.push_str("\nPATH=/mnt/bin; exec \"$@\"");
        script
    }
}

impl Ended {
    pub fn of(child: Child) -> Self {
        let output = child.wait_with_output().expect("it is ours");
        let code = output
            .status
            .code()
            .or_else(|| output.status.signal().map(|s| 128 + s));
        Self {
            code: code.expect("a process ends with a code or by a signal"),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Panics unless it ended with this code and said all of this.
    #[track_caller]
    pub fn expect(&self, code: i32, words: &[&str]) -> &Self {
        assert_eq!(self.code, code, "{self:?}");
        for word in words {
            let said = self.stderr.contains(word) || self.stdout.contains(word);
            assert!(said, "{word:?} was not said: {self:?}");
        }
        self
    }
}
