//! What a run reports, one kind each: the same report is a JSON line for machines and text for people.

use serde::Serialize;

use crate::fault::Fault;

/// How much a preflight finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The run can't go on.
    Error,
    /// The run goes on.
    Warning,
    /// It could not be looked at, which is not the same as wrong.
    Unknown,
}

/// How one resource differs from what is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Difference {
    Create,
    Update,
    /// It is there, and an uninstall takes it away.
    Remove,
    Unknown,
}

/// How far a step has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    Started,
    Done,
    Failed,
}

/// One report. With `--json` each is one line on stdout; `docs/json-events.schema.json` describes them.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event<'a> {
    Finding {
        check: &'a str,
        severity: Severity,
        what: &'a str,
        fix: Option<&'a str>,
    },
    Plan {
        resource: &'a str,
        change: Difference,
        /// A unified diff, or the reason why it is unknown; secrets are masked.
        detail: Option<&'a str>,
    },
    Step {
        name: &'a str,
        state: StepState,
    },
    Warning {
        what: &'a str,
    },
    Fault {
        exit: u8,
        what: &'a str,
        why: &'a [String],
        fix: Option<&'a str>,
    },
    Done {
        changed: bool,
        degraded: bool,
        exit: u8,
    },
}

impl<'a> Event<'a> {
    /// The report of a failure.
    pub fn of_fault(fault: &'a Fault) -> Self {
        Event::Fault {
            exit: fault.exit.code(),
            what: &fault.what,
            why: &fault.why,
            fix: fault.fix.as_deref(),
        }
    }

    /// Whether the text form belongs on stderr.
    pub fn is_trouble(&self) -> bool {
        matches!(
            self,
            Event::Warning { .. } | Event::Fault { .. } | Event::Finding { .. }
        )
    }

    /// The text form, without a final newline; empty where the machine's form alone says something.
    pub fn text(&self, paint: Paint) -> String {
        match self {
            Event::Finding {
                check,
                severity,
                what,
                fix,
            } => {
                let mark = match severity {
                    Severity::Error => paint.red("error"),
                    Severity::Warning => paint.yellow("warning"),
                    Severity::Unknown => paint.yellow("unknown"),
                };
                with_fix(&format!("  {mark} [{check}] {what}"), *fix, 4)
            }
            Event::Plan {
                resource,
                change,
                detail,
            } => match change {
                Difference::Unknown => {
                    format!(
                        "  ? {resource}: unknown: {}",
                        detail.unwrap_or("can't look")
                    )
                }
                Difference::Create => planned(&paint.green("+"), resource, *detail),
                Difference::Remove => planned(&paint.red("-"), resource, *detail),
                Difference::Update => planned(&paint.yellow("~"), resource, *detail),
            },
            Event::Step { name, state } => match state {
                // The spinner says it on a terminal; elsewhere its end is enough.
                StepState::Started => String::new(),
                StepState::Done => format!("  {} {name}", paint.green("✓")),
                StepState::Failed => format!("  {} {name}", paint.red("✗")),
            },
            Event::Warning { what } => format!("{}: {what}", paint.yellow("warning")),
            Event::Fault { what, why, fix, .. } => {
                let causes: String = why
                    .iter()
                    .map(|w| format!("\n  caused by: {}", indent(w, 13)))
                    .collect();
                with_fix(&format!("{}: {what}{causes}", paint.red("error")), *fix, 2)
            }
            Event::Done { .. } => String::new(),
        }
    }
}

fn planned(mark: &str, resource: &str, detail: Option<&str>) -> String {
    let detail = detail.map_or_else(String::new, |d| {
        format!("\n      {}", indent(d.trim_end(), 6))
    });
    format!("  {mark} {resource}{detail}")
}

fn with_fix(text: &str, fix: Option<&str>, by: usize) -> String {
    match fix {
        None => text.to_owned(),
        Some(fix) => format!("{text}\n{}fix: {}", " ".repeat(by), indent(fix, by + 5)),
    }
}

/// Indents every line but the first.
fn indent(text: &str, by: usize) -> String {
    text.replace('\n', &format!("\n{}", " ".repeat(by)))
}

/// Colours, where the reader is a terminal.
#[derive(Clone, Copy, Debug)]
pub struct Paint(pub bool);

impl Paint {
    fn with(
        self,
        text: &str,
        style: fn(console::StyledObject<&str>) -> console::StyledObject<&str>,
    ) -> String {
        style(console::style(text))
            .force_styling(self.0)
            .to_string()
    }

    fn red(self, text: &str) -> String {
        self.with(text, |t| t.red().bold())
    }

    fn yellow(self, text: &str) -> String {
        self.with(text, |t| t.yellow().bold())
    }

    fn green(self, text: &str) -> String {
        self.with(text, |t| t.green())
    }

    /// A heading.
    pub fn bold(self, text: &str) -> String {
        self.with(text, |t| t.bold())
    }
}
