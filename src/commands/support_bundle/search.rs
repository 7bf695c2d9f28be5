//! Finding secrets in whatever form this program, or one that it asks, may have written them.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::secret::REDACTED;

/// Shorter values stand in ordinary text by accident.
const SHORTEST: usize = 4;

/// What stands escaped where only what an address can't hold is.
const SOME: &AsciiSet = &CONTROLS
    .add(b'/')
    .add(b'@')
    .add(b':')
    .add(b'+')
    .add(b'"')
    .add(b' ');

/// Every form of every secret, the longest first: a secret can hold another one.
pub(super) struct Search {
    forms: Vec<Vec<u8>>,
    secrets: usize,
}

impl Search {
    /// For these values, and whatever else has become known to be secret.
    pub(super) fn of(secrets: impl IntoIterator<Item = String>) -> Self {
        let mut secrets: Vec<String> = secrets
            .into_iter()
            .filter(|secret| secret.len() >= SHORTEST)
            .collect();
        secrets.sort();
        secrets.dedup();
        let mut forms: Vec<Vec<u8>> = secrets.iter().flat_map(|secret| forms(secret)).collect();
        forms.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        forms.dedup();
        Self {
            forms,
            secrets: secrets.len(),
        }
    }

    /// How many secrets are looked for.
    pub(super) fn secrets(&self) -> usize {
        self.secrets
    }

    /// Whether one is in it, in any form.
    pub(super) fn finds(&self, bytes: &[u8]) -> bool {
        self.forms
            .iter()
            .any(|form| position(bytes, form).is_some())
    }

    /// The same without secrets; `None` where one is left.
    pub(super) fn cleaned(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut clean = bytes.to_vec();
        for form in &self.forms {
            clean = replaced(clean, form);
        }
        // What stands around a secret may be another one's rest.
        (!self.finds(&clean)).then_some(clean)
    }
}

fn forms(secret: &str) -> Vec<Vec<u8>> {
    let json = serde_json::Value::from(secret).to_string();
    let percent = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
    let mut forms = vec![
        secret.as_bytes().to_vec(),
        json.as_bytes()[1..json.len() - 1].to_vec(),
        percent.to_ascii_lowercase().into_bytes(),
        percent.into_bytes(),
        // What only escapes what an address can't hold.
        utf8_percent_encode(secret, SOME).to_string().into_bytes(),
    ];
    for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
        // Where something stands before it, as in `user:password`, it falls on other bits.
        for before in 0..3 {
            let text = engine.encode([vec![0; before], secret.as_bytes().to_vec()].concat());
            // The ends share their bits with what stands beside them.
            let begin = [0, 2, 3][before];
            let end = text.len() - usize::from(!(before + secret.len()).is_multiple_of(3));
            if end.saturating_sub(begin) >= SHORTEST {
                forms.push(text.as_bytes()[begin..end].to_vec());
            }
        }
    }
    forms
}

fn position(bytes: &[u8], form: &[u8]) -> Option<usize> {
    let first = *form.first()?;
    let mut from = 0;
    while let Some(next) = bytes[from..].iter().position(|byte| *byte == first) {
        let at = from + next;
        if bytes[at..].starts_with(form) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

fn replaced(bytes: Vec<u8>, form: &[u8]) -> Vec<u8> {
    let mut rest = bytes.as_slice();
    let Some(_) = position(rest, form) else {
        return bytes;
    };
    let mut clean = Vec::with_capacity(bytes.len());
    while let Some(at) = position(rest, form) {
        clean.extend_from_slice(&rest[..at]);
        clean.extend_from_slice(REDACTED.as_bytes());
        rest = &rest[at + form.len()..];
    }
    clean.extend_from_slice(rest);
    clean
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD;

    #[test]
    fn a_secret_is_found_in_every_form_and_wherever_it_stands() {
        let secret = "Ex/am\"ple+Pass";
        let search = Search::of([secret.to_owned(), "abc".to_owned()]);
        assert_eq!(search.secrets(), 1);
        let encoded =
            |before: &str, after: &str| STANDARD.encode(format!("{before}{secret}{after}"));
        for text in [
            secret.to_owned(),
            serde_json::json!({ "a": secret }).to_string(),
            "redis://:Ex%2Fam%22ple%2BPass@10.0.0.1".to_owned(),
            "ex%2fam%22ple%2bpass".to_owned(),
            encoded("", ""),
            encoded("a", ""),
            encoded("ab", "c"),
            encoded("user:", "\n"),
            encoded("abcd", "abcd"),
        ] {
            let text = format!("before {text} after");
            assert!(search.finds(text.as_bytes()), "{text}");
            let clean = search
                .cleaned(text.as_bytes())
                .expect("it can be taken out");
            let clean = String::from_utf8(clean).expect("it is text");
            assert!(
                !search.finds(clean.as_bytes()) && clean.contains(REDACTED),
                "{clean}"
            );
            assert!(
                clean.starts_with("before ") && clean.ends_with(" after"),
                "{clean}"
            );
        }
        assert!(!search.finds(b"Ex/am\"ple+Pas"));
    }

    #[test]
    fn what_its_own_mark_brings_back_is_left_out() {
        let search = Search::of(["(secret)".to_owned(), "ExampleInner".to_owned()]);
        assert!(search.cleaned(b"an ExampleInner one").is_none());
    }
}
