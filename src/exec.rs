//! Running programs: a cleaned environment, captured output, a time limit, a process group of their
//! own. The only place that spawns.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::fault::Result;
use crate::secret::{Secret, redact};
use crate::{signals, ui};

/// Long enough for everything but packages and images.
const DEFAULT_LIMIT: Duration = Duration::from_secs(60);

/// How long the output of a killed program is waited for.
const KILL_LIMIT: Duration = Duration::from_secs(2);

/// How many lines of a failed program's stderr its error shows.
const SHOWN_LINES: usize = 12;

/// A program to run. The operator's environment reaches it only as PATH, HOME and LANG.
#[derive(Clone, Debug)]
pub struct Program {
    name: OsString,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    stdin: Option<Secret>,
    limit: Duration,
    stops_on_signal: bool,
}

/// A program that has ended.
#[derive(Debug)]
pub struct Finished {
    /// `None` when a signal ended it.
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Finished {
    /// Whether it exited 0.
    pub fn succeeded(&self) -> bool {
        self.status == Some(0)
    }
}

impl Program {
    /// A program found on PATH.
    pub fn new(name: impl Into<OsString>) -> Self {
        Self {
            name: name.into(),
            args: Vec::new(),
            env: Vec::new(),
            stdin: None,
            limit: DEFAULT_LIMIT,
            stops_on_signal: false,
        }
    }

    /// Adds an argument. Never a secret: every user of the machine can read it.
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets a variable for the program.
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// What it reads from its standard input, where nobody else can read it.
    pub fn stdin(mut self, secret: Secret) -> Self {
        self.stdin = Some(secret);
        self
    }

    /// How long it may take before it is killed, with everything that it started.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// A signal to us ends it at once: for work that can be cut anywhere, such as a download.
    pub fn stops_on_signal(mut self) -> Self {
        self.stops_on_signal = true;
        self
    }

    /// Runs it and takes any exit status.
    ///
    /// # Errors
    /// If it can't be started, outlives its limit, or was ended because of a signal to us.
    pub fn run(&self) -> Result<Finished> {
        ui::detail(&format!("run: {self}"));
        let started = Instant::now();
        // One execve, of the program itself, and a clear word where there is none.
        let program = find(&self.name)
            .with_context(|| format!("there is no {} on PATH", self.name.to_string_lossy()))?;
        let command = duct::cmd(program, self.args.clone());
        let command = match &self.stdin {
            Some(secret) => command.stdin_bytes(secret.expose()),
            None => command.stdin_null(),
        };
        let handle = command
            .full_env(self.environment())
            .stdout_capture()
            .stderr_capture()
            .unchecked()
            // Ctrl-C in the operator's terminal reaches us alone.
            .before_spawn(|command| {
                command.process_group(0);
                Ok(())
            })
            .start()
            .with_context(|| format!("starting {self}"))?;
        let kill = || {
            for pid in handle.pids() {
                // A pid always fits; the group has the program's own pid.
                let _ = killpg(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL);
            }
            // A grandchild that left the group may hold the output open for ever.
            let _ = handle.wait_timeout(KILL_LIMIT);
        };
        let output = loop {
            if let Some(output) = handle.wait_timeout(signals::TICK)? {
                break output;
            }
            if started.elapsed() > self.limit {
                kill();
                anyhow::bail!("{self} did not end within {} s", self.limit.as_secs());
            }
            if self.stops_on_signal
                && let Err(interrupted) = signals::check()
            {
                kill();
                return Err(interrupted);
            }
        };
        let finished = Finished {
            status: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        for line in finished.stdout.lines().chain(finished.stderr.lines()) {
            ui::detail(&format!("     {line}"));
        }
        Ok(finished)
    }

    /// Runs it and gives its stdout, if it exits 0.
    ///
    /// # Errors
    /// As [`Program::run`]; and otherwise an error with the command line, the status and the end of
    /// stderr, redacted.
    pub fn succeed(&self) -> Result<String> {
        let finished = self.run()?;
        if finished.succeeded() {
            return Ok(finished.stdout);
        }
        let said = if finished.stderr.trim().is_empty() {
            &finished.stdout
        } else {
            &finished.stderr
        };
        let status = finished.status.map_or_else(
            || "was killed by a signal".to_owned(),
            |s| format!("exited {s}"),
        );
        Err(anyhow::anyhow!(redact(&last_lines(said, SHOWN_LINES)))
            .context(redact(&format!("{self} {status}"))))
    }

    fn environment(&self) -> Vec<(OsString, OsString)> {
        let home = std::env::var_os("HOME").filter(|home| !home.is_empty());
        let mut env = vec![
            ("PATH".into(), search_path()),
            ("HOME".into(), home.unwrap_or_else(|| "/root".into())),
            // What programs say is read by this one.
            ("LANG".into(), "C.UTF-8".into()),
        ];
        env.extend(self.env.iter().cloned());
        env
    }
}

/// The operator's PATH, and behind it what a service's or a cron job's lacks. One without `/usr/bin` was
/// chosen to be so, and stays.
fn search_path() -> OsString {
    let own = std::env::var_os("PATH").unwrap_or_default();
    let is_chosen =
        |path: &OsString| !std::env::split_paths(path).any(|dir| dir == Path::new("/usr/bin"));
    if !own.is_empty() && is_chosen(&own) {
        return own;
    }
    let mut path = own;
    if !path.is_empty() {
        path.push(":");
    }
    path.push("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    path
}

/// Where a program stands on PATH.
pub fn find(name: impl AsRef<OsStr>) -> Option<PathBuf> {
    which::which_in(name, Some(search_path()), "/").ok()
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name.to_string_lossy())?;
        for arg in &self.args {
            write!(f, " {}", arg.to_string_lossy())?;
        }
        Ok(())
    }
}

/// Whether a program stands on PATH.
pub fn is_installed(name: impl AsRef<OsStr>) -> bool {
    find(name).is_some()
}

/// The last lines of a text.
pub fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_shows_the_command_the_status_and_the_end_of_stderr() {
        let error = Program::new("sh")
            .args(["-c", "echo first >&2; exit 3"])
            .succeed()
            .unwrap_err();
        assert_eq!(
            format!("{error:#}"),
            "sh -c echo first >&2; exit 3 exited 3: first"
        );
    }

    #[test]
    fn a_program_that_hangs_is_killed_with_its_children() {
        let start = Instant::now();
        let error = Program::new("sh")
            .args(["-c", "sleep 60 & sleep 60"])
            .limit(Duration::from_millis(200))
            .run()
            .unwrap_err();
        assert!(format!("{error:#}").contains("did not end within"));
        assert!(start.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn the_environment_is_ours_alone() {
        let out = Program::new("env").env("EXTRA", "1").succeed().unwrap();
        let mut names: Vec<&str> = out.lines().filter_map(|l| l.split('=').next()).collect();
        names.sort_unstable();
        assert_eq!(names, ["EXTRA", "HOME", "LANG", "PATH"]);
    }
}
