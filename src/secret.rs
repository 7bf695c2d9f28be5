//! Values that must never be shown: redacted when printed, and known to the filter that every
//! line of output passes.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::fault::Result;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// What stands in the place of a secret.
pub const REDACTED: &str = "(secret)";

/// Shorter values are not searched for: they stand in ordinary text by accident.
const SHORTEST_SEARCHED: usize = 4;

static KNOWN: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn known() -> MutexGuard<'static, Vec<String>> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A secret value. Its `Display` and `Debug` are redacted; making one teaches [`redact`] its value.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a value in, and from then on no output shows it, plain or percent-encoded.
    pub fn new(value: impl Into<String>) -> Self {
        let value = value.into();
        if value.len() >= SHORTEST_SEARCHED {
            let encoded = utf8_percent_encode(&value, NON_ALPHANUMERIC).to_string();
            let mut known = known();
            for form in [value.clone(), encoded] {
                if !known.contains(&form) {
                    known.push(form);
                }
            }
            // A secret can hold another one: the longest is replaced first.
            known.sort_by_key(|form| std::cmp::Reverse(form.len()));
        }
        Self(value)
    }

    /// A new one: `prefix` and so many random letters and digits. It starts with a letter, since YAML takes some
    /// texts that start with a digit for numbers.
    ///
    /// # Errors
    /// If the kernel gives no random bytes.
    pub fn generate(prefix: &str, length: usize) -> Result<Self> {
        let alphabet: Vec<char> = ('a'..='z').chain('A'..='Z').chain('0'..='9').collect();
        let mut value = prefix.to_owned();
        while value.len() < prefix.len() + length {
            let mut byte = [0];
            getrandom::fill(&mut byte)
                .map_err(|e| anyhow::anyhow!("the kernel gives no random bytes: {e}"))?;
            // Bytes past the last whole multiple are thrown away: every character is as likely as every other.
            let allowed = if value.is_empty() { 52 } else { alphabet.len() };
            let index = usize::from(byte[0]);
            if index < 256 / allowed * allowed {
                value.push(alphabet[index % allowed]);
            }
        }
        Ok(Self::new(value))
    }

    /// A value that is none yet, such as a place holder: nothing is searched for it.
    pub fn unregistered(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

/// Replaces every known secret in a text.
pub fn redact(text: &str) -> String {
    known()
        .iter()
        .filter(|secret| text.contains(secret.as_str()))
        .fold(None::<String>, |done, secret| {
            Some(
                done.as_deref()
                    .unwrap_or(text)
                    .replace(secret.as_str(), REDACTED),
            )
        })
        .unwrap_or_else(|| text.to_owned())
}

/// Replaces every known secret in the texts of a JSON value, and leaves its form alone.
pub fn redact_json(value: &mut serde_json::Value) {
    use serde_json::Value;
    match value {
        Value::String(text) => *text = redact(text),
        Value::Array(items) => items.iter_mut().for_each(redact_json),
        Value::Object(fields) => fields.values_mut().for_each(redact_json),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_redacted_in_every_form() {
        let secret = Secret::new("Example/Pass+1");
        assert_eq!(format!("{secret} {secret:?}"), "(secret) (secret)");
        assert_eq!(
            redact("plain Example/Pass+1, encoded Example%2FPass%2B1."),
            "plain (secret), encoded (secret)."
        );
    }

    #[test]
    fn a_generated_secret_has_its_form() {
        for _ in 0..200 {
            let secret = Secret::generate("", 32).unwrap();
            assert_eq!(secret.expose().len(), 32);
            assert!(
                secret
                    .expose()
                    .starts_with(|c: char| c.is_ascii_alphabetic())
            );
            assert!(secret.expose().chars().all(|c| c.is_ascii_alphanumeric()));
        }
        let token = Secret::generate("clt_", 32).unwrap();
        assert!(token.expose().starts_with("clt_") && token.expose().len() == 36);
        assert_ne!(token, Secret::generate("clt_", 32).unwrap());
    }

    #[test]
    fn a_secret_inside_another_leaves_no_rest() {
        Secret::new("ExampleInner");
        Secret::new("redis://:ExampleInner@10.0.0.1");
        assert_eq!(
            redact("url redis://:ExampleInner@10.0.0.1!"),
            "url (secret)!"
        );
    }
}
