//! What goes over the wire: the core's answer, or something in its place.

use std::io::{self, Read, Write};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::act::Act;
use super::api::JOIN;
use crate::http::{Request, Response};

const GIB: usize = 1 << 30;

/// Performs `act`; `core` makes the normal answer, and with it the change that was asked for.
pub fn perform(
    wire: &mut (impl Read + Write),
    act: &Act,
    request: &Request,
    core: impl FnOnce() -> Response,
) -> io::Result<()> {
    match act {
        Act::Normal => core().write(wire, 0),
        Act::Skew { seconds } => core().write(wire, *seconds),
        Act::Slow { seconds } => {
            let answer = core();
            thread::sleep(Duration::from_secs_f64(*seconds));
            answer.write(wire, 0)
        }
        Act::Status {
            status,
            body,
            content_type,
        } => Response::new(*status, content_type, body.as_str()).write(wire, 0),
        Act::Redirect { status, location } => {
            let answer = Response::new(*status, "text/html", "<p>moved</p>");
            answer.with("Location", location).write(wire, 0)
        }
        Act::CaptivePortal => {
            let page = "<!DOCTYPE html><html><title>Welcome</title><body>Log in to use this \
                        network</body></html>";
            Response::new(200, "text/html; charset=utf-8", page).write(wire, 0)
        }
        Act::DeepJson { depth } => {
            let body = "[".repeat(*depth) + &"]".repeat(*depth);
            Response::new(200, "application/json; charset=utf-8", body).write(wire, 0)
        }
        Act::Gzip => {
            let mut answer = core().with("Content-Encoding", "gzip");
            answer.body = gzip(&answer.body);
            answer.write(wire, 0)
        }
        Act::JoinFields { set, remove } => {
            let mut answer = core();
            if request.path() == JOIN && answer.status < 300 {
                answer.body = changed(&answer.body, set, remove);
            }
            answer.write(wire, 0)
        }
        Act::Truncated => {
            let answer = core();
            head(wire, &answer, answer.body.len())?;
            wire.write_all(&answer.body[..answer.body.len() / 2])?;
            wire.flush()
        }
        Act::Drip { seconds } => {
            let answer = core();
            head(wire, &answer, answer.body.len())?;
            for byte in &answer.body {
                thread::sleep(Duration::from_secs_f64(*seconds));
                wire.write_all(&[*byte])?;
                wire.flush()?;
            }
            Ok(())
        }
        Act::SilentAfterHeaders => {
            let answer = core();
            head(wire, &answer, answer.body.len())?;
            hold(wire);
            Ok(())
        }
        Act::Huge { chunked } => huge(wire, *chunked),
        Act::Silent => {
            hold(wire);
            Ok(())
        }
        Act::Close => Ok(()),
        Act::LoseAnswer => {
            core();
            Ok(())
        }
    }
}

/// Says nothing until the other side goes away.
pub fn hold(wire: &mut impl Read) {
    let _ = io::copy(wire, &mut io::sink());
}

fn head(wire: &mut impl Write, answer: &Response, claimed: usize) -> io::Result<()> {
    let head = answer.head(0) + &format!("Content-Length: {claimed}\r\n\r\n");
    wire.write_all(head.as_bytes())?;
    wire.flush()
}

fn huge(wire: &mut impl Write, chunked: bool) -> io::Result<()> {
    let answer = Response::new(200, "application/json; charset=utf-8", "");
    let block = vec![b'a'; 64 << 10];
    if chunked {
        let head = answer.head(0) + "Transfer-Encoding: chunked\r\n\r\n";
        wire.write_all(head.as_bytes())?;
    } else {
        head(wire, &answer, GIB)?;
    }
    for _ in 0..GIB / block.len() {
        if chunked {
            write!(wire, "{:x}\r\n", block.len())?;
            wire.write_all(&block)?;
            wire.write_all(b"\r\n")?;
        } else {
            wire.write_all(&block)?;
        }
    }
    if chunked {
        wire.write_all(b"0\r\n\r\n")?;
    }
    wire.flush()
}

fn changed(body: &[u8], set: &serde_json::Map<String, Value>, remove: &[String]) -> Vec<u8> {
    let mut body: Value = serde_json::from_slice(body).expect("the core answers in JSON");
    for (path, value) in set {
        // Indexing an object makes the entry; a parent that is no object is replaced by one.
        let mut at = &mut body["data"];
        for part in path.split('.') {
            if !at.is_object() {
                *at = json!({});
            }
            at = &mut at[part];
        }
        *at = value.clone();
    }
    for path in remove {
        let (parent, last) = path.rsplit_once('.').unwrap_or(("", path));
        let mut parents = parent.split('.').filter(|part| !part.is_empty());
        let at = parents.try_fold(&mut body["data"], |at, part| at.get_mut(part));
        if let Some(Value::Object(fields)) = at {
            fields.remove(last);
        }
    }
    body.to_string().into_bytes()
}

/// A gzip file of stored blocks: valid, and no compressor needed.
fn gzip(body: &[u8]) -> Vec<u8> {
    let mut file = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut blocks = body.chunks(0xffff).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).expect("chunks() keeps to its limit");
        file.push(u8::from(blocks.peek().is_none()));
        file.extend(length.to_le_bytes());
        file.extend((!length).to_le_bytes());
        file.extend(block);
    }
    file.extend(crc32(body).to_le_bytes());
    let length = u32::try_from(body.len()).expect("an answer is small");
    file.extend(length.to_le_bytes());
    file
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 * (crc & 1))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn computes_the_usual_checksum() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }
}
