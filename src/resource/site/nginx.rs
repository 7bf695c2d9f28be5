//! nginx itself: whether it runs with what lies on disk, and how it takes that up. Never restarted.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime};

use procfs::Current;
use procfs::process::all_processes;

use crate::exec::{Program, last_lines};
use crate::fault::{Exit, Fault, Result};

const UNIT: &str = "nginx.service";
const TAKE_UP_LIMIT: Duration = Duration::from_secs(10);
/// The kernel counts a process's start in hundredths of a second.
const PRECISION: Duration = Duration::from_millis(100);

/// What systemd says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub active: bool,
    pub enabled: bool,
    masked: bool,
    /// The process that started the workers; 0 for none.
    main: i32,
}

impl State {
    /// Asks systemd.
    ///
    /// # Errors
    /// If it does not answer.
    pub fn look() -> Result<Self> {
        let said = systemctl()
            .args(["show", UNIT])
            .arg("--property=ActiveState,UnitFileState,LoadState,MainPID")
            .succeed()?;
        Ok(Self::read(&said))
    }

    fn read(said: &str) -> Self {
        let fields: HashMap<&str, &str> = said.lines().filter_map(|l| l.split_once('=')).collect();
        let is = |key: &str, value: &str| fields.get(key) == Some(&value);
        Self {
            active: is("ActiveState", "active") || is("ActiveState", "reloading"),
            enabled: is("UnitFileState", "enabled"),
            masked: is("LoadState", "masked"),
            main: fields
                .get("MainPID")
                .and_then(|pid| pid.parse().ok())
                .unwrap_or(0),
        }
    }

    /// Whether the configuration that nginx runs with was read after this moment. Each reading starts
    /// new workers.
    pub fn is_newer_than(&self, changed: SystemTime) -> bool {
        // Where the processes can't be seen, nothing says that it is not.
        self.read_at()
            .is_none_or(|read| read + PRECISION >= changed)
    }

    /// When the newest worker was started.
    fn read_at(&self) -> Option<SystemTime> {
        let now = SystemTime::now();
        let up = procfs::Uptime::current().ok()?.uptime_duration();
        let newest = all_processes()
            .ok()?
            .flatten()
            .filter_map(|process| process.stat().ok())
            .filter(|stat| stat.ppid == self.main)
            .map(|stat| stat.starttime)
            .max()?;
        let since_boot =
            Duration::from_millis(newest.saturating_mul(1000) / procfs::ticks_per_second());
        Some(now - up.saturating_sub(since_boot))
    }
}

/// Has nginx judge what lies on disk.
///
/// # Errors
/// With nginx's own words, if it refuses it.
pub fn test() -> Result<()> {
    let judged = Program::new("nginx").arg("-t").run()?;
    if judged.succeeded() {
        return Ok(());
    }
    let said = judged
        .stderr
        .lines()
        .filter(|line| !line.contains("[warn]"));
    Err(Fault::new(
        Exit::Failed,
        "nginx refuses its configuration; what this run had written was taken back",
    )
    .why(said.collect::<Vec<_>>().join("\n"))
    .fix("mend what it names until `nginx -t` is content, then run this again")
    .into())
}

/// Has nginx run with what lies on disk: started and enabled where it was not, else reloaded.
///
/// # Errors
/// If it does not.
pub fn take_up() -> Result<()> {
    let before = State::look()?;
    if before.masked {
        return Err(Fault::new(Exit::Failed, format!("{UNIT} is masked"))
            .fix(format!("systemctl unmask {UNIT}, then run this again"))
            .into());
    }
    if !before.enabled {
        systemctl().args(["enable", UNIT]).succeed()?;
    }
    if !before.active {
        return systemctl()
            .args(["start", UNIT])
            .succeed()
            .map(drop)
            .map_err(|error| not_running(&error));
    }
    let asked = SystemTime::now();
    systemctl().args(["reload", UNIT]).succeed()?;
    let end = Instant::now() + TAKE_UP_LIMIT;
    while !State::look()?.is_newer_than(asked) {
        if Instant::now() > end {
            return Err(Fault::new(
                Exit::Failed,
                "nginx was reloaded, and goes on with its old configuration",
            )
            .fix("see why: tail /var/log/nginx/error.log")
            .into());
        }
        // Not cut short by a signal: what is on disk and what nginx runs with would part.
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn not_running(error: &anyhow::Error) -> anyhow::Error {
    let log = Program::new("journalctl")
        .args(["--unit", UNIT, "--lines=10", "--output=cat", "--no-pager"])
        .succeed()
        .unwrap_or_default();
    Fault::new(Exit::Failed, "nginx does not start")
        .because(error)
        .why(last_lines(&log, 5))
        .fix(format!("see why: journalctl -u {UNIT} -n 50"))
        .into()
}

fn systemctl() -> Program {
    Program::new("systemctl").limit(Duration::from_secs(60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_systemd_says_is_read() {
        let state = State::read(
            "MainPID=12\nLoadState=loaded\nActiveState=active\nUnitFileState=enabled\n",
        );
        assert!(state.active && state.enabled && !state.masked && state.main == 12);
        let state = State::read("MainPID=0\nLoadState=masked\nActiveState=failed\n");
        assert!(!state.active && !state.enabled && state.masked);
    }

    #[test]
    fn a_process_is_as_old_as_it_is() {
        let before = SystemTime::now();
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        let state = State {
            active: true,
            enabled: true,
            masked: false,
            main: std::process::id().cast_signed(),
        };
        assert!(state.is_newer_than(before));
        assert!(!state.is_newer_than(SystemTime::now() + Duration::from_secs(1)));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
