//! Processes on this machine, named by pid and start time: a pid alone may be someone else's by now.

use std::fs;
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// One process, for as long as it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    pub pid: i32,
    /// In clock ticks since this machine booted: `starttime` of proc(5).
    started: u64,
}

impl Process {
    /// The process that has this pid now.
    pub fn of(pid: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name in parentheses may hold anything, so count from its end: state is field 3, starttime field 22.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let dead = fields.first()? == &"Z" || fields.first()? == &"X";
        let started = fields.get(19)?.parse().ok()?;
        (!dead).then_some(Self { pid, started })
    }

    /// Reads what [`Self::to_text`] wrote.
    pub fn from_text(text: &str) -> Option<Self> {
        let (pid, started) = text.trim().split_once('-')?;
        Some(Self {
            pid: pid.parse().ok()?,
            started: started.parse().ok()?,
        })
    }

    /// `<pid>-<start time>`: fit for a file's name.
    pub fn to_text(self) -> String {
        format!("{}-{}", self.pid, self.started)
    }

    pub fn is_alive(self) -> bool {
        Self::of(self.pid) == Some(self)
    }

    pub fn signal(self, signal: Signal) {
        if self.is_alive() {
            // It may end between the look and the signal, which is what the signal is for anyway.
            let _ = kill(Pid::from_raw(self.pid), signal);
        }
    }

    /// The processes that this one started and that still run.
    pub fn children(self) -> Vec<Self> {
        let mut children = Vec::new();
        for entry in fs::read_dir("/proc").expect("/proc is mounted").flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|n| n.parse().ok()) else {
                continue;
            };
            let parent = format!("PPid:\t{}\n", self.pid);
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            if status.contains(&parent) {
                children.extend(Self::of(pid));
            }
        }
        children
    }

    /// What it started, what that started, and so on.
    pub fn descendants(self) -> Vec<Self> {
        let children = self.children().into_iter();
        children
            .flat_map(|child| [vec![child], child.descendants()].concat())
            .collect()
    }

    /// Whether it is the first process of a pid namespace below ours.
    pub fn is_init_of_namespace(self) -> bool {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap_or_default();
        let ids = status.lines().find_map(|l| l.strip_prefix("NSpid:"));
        let ids: Vec<&str> = ids.unwrap_or_default().split_whitespace().collect();
        ids.len() > 1 && ids.last() == Some(&"1")
    }
}

/// Runs a program of this machine to its end and returns what it printed; panics with all of it if it fails.
pub fn must(program: &str, args: &[&str]) -> String {
    match attempt(program, args) {
        Ok(stdout) => stdout,
        Err(fault) => panic!("{fault}"),
    }
}

/// The same, for what may fail.
pub fn attempt(program: &str, args: &[&str]) -> Result<String, String> {
    let output = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("the lab needs {program}: {e}"))?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(stdout);
    }
    Err(format!(
        "{program} {}: {}\n{stdout}{}",
        args.join(" "),
        output.status,
        String::from_utf8_lossy(&output.stderr)
    ))
}
