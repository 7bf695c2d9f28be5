//! The fault of a service that does not serve, with the end of its log.

use std::time::Duration;

use crate::engine::docker;
use crate::exec;
use crate::fault::{Exit, Fault};

const LOG_LINES: &str = "20";

/// What is wrong, what to do, and what the container said last.
pub fn unhealthy(what: &str, container: Option<&str>, fix: &str) -> anyhow::Error {
    let mut fault = Fault::new(Exit::Unhealthy, what).fix(fix);
    if let Some(container) = container {
        let log = docker()
            .args(["logs", "--tail", LOG_LINES, container])
            .limit(Duration::from_secs(10))
            .run();
        let said = match log {
            Ok(finished) => {
                exec::last_lines(&format!("{}{}", finished.stdout, finished.stderr), 20)
            }
            Err(e) => format!("its log can't be read: {e:#}"),
        };
        let said = if said.trim().is_empty() {
            "(empty)".to_owned()
        } else {
            said
        };
        fault = fault.why(format!("the last lines of {container}'s log:\n{said}"));
    }
    fault.into()
}
