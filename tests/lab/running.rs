//! Commands that run on a host: watching, signalling and ending them.

use std::ffi::OsString;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::command::Output;
use crate::process::Process;
use crate::wait;

/// A command that runs on a host. It is killed when this is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: Collected,
    stderr: Collected,
    limit: Duration,
    args: Vec<OsString>,
    ended: Option<ExitStatus>,
}

impl Running {
    /// A command just started, with both its streams piped, that may take so long.
    pub(crate) fn of(mut child: Child, args: Vec<OsString>, limit: Duration) -> Self {
        Self {
            stdout: Collected::from(child.stdout.take().expect("it is piped")),
            stderr: Collected::from(child.stderr.take().expect("it is piped")),
            child,
            limit,
            args,
            ended: None,
        }
    }

    /// The program itself, without what entered the host for it. Nothing once it has ended.
    fn program(&self) -> Option<Process> {
        let entered = Process::of(self.child.id() as i32)?;
        entered.children().into_iter().next()
    }

    /// Signals the program alone, not what it started.
    pub fn signal(&self, signal: Signal) {
        if let Some(program) = self.program() {
            program.signal(signal);
        }
    }

    /// Kills the program in the middle of whatever it does; with its family, also all that it started.
    pub fn kill(&mut self, with_family: bool) {
        let limit = self.limit;
        // It may not have been entered yet.
        wait::until(limit, || self.program().is_some() || !self.is_running());
        let Some(program) = self.program() else {
            return;
        };
        let family = if with_family {
            program.descendants()
        } else {
            Vec::new()
        };
        program.signal(Signal::SIGKILL);
        for process in family {
            process.signal(Signal::SIGKILL);
        }
    }

    /// Waits for an end that something else brings about.
    pub fn until_it_ends(&mut self) {
        let limit = self.limit;
        wait::until(limit, || !self.is_running());
    }

    pub fn is_running(&mut self) -> bool {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().expect("it is our child");
        }
        self.ended.is_none()
    }

    /// Waits until it has printed this, on either stream; panics if it ends or the time is up before.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) {
        let limit = self.limit;
        let seen = wait::until(limit, || {
            let runs = self.is_running();
            self.stdout.text().contains(text) || self.stderr.text().contains(text) || !runs
        });
        let (stdout, stderr) = (self.stdout.text(), self.stderr.text());
        let printed = stdout.contains(text) || stderr.contains(text);
        assert!(
            seen && printed,
            "{:?} did not print {text:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}",
            self.args
        );
    }

    /// Waits for its end; panics if that takes longer than it was given.
    #[track_caller]
    pub fn wait(mut self) -> Output {
        let limit = self.limit;
        let ended = wait::until(limit, || !self.is_running());
        if ended {
            // What it left running in the background may keep its output open for ever.
            wait::until(Duration::from_secs(1), || {
                self.stdout.is_closed() && self.stderr.is_closed()
            });
        }
        let (stdout, stderr) = (self.stdout.text(), self.stderr.text());
        let Some(status) = self.ended else {
            panic!(
                "{:?} still ran after {limit:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}",
                self.args
            );
        };
        let code = status.code().or_else(|| status.signal().map(|s| 128 + s));
        Output {
            code: code.expect("a process ends with a code or by a signal"),
            stdout,
            stderr,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.is_running() {
            let _ = killpg(Pid::from_raw(self.child.id() as i32), Signal::SIGKILL);
            let _ = self.child.wait();
        }
    }
}

/// What a stream has brought so far.
#[derive(Debug)]
struct Collected {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: thread::JoinHandle<()>,
}

impl Collected {
    fn from(mut stream: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&bytes);
        let reader = thread::spawn(move || {
            let mut part = [0; 8192];
            while let Ok(count @ 1..) = stream.read(&mut part) {
                shared
                    .lock()
                    .expect("no reader panics")
                    .extend(&part[..count]);
            }
        });
        Self { bytes, reader }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().expect("no reader panics")).into_owned()
    }

    fn is_closed(&self) -> bool {
        self.reader.is_finished()
    }
}
