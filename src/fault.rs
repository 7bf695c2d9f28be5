//! What an operator is told when something fails: what, why, the fix, and the exit code.

use std::fmt;

/// The crate's result: an error that, somewhere in its chain, is usually a [`Fault`].
pub type Result<T> = anyhow::Result<T>;

/// The exit codes, as the README lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done, also with warnings.
    Done = 0,
    /// Failed for a reason that has no code of its own.
    Failed = 1,
    /// The command line is wrong, or a fence refused it.
    Usage = 2,
    /// This host, or the path to the origin's redis, is not ready. Nothing was changed.
    NotReady = 3,
    /// The origin can't be reached, or keeps answering 5xx.
    OriginUnreachable = 4,
    /// The origin refused the token, or joining is disabled there.
    TokenRefused = 5,
    /// The services were started and did not become healthy, or did not end their calls in time.
    Unhealthy = 6,
    /// Another run holds the lock (`EX_TEMPFAIL`).
    Locked = 75,
    /// SIGINT.
    Interrupted = 130,
    /// SIGTERM.
    Terminated = 143,
}

impl Exit {
    /// The code as the process hands it to its parent.
    pub fn code(self) -> u8 {
        self as u8
    }
}

/// A failure in an operator's words. It travels inside an [`anyhow::Error`].
#[derive(Debug)]
pub struct Fault {
    pub exit: Exit,
    /// What could not be done, naming the input.
    pub what: String,
    /// The causes, nearest first.
    pub why: Vec<String>,
    /// What to do about it, ready to paste where that is possible.
    pub fix: Option<String>,
}

impl Fault {
    /// A fault with nothing known but what failed.
    pub fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self {
            exit,
            what: what.into(),
            why: Vec::new(),
            fix: None,
        }
    }

    /// Adds a cause.
    pub fn why(mut self, why: impl Into<String>) -> Self {
        self.why.push(why.into());
        self
    }

    /// Adds every cause in the chain of `error`.
    pub fn because(mut self, error: &anyhow::Error) -> Self {
        self.why.extend(error.chain().map(ToString::to_string));
        self
    }

    /// Says what to do.
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// Reads the fault out of any error: a plain error becomes [`Exit::Failed`], and the contexts
    /// around a fault are kept as what failed.
    pub fn of(error: &anyhow::Error) -> Self {
        let mut above = Vec::new();
        for cause in error.chain() {
            if let Some(fault) = cause.downcast_ref::<Self>() {
                let mut why = fault.why.clone();
                let what = if above.is_empty() {
                    fault.what.clone()
                } else {
                    why.insert(0, fault.what.clone());
                    above.join(": ")
                };
                return Self {
                    exit: fault.exit,
                    what,
                    why,
                    fix: fault.fix.clone(),
                };
            }
            above.push(cause.to_string());
        }
        let what = above.remove(0);
        Self {
            exit: Exit::Failed,
            what,
            why: above,
            fix: None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Fault {}

/// Whether the error says that an ordinary user may not look: a dry run reports that as "needs
/// root", not as a failure.
pub fn is_permission_denied(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|e| e.kind() == std::io::ErrorKind::PermissionDenied)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn contexts_around_a_fault_keep_its_exit_code_and_fix() {
        let error = anyhow::Error::new(Fault::new(Exit::NotReady, "disk full").fix("free some"));
        let error = Err::<(), _>(error).context("writing .env").unwrap_err();
        let fault = Fault::of(&error);
        assert_eq!(fault.exit, Exit::NotReady);
        assert_eq!(fault.what, "writing .env");
        assert_eq!(fault.why, ["disk full"]);
        assert_eq!(fault.fix.as_deref(), Some("free some"));
    }

    #[test]
    fn an_error_without_a_fault_is_exit_1_with_its_causes() {
        let error = Err::<(), _>(std::io::Error::other("inner"))
            .context("outer")
            .unwrap_err();
        let fault = Fault::of(&error);
        assert_eq!(fault.exit, Exit::Failed);
        assert_eq!((fault.what.as_str(), fault.why.len()), ("outer", 1));
    }
}
