//! `.env` files: read by docker compose's rules, edited without touching a byte that need not change.
//!
//! What compose, dotenvy, systemd and sh make of one line differs; a value in single quotes without
//! `'`, `\`, control characters and Unicode's noncharacters reads the same everywhere, and so that is what is written.

mod parse;

use anyhow::Context;

use crate::fault::{Exit, Fault, Result};

/// A `.env` file in memory.
#[derive(Clone, Debug, Default)]
pub struct EnvFile {
    lines: Vec<Line>,
}

/// One line, or the several lines of a quoted value, with their line ends.
#[derive(Clone, Debug)]
struct Line {
    raw: String,
    /// What it assigns, if it assigns.
    pair: Option<Pair>,
}

#[derive(Clone, Debug)]
struct Pair {
    key: String,
    value: Value,
}

/// What compose makes of the right-hand side.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Text(String),
    /// Something that only compose itself can resolve, such as `${X:?}`: an error if it is asked for.
    Unresolved,
}

impl EnvFile {
    /// Reads a file's bytes.
    ///
    /// # Errors
    /// [`Exit::NotReady`] with the line's number, for a NUL, bytes that are no UTF-8, a quote that is
    /// never closed, or a line that is no assignment.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        parse::parse(bytes)
            .map(|lines| Self { lines })
            .map_err(|(line, what)| {
                Fault::new(Exit::NotReady, format!("line {line} {what}"))
                    .fix("mend that line; nothing in the file was changed")
                    .into()
            })
    }

    /// A key's value as compose reads it: the last of duplicates wins, an empty one counts as unset.
    ///
    /// # Errors
    /// If the value uses a substitution that only compose resolves.
    pub fn get(&self, key: &str) -> Result<Option<&str>> {
        match self
            .pairs()
            .rev()
            .find(|pair| pair.key == key)
            .map(|pair| &pair.value)
        {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text.as_str()).filter(|t| !t.is_empty())),
            Some(Value::Unresolved) => Err(Fault::new(
                Exit::NotReady,
                format!("the value of {key} uses a substitution that only compose resolves"),
            )
            .fix(format!("write the value of {key} out"))
            .into()),
        }
    }

    /// Every key with its value as compose reads it, in their order, duplicates included; without what only compose
    /// can resolve.
    pub fn values(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs().filter_map(|pair| match &pair.value {
            Value::Text(text) => Some((pair.key.as_str(), text.as_str())),
            Value::Unresolved => None,
        })
    }

    /// Whether it assigns the key, be it to nothing.
    pub fn has(&self, key: &str) -> bool {
        self.pairs().any(|pair| pair.key == key)
    }

    /// Sets a key in its place, or at the end. An equal value changes nothing; where the key stood
    /// several times, one line is left, since readers differ in which they take.
    ///
    /// # Errors
    /// If the value can't be written so that every reader takes it for the same.
    pub fn set(&mut self, key: &str, value: &str) -> Result<()> {
        if self.get(key).ok().flatten() == Some(value) {
            return Ok(());
        }
        let assignment = format!("{key}={}", quote(key, value)?);
        read_back(key, value, &assignment)?;
        let places: Vec<usize> = (0..self.lines.len())
            .filter(|i| self.assigns(*i, key))
            .collect();
        let pair = Some(Pair {
            key: key.to_owned(),
            value: Value::Text(value.to_owned()),
        });
        let Some((last, earlier)) = places.split_last() else {
            self.append(assignment, pair);
            return Ok(());
        };
        let end = line_end(&self.lines[*last].raw);
        self.lines[*last] = Line {
            raw: format!("{assignment}{end}"),
            pair,
        };
        for place in earlier.iter().rev() {
            self.lines.remove(*place);
        }
        Ok(())
    }

    /// Takes a key out.
    pub fn remove(&mut self, key: &str) {
        self.lines
            .retain(|line| line.pair.as_ref().is_none_or(|pair| pair.key != key));
    }

    /// The file's text.
    pub fn text(&self) -> String {
        self.lines.iter().map(|line| line.raw.as_str()).collect()
    }

    /// What it assigns, a line each, without comments: for a digest.
    pub fn assignments(&self) -> String {
        let pairs = self
            .pairs()
            .map(|pair| format!("{}={:?}\n", pair.key, pair.value));
        pairs.collect()
    }

    /// The text with the value of every key that `is_secret` names masked by `mask`, for diffs. Every line ends: one
    /// that gets a line behind it is none that changes, and may be an operator's own secret.
    pub fn masked(
        &self,
        is_secret: impl Fn(&str) -> bool,
        mask: impl Fn(&str) -> String,
    ) -> String {
        self.lines
            .iter()
            .map(|line| {
                let text = match &line.pair {
                    Some(pair) if is_secret(&pair.key) => {
                        format!("{}={}{}", pair.key, mask(&pair.key), line_end(&line.raw))
                    }
                    _ => line.raw.clone(),
                };
                let end = if line_end(&text).is_empty() { "\n" } else { "" };
                text + end
            })
            .collect()
    }

    fn pairs(&self) -> impl DoubleEndedIterator<Item = &Pair> {
        self.lines.iter().filter_map(|line| line.pair.as_ref())
    }

    fn assigns(&self, index: usize, key: &str) -> bool {
        self.lines[index]
            .pair
            .as_ref()
            .is_some_and(|pair| pair.key == key)
    }

    fn append(&mut self, assignment: String, pair: Option<Pair>) {
        let end = match self.lines.last_mut() {
            None => "\n",
            Some(last) => {
                if line_end(&last.raw).is_empty() {
                    last.raw.push('\n');
                }
                line_end(&last.raw)
            }
        };
        self.lines.push(Line {
            raw: format!("{assignment}{end}"),
            pair,
        });
    }
}

fn line_end(raw: &str) -> &'static str {
    if raw.ends_with("\r\n") {
        "\r\n"
    } else if raw.ends_with('\n') {
        "\n"
    } else {
        ""
    }
}

/// Writes a value so that compose, dotenvy, systemd and sh agree on it.
fn quote(key: &str, value: &str) -> Result<String> {
    let bare = |c: char| c.is_ascii_alphanumeric() || "_./:@%+,=-".contains(c);
    if value.chars().all(bare) {
        return Ok(value.to_owned());
    }
    let differs = |c: &char| c.is_control() || "'\\".contains(*c) || is_noncharacter(*c);
    if let Some(c) = value.chars().find(differs) {
        return Err(Fault::new(
            Exit::Usage,
            format!("the value for {key} holds {c:?}, which not every reader of .env files takes for the same"),
        )
        .fix(format!("choose a value for {key} without single quotes, backslashes, control characters and noncharacters"))
        .into());
    }
    Ok(format!("'{value}'"))
}

/// One that Unicode keeps from being a character: systemd refuses a whole file for it.
fn is_noncharacter(c: char) -> bool {
    let c = u32::from(c);
    (0xfdd0..=0xfdef).contains(&c) || c & 0xfffe == 0xfffe
}

/// What is about to be written is read by an independent reader first.
fn read_back(key: &str, value: &str, assignment: &str) -> Result<()> {
    let read = dotenvy::from_read_iter(assignment.as_bytes())
        .next()
        .with_context(|| format!("{key} reads back as nothing"))?
        .with_context(|| format!("{key} does not read back"))?;
    anyhow::ensure!(
        read == (key.to_owned(), value.to_owned()),
        "{key} reads back as another value"
    );
    Ok(())
}

#[cfg(test)]
mod tests;
