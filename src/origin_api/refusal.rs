//! Answers that are no: what an origin, or something in its place, can say instead of yes.

use serde_json::Value;

use crate::fault::Exit;
use crate::http::Answered;

/// What an origin says, in its own words, where joining is switched off.
const DISABLED: &str = "cluster joining disabled (STREAMHUB_CLUSTER_TOKEN unset)";

/// Why a question to the origin got no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("no answer: {0}")]
    Unreachable(String),
    #[error("it answered {status}: {said}")]
    ServerError { status: u16, said: String },
    #[error("it refused the token (401): {0}")]
    BadToken(String),
    #[error("joining is disabled there (503): {DISABLED}")]
    JoiningDisabled,
    #[error("it refused the request ({status}): {said}")]
    Rejected { status: u16, said: String },
    #[error("it redirects to {0}, and a redirect never receives the token")]
    Redirected(String),
    #[error("its answer can't be used: {0}")]
    Invalid(String),
}

impl Refusal {
    /// The exit code on a node that has not joined yet.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Unreachable(_) | Self::ServerError { .. } | Self::Redirected(_) => {
                Exit::OriginUnreachable
            }
            Self::BadToken(_) | Self::JoiningDisabled => Exit::TokenRefused,
            Self::Rejected { .. } | Self::Invalid(_) => Exit::Failed,
        }
    }

    /// Whether the origin is away rather than saying no: asking again may help.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::ServerError { .. })
    }

    /// What an operator can do.
    pub fn fix(&self) -> &'static str {
        match self {
            Self::Unreachable(why) if is_about_time(why) => {
                "compare both clocks (timedatectl here and there) and the dates of the origin's certificate, then run this again"
            }
            Self::Unreachable(_) | Self::ServerError { .. } => {
                "check that the origin runs and that this host reaches it, then run this again"
            }
            Self::BadToken(_) => {
                "copy the join token again from the origin's dashboard or its .env (STREAMHUB_CLUSTER_TOKEN) and pass it with --master-token-file"
            }
            Self::JoiningDisabled => {
                "set STREAMHUB_CLUSTER_TOKEN in the origin's .env, restart its core, and run this again"
            }
            Self::Rejected { .. } => "change what it complains about and run this again",
            Self::Redirected(_) => "pass the final address with --master-url",
            Self::Invalid(_) => {
                "check that --master-url is the origin's own address and that the origin is up to date"
            }
        }
    }
}

/// Whether a certificate's time has passed, or has not come, by this host's clock: in rustls's words.
fn is_about_time(why: &str) -> bool {
    let words = ["certificate expired", "certificate not valid yet"];
    words.iter().any(|words| why.contains(words))
}

/// Sorts an answer by its status, and reads its body.
pub(super) fn judge(answered: Answered) -> Result<Value, Refusal> {
    let Answered {
        status,
        body,
        location,
        ..
    } = answered;
    let parsed = serde_json::from_slice::<Value>(&body);
    let said = || match &parsed {
        Ok(body) => own_words(body),
        Err(_) => "no JSON".to_owned(),
    };
    match status {
        200..=299 => {
            // serde's own message may quote the value it stumbled over.
            let body = parsed.map_err(|e| {
                Refusal::Invalid(format!(
                    "it is not JSON (line {}, column {})",
                    e.line(),
                    e.column()
                ))
            })?;
            if body.is_object() {
                Ok(body)
            } else {
                Err(Refusal::Invalid("it is no JSON object".to_owned()))
            }
        }
        300..=399 => Err(Refusal::Redirected(printable(
            &location.unwrap_or_default(),
        ))),
        401 => Err(Refusal::BadToken(said())),
        503 if said() == DISABLED => Err(Refusal::JoiningDisabled),
        500..=599 => Err(Refusal::ServerError {
            status,
            said: said(),
        }),
        _ => Err(Refusal::Rejected {
            status,
            said: said(),
        }),
    }
}

/// The origin's own message: `message` as text or a list, else `error`.
fn own_words(body: &Value) -> String {
    let words = match &body["message"] {
        Value::String(text) => text.clone(),
        Value::Array(list) => list
            .iter()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join("; "),
        _ => body["error"].as_str().unwrap_or("no reason").to_owned(),
    };
    printable(&words)
}

/// What others said, fit for a terminal: no control characters, not without end.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(500).collect()
}
