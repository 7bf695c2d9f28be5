//! What a program starts, seen by strace.

use crate::cluster::JOIN_LIMIT;
use crate::command::{HostCommand, Output};
use crate::host::Host;

/// In a directory that is no part of [`Host::tree`].
const TRACE: &str = "/tmp/trace";

impl Host {
    /// The program under strace, which notes every program that it starts, arguments and environment included.
    pub fn traced<A: AsRef<str>>(&self, args: impl IntoIterator<Item = A>) -> HostCommand {
        self.command("strace -f -qq -v -s 4096 -e trace=execve -e signal=none -o".split(' '))
            .args([TRACE, "/root/streamhub-install"])
            .args(args.into_iter().map(|a| a.as_ref().to_owned()))
            .env("STREAMHUB_IP_LOOKUP_URL", "")
            .within(JOIN_LIMIT)
    }

    /// What was noted.
    pub fn trace(&self) -> Trace {
        Trace(self.read(TRACE))
    }
}

/// The notes of one run.
#[derive(Debug)]
pub struct Trace(pub String);

impl Trace {
    /// The programs that were started, without the first: that is the one under test.
    pub fn started(&self) -> Vec<&str> {
        let calls = self.0.lines().filter(|line| line.contains("execve("));
        calls
            .filter(|call| !call.contains("= -1"))
            .filter_map(|call| call.split("execve(\"").nth(1)?.split('"').next())
            .skip(1)
            .collect()
    }
}

/// Panics with the place where `text` holds one of these.
#[track_caller]
pub fn assert_none_in(secrets: &[&str], place: &str, text: &str) {
    for secret in secrets {
        if let Some(at) = text.find(secret) {
            let from = text[..at].char_indices().rev().nth(200).map_or(0, |c| c.0);
            panic!(
                "{secret} stands in {place}: …{}…",
                &text[from..at + secret.len()]
            );
        }
    }
}

impl Output {
    /// Panics if it said one of these.
    #[track_caller]
    pub fn expect_none_of(&self, secrets: &[&str]) -> &Self {
        assert_none_in(secrets, "what it said", &self.said());
        self
    }
}
