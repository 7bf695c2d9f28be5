//! Everything printed. Each line passes the filter that knows every secret, and a reader that went
//! away (a closed pipe, a dropped terminal) is never a reason to stop an install.

mod ask;
mod event;

use std::io::{IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

pub use ask::{confirm, question};
pub use event::{Difference, Event, Paint, Severity, StepState};

use crate::secret::{redact, redact_json};

/// How a run talks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// JSON lines on stdout, text on stderr.
    pub json: bool,
    /// Only trouble and the summary.
    pub quiet: bool,
    /// Also every program that is run.
    pub verbose: bool,
}

struct Ui {
    style: Style,
    spinner: Option<ProgressBar>,
    log: Log,
}

/// Where the log goes: kept in memory until the run knows that it may write.
enum Log {
    Waiting(Vec<u8>),
    Open(Box<dyn Write + Send>),
}

static UI: Mutex<Ui> = Mutex::new(Ui {
    style: Style {
        json: false,
        quiet: false,
        verbose: false,
    },
    spinner: None,
    log: Log::Waiting(Vec::new()),
});

fn ui() -> MutexGuard<'static, Ui> {
    UI.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sets the style for the rest of the run.
pub fn init(style: Style) {
    ui().style = style;
}

/// Hands over the log: what was said so far is written first.
pub fn log_to(mut sink: Box<dyn Write + Send>) {
    let mut ui = ui();
    if let Log::Waiting(early) = &ui.log {
        let _ = sink.write_all(early);
    }
    ui.log = Log::Open(sink);
}

impl Ui {
    fn log(&mut self, line: &str) {
        let line = format!(
            "{} {line}\n",
            humantime::format_rfc3339_seconds(std::time::SystemTime::now())
        );
        // A full disk must not turn a log line into a failed install.
        match &mut self.log {
            Log::Waiting(early) => early.extend_from_slice(line.as_bytes()),
            Log::Open(sink) => drop(sink.write_all(line.as_bytes())),
        }
    }

    /// Writes past the spinner. Errors are dropped: the reader went away.
    fn write(&self, to_stderr: bool, text: &str) {
        let write = || {
            if to_stderr {
                let _ = writeln!(std::io::stderr(), "{text}");
            } else {
                let _ = writeln!(std::io::stdout(), "{text}");
            }
        };
        match &self.spinner {
            Some(spinner) => spinner.suspend(write),
            None => write(),
        }
    }

    fn human(&mut self, to_stderr: bool, text: &str) {
        let to_stderr = to_stderr || self.style.json;
        self.write(to_stderr, text);
    }

    fn paint(&self, to_stderr: bool) -> Paint {
        Paint(if to_stderr || self.style.json {
            console::colors_enabled_stderr()
        } else {
            console::colors_enabled()
        })
    }
}

/// Reports an event, to people and, with `--json`, to machines.
pub fn emit(event: &Event<'_>) {
    let mut ui = ui();
    let text = redact(&event.text(ui.paint(event.is_trouble())));
    if !text.is_empty() {
        let plain = redact(&event.text(Paint(false)));
        ui.log(plain.trim_start());
        let shown = !ui.style.quiet || event.is_trouble();
        if shown {
            ui.human(event.is_trouble(), &text);
        }
    }
    let is_machine = ui.style.json;
    drop(ui);
    if is_machine && let Ok(line) = serde_json::to_value(event) {
        document(line);
    }
}

/// Warns.
pub fn warn(what: &str) {
    emit(&Event::Warning { what });
}

/// A heading over what follows.
pub fn heading(text: &str) {
    let mut ui = ui();
    let text = redact(text);
    ui.log(&text);
    if !ui.style.quiet {
        let painted = ui.paint(false).bold(&text);
        ui.human(false, &painted);
    }
}

/// A line that people may want and machines don't.
pub fn note(text: &str) {
    let mut ui = ui();
    let text = redact(text);
    ui.log(&text);
    if !ui.style.quiet {
        ui.human(false, &text);
    }
}

/// The result that was asked for (a summary, a status table): shown also with `-q`.
pub fn result(text: &str) {
    let mut ui = ui();
    let text = redact(text);
    ui.log(&text);
    ui.human(false, &text);
}

/// A result with secrets in it, which a person at a terminal sees; the log, files and machines get the other text.
pub fn disclose(for_people: &str, for_others: &str) {
    let mut ui = ui();
    let others = redact(for_others);
    ui.log(&others);
    let is_seen = !ui.style.json && std::io::stdout().is_terminal();
    ui.human(false, if is_seen { for_people } else { &others });
}

/// How far a wait is, on stderr: the result is somebody else's.
pub fn progress(text: &str) {
    let mut ui = ui();
    let text = redact(text);
    ui.log(&text);
    if !ui.style.quiet {
        ui.human(true, &text);
    }
}

/// An event that is the result that was asked for.
pub fn report(event: &Event<'_>) {
    let paint = ui().paint(false);
    result(&event.text(paint));
}

/// What only the log and `-v` want.
pub fn detail(text: &str) {
    let mut ui = ui();
    let text = redact(text);
    ui.log(&text);
    if ui.style.verbose {
        ui.human(true, &text);
    }
}

/// A document for machines that is no event: one JSON value on stdout.
pub fn document(mut value: serde_json::Value) {
    redact_json(&mut value);
    ui().write(false, &value.to_string());
}

/// A text that was asked for whole, such as a manual page: on stdout to the byte, whatever the style.
pub fn page(text: &[u8]) {
    // The reader went away: no reason to fail.
    let _ = std::io::stdout().write_all(text);
}

/// Runs a step under a spinner and reports its start and its end.
///
/// # Errors
/// Those of the step.
pub fn step<T>(
    name: &str,
    work: impl FnOnce() -> crate::fault::Result<T>,
) -> crate::fault::Result<T> {
    start_spinner(name);
    emit(&Event::Step {
        name,
        state: StepState::Started,
    });
    let done = work();
    stop_spinner();
    let state = if done.is_ok() {
        StepState::Done
    } else {
        StepState::Failed
    };
    emit(&Event::Step { name, state });
    done
}

/// Says what the running step waits for.
pub fn waiting(text: &str) {
    let mut ui = ui();
    let text = redact(text);
    ui.log(&text);
    match &ui.spinner {
        Some(spinner) => spinner.set_message(text),
        None if !ui.style.quiet => ui.human(false, &format!("    {text}")),
        None => {}
    }
}

fn start_spinner(name: &str) {
    let mut ui = ui();
    if ui.style.quiet || ui.style.json || !std::io::stdout().is_terminal() {
        return;
    }
    let spinner = ProgressBar::new_spinner().with_message(redact(name));
    if let Ok(style) = ProgressStyle::with_template("  {spinner} {msg} {elapsed}") {
        spinner.set_style(style);
    }
    spinner.enable_steady_tick(Duration::from_millis(100));
    ui.spinner = Some(spinner);
}

fn stop_spinner() {
    if let Some(spinner) = ui().spinner.take() {
        spinner.finish_and_clear();
    }
}
