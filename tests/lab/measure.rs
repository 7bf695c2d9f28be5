//! Measuring on a host: one command beside another, and what came out of it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::host::Host;

const STOPWATCH: &str = include_str!("stopwatch.py");
const LIMIT: Duration = Duration::from_secs(900);

/// A command to be measured.
#[derive(Clone, Debug)]
pub struct Side {
    argv: Vec<String>,
    env: Value,
    exit: i32,
    before: String,
}

/// What one run took: seconds and bytes.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    pub wall: f64,
    pub cpu: f64,
    pub peak: f64,
}

/// Runs that were measured in turn: ours, and the one beside it.
pub type Pairs = Vec<(Cost, Cost)>;

impl Side {
    pub fn of<A: Into<String>>(argv: impl IntoIterator<Item = A>) -> Self {
        Self {
            argv: argv.into_iter().map(Into::into).collect(),
            env: json!({}),
            exit: 0,
            before: String::new(),
        }
    }

    /// With this environment besides the usual one.
    pub fn env(mut self, env: Value) -> Self {
        self.env = env;
        self
    }

    /// It has to end with this code.
    pub fn exits(mut self, code: i32) -> Self {
        self.exit = code;
        self
    }

    /// With a script before each run that is not measured.
    pub fn after(mut self, script: &str) -> Self {
        self.before = script.to_owned();
        self
    }

    fn order(&self) -> Value {
        json!({"argv": self.argv, "env": self.env, "exit": self.exit, "before": self.before})
    }
}

impl Host {
    /// Runs both in turn, so many times.
    #[track_caller]
    pub fn measure(&self, rounds: usize, ours: &Side, beside: &Side) -> Pairs {
        let order = json!({"rounds": rounds, "ours": ours.order(), "beside": beside.order()});
        let stopwatch = self.command(["python3", "-c", STOPWATCH]);
        let measured = stopwatch.stdin(order.to_string()).within(LIMIT).ok();
        let pairs: Vec<[Value; 2]> = serde_json::from_str(&measured).expect("it is JSON");
        let cost = |run: &Value| {
            let number = |name: &str| run[name].as_f64().expect("it is a number");
            Cost {
                wall: number("wall"),
                cpu: number("cpu"),
                peak: number("peak"),
            }
        };
        pairs.iter().map(|[a, b]| (cost(a), cost(b))).collect()
    }
}

/// The middle of a row of figures, and its ends.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    pub median: f64,
    pub least: f64,
    pub most: f64,
}

impl Spread {
    pub fn of(figures: impl Iterator<Item = f64>) -> Self {
        let mut figures: Vec<f64> = figures.collect();
        figures.sort_by(f64::total_cmp);
        let half = figures.len() / 2;
        Self {
            median: (figures[half] + figures[figures.len() - 1 - half]) / 2.0,
            least: figures[0],
            most: figures[figures.len() - 1],
        }
    }
}
