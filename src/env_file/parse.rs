//! Reading by compose's rules: comments, `export`, `KEY: value`, quotes over several lines, `$NAME`.

use std::collections::HashMap;

use super::{Line, Pair, Value};

/// A line's number, from 1, and what is wrong with it.
type Refusal = (usize, String);

pub(super) fn parse(bytes: &[u8]) -> Result<Vec<Line>, Refusal> {
    let number_at = |at: usize| bytes[..at].iter().filter(|b| **b == b'\n').count() + 1;
    if let Some(at) = bytes.iter().position(|b| *b == 0) {
        return Err((number_at(at), "holds a NUL byte".to_owned()));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|e| (number_at(e.valid_up_to()), "is not UTF-8".to_owned()))?;
    let mut rest = text;
    let mut number = 1;
    let mut known = HashMap::new();
    let mut lines = Vec::new();
    while !rest.is_empty() {
        let (length, pair) = line(rest, &known).map_err(|what| (number, what))?;
        let (raw, after) = rest.split_at(length);
        if let Some(pair) = &pair
            && let Value::Text(value) = &pair.value
        {
            known.insert(pair.key.clone(), value.clone());
        }
        number += raw.matches('\n').count();
        lines.push(Line {
            raw: raw.to_owned(),
            pair,
        });
        rest = after;
    }
    Ok(lines)
}

/// One line at the start of `text`: its length in bytes with its line end, and what it assigns.
fn line(text: &str, known: &HashMap<String, String>) -> Result<(usize, Option<Pair>), String> {
    let first = text.find('\n').map_or(text.len(), |i| i + 1);
    let body = text[..first].trim_start_matches('\u{feff}').trim();
    if body.is_empty() || body.starts_with('#') {
        return Ok((first, None));
    }
    let body = body.strip_prefix("export ").map_or(body, str::trim_start);
    let Some(sign) = body.find(['=', ':']) else {
        // A name alone takes its value from the environment, and ours is empty.
        return if is_key(body) {
            Ok((first, None))
        } else {
            Err(not_an_assignment())
        };
    };
    let key = body[..sign].trim_end();
    if !is_key(key) {
        return Err(not_an_assignment());
    }
    let assigns = |value| {
        Some(Pair {
            key: key.to_owned(),
            value,
        })
    };
    // Where the value starts in `text`: `body` is a slice of it.
    let start = body.as_ptr() as usize - text.as_ptr() as usize + sign + 1;
    let blank = text[start..first].len() - text[start..first].trim_start().len();
    let value = &text[start + blank..];
    let Some(quote) = value.chars().next().filter(|c| matches!(c, '\'' | '"')) else {
        return Ok((first, assigns(expand(bare(&text[start..first]), known))));
    };
    let close = closing(&value[1..], quote)
        .ok_or_else(|| format!("opens a {quote} that is never closed"))?;
    let inner = &value[1..=close];
    let after = start + blank + close + 2;
    let end = text[after..]
        .find('\n')
        .map_or(text.len(), |i| after + i + 1);
    let tail = text[after..end].trim();
    if !tail.is_empty() && !tail.starts_with('#') {
        return Err("goes on after a closing quote".to_owned());
    }
    let value = if quote == '\'' {
        Value::Text(inner.replace("\\'", "'"))
    } else {
        expand(&unescape(inner), known)
    };
    Ok((end, assigns(value)))
}

fn not_an_assignment() -> String {
    "is no assignment of the form KEY=value".to_owned()
}

fn is_key(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_.-[]".contains(c))
}

/// An unquoted value ends at the line's end or before ` #`.
fn bare(text: &str) -> &str {
    let value = text.trim_start();
    let end = value.find(" #").unwrap_or(value.len());
    value[..end].trim_end()
}

/// The offset of the closing quote, one that no backslash stands before.
fn closing(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    text.char_indices()
        .find(|(_, c)| {
            let closes = *c == quote && !escaped;
            escaped = *c == '\\' && !escaped;
            closes
        })
        .map(|(at, _)| at)
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (_, true) => match chars.next() {
                Some('n') => out.push('\n'),
                Some('r') => out.push('\r'),
                Some('t') => out.push('\t'),
                // Kept for the substitution, which takes it for a literal dollar.
                Some('$') => out.push_str("\\$"),
                Some(other) => out.push(other),
                None => out.push('\\'),
            },
            (c, false) => out.push(c),
        }
    }
    out
}

/// Puts in what the lines above have set; what is not set is empty, as in our cleaned environment.
fn expand(text: &str, known: &HashMap<String, String>) -> Value {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        if rest[..at].ends_with('\\') {
            out.push_str(&rest[..at - 1]);
            out.push('$');
            rest = &rest[at + 1..];
            continue;
        }
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let braced = rest.strip_prefix('{');
        let name_at = braced.unwrap_or(rest);
        let length = name_at
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .unwrap_or(name_at.len());
        let name = &name_at[..length];
        rest = &name_at[length..];
        if braced.is_some() {
            let Some(after) = rest.strip_prefix('}') else {
                return Value::Unresolved;
            };
            rest = after;
        } else if name.is_empty() {
            out.push('$');
        }
        out.push_str(known.get(name).map_or("", String::as_str));
    }
    out.push_str(rest);
    Value::Text(out)
}
