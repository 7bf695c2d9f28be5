//! As much HTTP/1.1 as the tests need, by hand, since the stand-ins must be able to break it.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use crate::moment;

/// More than any client here has reason to send.
const MAX_BODY: usize = 4 << 20;
const MAX_HEADERS: usize = 100;

#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    /// As sent: with its query, and absolute when it was sent to a proxy.
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let of_that_name = |(key, _): &&(String, String)| key.eq_ignore_ascii_case(name);
    headers
        .iter()
        .find(of_that_name)
        .map(|(_, value)| value.as_str())
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

fn line(from: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    from.by_ref().take(16 << 10).read_line(&mut line)?;
    match line.strip_suffix('\n') {
        Some(line) => Ok(line.trim_end_matches('\r').to_owned()),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

fn headers(from: &mut impl BufRead) -> io::Result<Vec<(String, String)>> {
    let mut headers = Vec::new();
    loop {
        let line = line(from)?;
        if line.is_empty() {
            return Ok(headers);
        }
        let (name, value) = line.split_once(':').ok_or_else(|| bad("a header"))?;
        headers.push((name.to_owned(), value.trim().to_owned()));
        if headers.len() > MAX_HEADERS {
            return Err(bad("too many headers"));
        }
    }
}

fn exactly(from: &mut impl Read, length: usize) -> io::Result<Vec<u8>> {
    if length > MAX_BODY {
        return Err(bad("body too large"));
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    Ok(body)
}

fn chunks(from: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = line(from)?;
        let size = size.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).map_err(|_| bad("a chunk size"))?;
        if body.len() + size.min(MAX_BODY) > MAX_BODY {
            return Err(bad("body too large"));
        }
        if size == 0 {
            headers(from)?;
            return Ok(body);
        }
        body.extend(exactly(from, size)?);
        line(from)?;
    }
}

fn is_chunked(headers: &[(String, String)]) -> bool {
    find(headers, "Transfer-Encoding").is_some_and(|v| v.eq_ignore_ascii_case("chunked"))
}

impl Request {
    pub fn read(from: &mut impl Read) -> io::Result<Request> {
        let from = &mut BufReader::new(from);
        let first = line(from)?;
        let mut words = first.split(' ');
        let (Some(method), Some(target), Some(version)) =
            (words.next(), words.next(), words.next())
        else {
            return Err(bad("the request line"));
        };
        if !version.starts_with("HTTP/1.") {
            return Err(bad("the protocol"));
        }
        let headers = headers(from)?;
        let body = if is_chunked(&headers) {
            chunks(from)?
        } else {
            let length = find(&headers, "Content-Length").unwrap_or("0");
            exactly(from, length.parse().map_err(|_| bad("a length"))?)?
        };
        Ok(Request {
            method: method.to_owned(),
            target: target.to_owned(),
            headers,
            body,
        })
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// The target without its query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }
}

#[derive(Debug, Clone)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Response {
        Response {
            status,
            headers: vec![("Content-Type".to_owned(), content_type.to_owned())],
            body: body.into(),
        }
    }

    pub fn json(status: u16, body: &impl serde::Serialize) -> Response {
        let body = serde_json::to_vec(body).expect("our own types have a JSON form");
        Response::new(status, "application/json; charset=utf-8", body)
    }

    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Response {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// Whether the connection speaks another protocol from here on; the body is its first words.
    pub fn switches(&self) -> bool {
        self.status == 101
    }

    /// The status line and the headers, `Date` shifted by `skew` seconds, without a length: the caller
    /// decides what to claim about the body.
    pub fn head(&self, skew: i64) -> String {
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        head += &format!("Date: {}\r\n", moment::http_date(skew));
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        if self.switches() {
            return head;
        }
        head + "Connection: close\r\n"
    }

    pub fn write(&self, to: &mut impl Write, skew: i64) -> io::Result<()> {
        let mut bytes = self.head(skew);
        if !self.switches() {
            bytes += &format!("Content-Length: {}\r\n", self.body.len());
        }
        bytes += "\r\n";
        to.write_all(bytes.as_bytes())?;
        to.write_all(&self.body)?;
        to.flush()
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        101 => "Switching Protocols",
        200 => "OK",
        201 => "Created",
        301 => "Moved Permanently",
        302 => "Found",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        404 => "Not Found",
        413 => "Payload Too Large",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "Status",
    }
}

/// One request over a plain connection, for tests that have no HTTP client of their own.
///
/// Fails when nothing is read for ten seconds, or when the answer ends early.
pub fn send(
    addr: impl ToSocketAddrs,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<Response> {
    let mut stream = TcpStream::connect(addr)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    exchange(&mut stream, method, target, headers, body)
}

/// The same over a connection that the caller made.
pub fn exchange(
    stream: &mut (impl Read + Write),
    method: &str,
    target: &str,
    more: &[(&str, &str)],
    body: &[u8],
) -> io::Result<Response> {
    let mut head = format!("{method} {target} HTTP/1.1\r\nHost: stand-in\r\n");
    for (name, value) in more {
        head += &format!("{name}: {value}\r\n");
    }
    head += &format!("Content-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    stream.flush()?;

    let from = &mut BufReader::new(stream);
    let first = line(from)?;
    let status = first.split(' ').nth(1).and_then(|word| word.parse().ok());
    let status = status.ok_or_else(|| bad("the status line"))?;
    let headers = headers(from)?;
    let body = if is_chunked(&headers) {
        chunks(from)?
    } else if let Some(length) = find(&headers, "Content-Length") {
        exactly(from, length.parse().map_err(|_| bad("a length"))?)?
    } else {
        let mut rest = Vec::new();
        from.take(MAX_BODY as u64).read_to_end(&mut rest)?;
        rest
    };
    Ok(Response {
        status,
        headers,
        body,
    })
}
