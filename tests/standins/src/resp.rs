//! redis's protocol, both ways.

use std::io::{self, BufRead, Read};

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

fn line(from: &mut impl BufRead) -> io::Result<String> {
    let mut bytes = Vec::new();
    from.by_ref().take(16 << 10).read_until(b'\n', &mut bytes)?;
    if bytes.pop() != Some(b'\n') {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let line = String::from_utf8(bytes).map_err(|_| bad("not a line of text"))?;
    Ok(line.trim_end_matches('\r').to_owned())
}

/// A command, as an array of bulk strings or typed by hand; `None` when the client has gone.
pub fn read_command(from: &mut impl BufRead) -> io::Result<Option<Vec<String>>> {
    if from.fill_buf()?.is_empty() {
        return Ok(None);
    }
    let first = line(from)?;
    let Some(count) = first.strip_prefix('*') else {
        return Ok(Some(first.split_whitespace().map(str::to_owned).collect()));
    };
    let count: usize = count.parse().map_err(|_| bad("an array's length"))?;
    let words = (0..count.min(64)).map(|_| {
        let length = line(from)?;
        let length = length.strip_prefix('$').and_then(|n| n.parse().ok());
        let length: usize = length.ok_or_else(|| bad("a string's length"))?;
        let mut word = vec![0; length.min(64 << 10)];
        from.read_exact(&mut word)?;
        line(from)?;
        Ok(String::from_utf8_lossy(&word).into_owned())
    });
    words.collect::<io::Result<_>>().map(Some)
}

/// A command as a client sends it.
pub fn command(words: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len());
    for word in words {
        bytes += &format!("${}\r\n{word}\r\n", word.len());
    }
    bytes.into_bytes()
}

/// A reply of one line: `Ok` for `+…`, `Err` for `-…` inside.
pub fn read_reply(from: &mut impl BufRead) -> io::Result<Result<String, String>> {
    let line = line(from)?;
    match line.split_at_checked(1) {
        Some(("+", text)) => Ok(Ok(text.to_owned())),
        Some(("-", text)) => Ok(Err(text.to_owned())),
        _ => Err(bad("not a redis reply")),
    }
}
