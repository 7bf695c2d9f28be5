//! The ways in which an origin can be told to behave.

use serde::Deserialize;
use serde_json::{Map, Value};

/// One behaviour. In JSON it is an object with `"act": "<name in snake_case>"` and the fields.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case", deny_unknown_fields)]
pub enum Act {
    /// As recorded.
    Normal,
    /// This answer; the core never sees the request.
    Status {
        status: u16,
        #[serde(default)]
        body: String,
        #[serde(default = "json_type")]
        content_type: String,
    },
    /// 301, 302, 307, 308; `location` is sent as it stands.
    Redirect { status: u16, location: String },
    /// The normal answer, this many seconds late. What was asked is done at once.
    Slow { seconds: f64 },
    /// The headers at once, then a byte of the normal body every so many seconds.
    Drip {
        #[serde(default = "one")]
        seconds: f64,
    },
    /// The headers of the normal answer, then nothing, for as long as the client stays.
    SilentAfterHeaders,
    /// Accepts and never answers. Without a path in its rule not even a TLS greeting is read.
    Silent,
    /// Closes instead of answering; without a path in its rule before anything is read.
    Close,
    /// Claims the length of the normal body, sends half of it, closes.
    Truncated,
    /// A body of 1 GiB, for as long as the client reads; with or without telling its length.
    Huge {
        #[serde(default)]
        chunked: bool,
    },
    /// An array in an array in an array.
    DeepJson {
        #[serde(default = "ten_thousand")]
        depth: usize,
    },
    /// 200 with the HTML page of a network that wants a login.
    CaptivePortal,
    /// The normal answer with `Content-Encoding: gzip`, asked for or not.
    Gzip,
    /// The normal answer to a join, with fields below `data` replaced or taken away. A name may reach down:
    /// `livekit.apiSecret`.
    JoinFields {
        #[serde(default)]
        set: Map<String, Value>,
        #[serde(default)]
        remove: Vec<String>,
    },
    /// Does what was asked, then closes without an answer.
    LoseAnswer,
    /// The normal answer with a `Date` this many seconds off.
    Skew { seconds: i64 },
}

fn json_type() -> String {
    "application/json; charset=utf-8".to_owned()
}

fn one() -> f64 {
    1.0
}

fn ten_thousand() -> usize {
    10_000
}

/// When to behave that way. The first rule that fits a request is used; where none does, the origin is normal.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Rule {
    /// Only for this path, compared without a query.
    #[serde(default)]
    pub path: Option<String>,
    /// Only for so many requests.
    #[serde(default)]
    pub times: Option<u32>,
    #[serde(flatten)]
    pub act: Act,
}

impl From<Act> for Rule {
    fn from(act: Act) -> Rule {
        Rule {
            path: None,
            times: None,
            act,
        }
    }
}

impl Rule {
    pub fn on(path: &str, act: Act) -> Rule {
        Rule {
            path: Some(path.to_owned()),
            ..act.into()
        }
    }

    #[must_use]
    pub fn times(self, times: u32) -> Rule {
        Rule {
            times: Some(times),
            ..self
        }
    }

    /// Counts one use.
    fn take(&mut self) -> Act {
        if let Some(times) = &mut self.times {
            *times -= 1;
        }
        self.act.clone()
    }
}

/// The act for a request to `path`.
pub fn next(rules: &mut [Rule], path: &str) -> Act {
    let mut fitting = rules.iter_mut().filter(|rule| {
        let fits = rule.path.as_ref().is_none_or(|wanted| wanted == path);
        fits && rule.times != Some(0)
    });
    fitting.next().map_or(Act::Normal, Rule::take)
}

/// The act for a connection of which nothing has been read yet, if it can be known already.
pub fn before_reading(rules: &mut [Rule]) -> Option<Act> {
    let first = rules.iter_mut().find(|rule| rule.times != Some(0))?;
    let blind = first.path.is_none() && matches!(first.act, Act::Silent | Act::Close);
    blind.then(|| first.take())
}
