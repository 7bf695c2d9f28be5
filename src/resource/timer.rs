//! The heartbeat's timer: loaded as it lies on disk, enabled, and with a next run.

use std::collections::HashMap;
use std::time::Duration;

use super::{Change, Resource};
use crate::exec::Program;
use crate::fault::Result;
use crate::host::Host;
use crate::receipt::Owned;

/// The unit that beats.
pub const SERVICE: &str = "streamhub-heartbeat.service";
/// The unit that lets it beat.
pub const TIMER: &str = "streamhub-heartbeat.timer";

/// The heartbeat timer, running.
#[derive(Clone, Copy, Debug)]
pub struct Timer;

/// What systemd says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub enabled: bool,
    pub active: bool,
    /// The beat is under way: systemd plans the next one when it has ended.
    pub beating: bool,
    /// When it runs next, in systemd's words; `None` when never.
    pub next: Option<String>,
    /// The unit on disk is newer than the one that systemd has loaded.
    pub outdated: bool,
}

impl Timer {
    /// Asks systemd.
    ///
    /// # Errors
    /// If it does not answer.
    pub fn state() -> Result<State> {
        let said = systemctl()
            .args(["show", TIMER, SERVICE])
            .arg("--property=ActiveState,SubState,UnitFileState,NextElapseUSecRealtime,NeedDaemonReload")
            .succeed()?;
        Ok(State::read(&said))
    }
}

impl State {
    /// The timer's properties come first, then the service's after an empty line.
    fn read(said: &str) -> Self {
        let (timer, service) = said.split_once("\n\n").unwrap_or((said, ""));
        let fields = |text: &str| -> HashMap<String, String> {
            text.lines()
                .filter_map(|line| line.split_once('='))
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect()
        };
        let (timer, service) = (fields(timer), fields(service));
        let is = |unit: &HashMap<String, String>, key: &str, value: &str| {
            unit.get(key).is_some_and(|v| v == value)
        };
        Self {
            enabled: is(&timer, "UnitFileState", "enabled"),
            active: is(&timer, "ActiveState", "active"),
            beating: is(&timer, "SubState", "running"),
            next: timer
                .get("NextElapseUSecRealtime")
                .filter(|next| !matches!(next.as_str(), "" | "n/a" | "infinity"))
                .cloned(),
            outdated: is(&timer, "NeedDaemonReload", "yes")
                || is(&service, "NeedDaemonReload", "yes"),
        }
    }

    /// Whether it beats and goes on beating.
    pub fn is_alive(&self) -> bool {
        self.enabled && self.active && (self.next.is_some() || self.beating) && !self.outdated
    }
}

pub(super) fn systemctl() -> Program {
    Program::new("systemctl").limit(Duration::from_secs(30))
}

impl Resource for Timer {
    fn name(&self) -> String {
        format!("timer {TIMER}")
    }

    fn probe(&self, _host: &Host) -> Result<Change> {
        let state = Self::state()?;
        Ok(if state.is_alive() {
            Change::None
        } else if state.enabled || state.active {
            Change::Update("load, enable and start it".to_owned())
        } else {
            Change::Create(None)
        })
    }

    fn apply(&self, _host: &Host) -> Result<()> {
        systemctl().arg("daemon-reload").succeed()?;
        systemctl().args(["enable", TIMER]).succeed()?;
        // A restart takes the schedule that lies on disk now.
        systemctl().args(["restart", TIMER]).succeed()?;
        Ok(())
    }

    fn owned(&self, _host: &Host) -> Vec<Owned> {
        [TIMER, SERVICE]
            .map(|name| Owned::Unit {
                name: name.to_owned(),
            })
            .to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_without_a_next_run_is_dead() {
        let alive = "ActiveState=active\nUnitFileState=enabled\nNextElapseUSecRealtime=Sun 2026-11-22 10:00:07 UTC\nNeedDaemonReload=no\n\nActiveState=inactive\nNeedDaemonReload=no\n";
        assert!(State::read(alive).is_alive());
        for (from, to) in [
            ("Sun 2026-11-22 10:00:07 UTC", ""),
            ("UnitFileState=enabled", "UnitFileState=disabled"),
            ("ActiveState=active", "ActiveState=inactive"),
            (
                "inactive\nNeedDaemonReload=no",
                "inactive\nNeedDaemonReload=yes",
            ),
        ] {
            assert!(
                !State::read(&alive.replacen(from, to, 1)).is_alive(),
                "{from}"
            );
        }
    }
}
