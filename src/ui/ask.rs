//! A question to whoever sits at the terminal.

use std::fs::File;
use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::sync::mpsc;

use crate::fault::Result;
use crate::secret::redact;
use crate::signals;

/// Asks a question whose answer is no unless it is `y` or `yes`; `None` where nobody can be asked.
///
/// # Errors
/// The signal that ended the wait.
pub fn confirm(question: &str) -> Result<Option<bool>> {
    let Some(input) = terminal() else {
        return Ok(None);
    };
    let mut shown = std::io::stderr();
    let _ = write!(shown, "{} [y/N] ", redact(question));
    let _ = shown.flush();
    let line = first_line(input)?;
    Ok(Some(matches!(
        line.trim().to_lowercase().as_str(),
        "y" | "yes"
    )))
}

/// Asks for a value until `check` takes it, whose refusal is shown; an empty answer is the default. `None` where nobody
/// can be asked.
///
/// # Errors
/// The signal that ended the wait.
pub fn question(
    what: &str,
    default: &str,
    check: &dyn Fn(&str) -> Result<()>,
) -> Result<Option<String>> {
    loop {
        let Some(input) = terminal() else {
            return Ok(None);
        };
        let mut shown = std::io::stderr();
        let _ = write!(shown, "{} [{}]: ", redact(what), redact(default));
        let _ = shown.flush();
        let line = first_line(input)?;
        let answer = match line.trim() {
            "" => default,
            answer => answer,
        };
        match check(answer) {
            Ok(()) => return Ok(Some(answer.to_owned())),
            // At its end nobody answers any more, and the default would be asked for ever.
            Err(refusal) if line.is_empty() => return Err(refusal),
            Err(refusal) => {
                let _ = writeln!(shown, "  {}", redact(&format!("{refusal:#}")));
            }
        }
    }
}

/// Standard input, or the terminal itself where that is taken: under `curl … | sudo sh` it is the script.
fn terminal() -> Option<Box<dyn Read + Send>> {
    if !std::io::stderr().is_terminal() {
        return None;
    }
    if std::io::stdin().is_terminal() {
        return Some(Box::new(std::io::stdin()));
    }
    let terminal = File::open("/dev/tty").ok()?;
    Some(Box::new(terminal))
}

/// Read apart, so that Ctrl-C ends the wait. An end of input is an empty line.
fn first_line(input: Box<dyn Read + Send>) -> Result<String> {
    let (sender, receiver) = mpsc::channel();
    // The thread ends with its line, or with the program.
    std::thread::spawn(move || {
        let mut line = String::new();
        let _ = BufReader::new(input.take(4096)).read_line(&mut line);
        sender.send(line)
    });
    loop {
        match receiver.recv_timeout(signals::TICK) {
            Ok(line) => return Ok(line),
            Err(_) => signals::check()?,
        }
    }
}
