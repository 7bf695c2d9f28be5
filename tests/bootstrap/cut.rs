//! Cut off at any byte, it does nothing.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tempfile::TempDir;

use crate::machine::{find, set_mode, stamped};

/// Whether all that a shell has said is that the end of its script is missing; bash shows the last line too.
fn is_complaint_of_the_end(said: &str) -> bool {
    let about = [
        "syntax error",
        "Syntax error",
        "unexpected EOF",
        "warning: here-document",
        "`",
    ];
    let is_one = |line: &str| {
        let text = line
            .split_once(": line ")
            .or(line.split_once("sh: "))
            .map_or("", |(_, rest)| rest);
        let text = text
            .trim_start_matches(|c: char| c.is_ascii_digit())
            .trim_start_matches(": ");
        about.iter().any(|words| text.starts_with(words))
    };
    said.lines().all(is_one)
}

fn script() -> String {
    stamped("https://127.0.0.1:1", &"0".repeat(64))
}

/// A home, a working directory and a PATH of its own, all of which it would show.
struct Trap {
    dir: TempDir,
    shell: std::path::PathBuf,
}

impl Trap {
    fn new(shell: &str) -> Self {
        let dir = TempDir::new().expect("there is room");
        let bin = dir.path().join("bin");
        fs::create_dir(&bin).expect("it is ours");
        // Whatever the script starts, and what a shell would take the beginnings of its words for.
        for program in [
            "id", "uname", "find", "mktemp", "rm", "chmod", "curl", "wget", "timeout", "dig", "w",
            "who",
        ] {
            let at = bin.join(program);
            fs::write(&at, "#!/bin/sh\necho \"$0\" >>started\n").expect("it is ours");
            set_mode(&at, 0o755);
        }
        Self {
            dir,
            shell: find(shell),
        }
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        let home = self.dir.path();
        command
            .current_dir(home)
            .env_clear()
            .env("PATH", home.join("bin"))
            .env("HOME", home);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// What came of a script, piped into the shell: nothing, if it is nothing.
    fn did(&self, script: &[u8]) -> Option<String> {
        let mut command = self.command(&self.shell);
        let mut child = command
            .args(["-s", "--", "--join"])
            .spawn()
            .expect("there is a shell");
        // It fits into a pipe at once, and the shell may end before it has read all of it.
        let _ = child.stdin.take().expect("it is piped").write_all(script);
        let output = child.wait_with_output().expect("it is ours");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let is_silent = output.status.success() && said.is_empty();
        let is_cut = output.status.code() == Some(2) && is_complaint_of_the_end(&said);
        let left: Vec<_> = fs::read_dir(self.dir.path())
            .expect("it is ours")
            .flatten()
            .map(|e| e.file_name())
            .collect();
        let did_nothing = output.stdout.is_empty() && left == ["bin"] && (is_silent || is_cut);
        let _ = fs::remove_file(self.dir.path().join("started"));
        (!did_nothing).then(|| format!("{output:?} {left:?}"))
    }
}

/// Every cut whose length `wanted` says, in this shell, that is not a no-op; two at a time.
fn cuts_that_do_something(
    script: &str,
    shell: &str,
    wanted: impl Fn(usize) -> bool + Sync,
) -> Vec<(usize, String)> {
    let next = AtomicUsize::new(0);
    let look = || {
        let trap = Trap::new(shell);
        let mut found = Vec::new();
        loop {
            let length = next.fetch_add(1, Ordering::Relaxed);
            if length >= script.len() {
                return found;
            }
            if wanted(length) {
                found.extend(
                    trap.did(&script.as_bytes()[..length])
                        .map(|what| (length, what)),
                );
            }
        }
    };
    thread::scope(|scope| {
        let other = scope.spawn(look);
        let mut found = look();
        found.extend(other.join().expect("it does not panic"));
        found
    })
}

#[test]
fn cut_at_any_byte_dash_does_nothing() {
    assert_eq!(cuts_that_do_something(&script(), "dash", |_| true), []);
}

#[test]
fn cut_at_any_byte_bash_does_nothing() {
    assert_eq!(cuts_that_do_something(&script(), "bash", |_| true), []);
}

#[test]
fn the_whole_of_it_does_something_and_so_would_other_shapes_of_it() {
    let script = script();
    for shell in ["dash", "bash"] {
        let trap = Trap::new(shell);
        let whole = trap.did(script.as_bytes()).expect("it does something");
        assert!(whole.contains("started"), "{whole}");
        // One byte more, and the cut that loses it does everything.
        let with_newline = format!("{script}\n");
        let last = script.len();
        assert_eq!(
            cuts_that_do_something(&with_newline, shell, |length| length == last).len(),
            1
        );
    }
    // Functions beside each other: a cut in a name runs a program of that name.
    let ungrouped: String = script
        .split_inclusive('\n')
        .filter(|line| line.trim_end() != "{")
        .collect();
    let ungrouped = ungrouped.strip_suffix("\n}").expect("it ends so");
    assert!(!cuts_that_do_something(ungrouped, "dash", |length| length % 3 == 0).is_empty());
    // The call in the middle.
    let early = script.replacen("\n    fail()", "\n}\n{ id\n}\n{ fail()", 1);
    assert_ne!(early, script);
    assert!(!cuts_that_do_something(&early, "bash", |length| length % 100 == 0).is_empty());
}

/// By the system calls: beyond what the shell does with no script at all, no program is started, no socket opened, and
/// no file but to read it.
#[test]
fn a_cut_script_makes_no_system_call_that_changes_or_asks_anything() {
    let script = script();
    for shell in ["dash", "bash"] {
        let trap = Trap::new(shell);
        let with_none = trap.calls(b"");
        for length in (0..script.len()).step_by(83).chain([script.len() - 1]) {
            assert_eq!(
                trap.calls(&script.as_bytes()[..length]),
                with_none,
                "{shell} {length}"
            );
        }
        let with_all = trap.calls(script.as_bytes());
        assert!(
            with_all.iter().any(|call| call.starts_with("execve")),
            "{with_all:?}"
        );
    }
}

impl Trap {
    /// The system calls of a shell with this script, but those that only read files.
    fn calls(&self, script: &[u8]) -> Vec<String> {
        let trace = self.dir.path().join("trace");
        let mut command = self.command(&find("strace"));
        let kinds = "process,network,mkdir,mkdirat,unlink,unlinkat,rename,open,openat,creat,chmod,fchmodat,kill";
        command
            .args(["-f", "-qq", "-e", &format!("trace={kinds}"), "-o"])
            .arg(&trace);
        let mut child = command
            .arg(&self.shell)
            .args(["-s", "--", "--join"])
            .spawn()
            .expect("strace is there");
        let _ = child.stdin.take().expect("it is piped").write_all(script);
        child.wait().expect("it is ours");
        let noted = fs::read_to_string(&trace).expect("strace has written it");
        let calls = noted
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(_pid, call)| call.trim_start());
        // How the shell starts, how it ends, and what it reads.
        let is_telling = |call: &&str| {
            !["O_RDONLY", "exit", "+++"]
                .iter()
                .any(|word| call.contains(word))
        };
        calls
            .skip(1)
            .filter(is_telling)
            .map(str::to_owned)
            .collect()
    }
}
