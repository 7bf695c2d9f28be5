//! Asking a redis two things: does it answer, and does it take these credentials. Nothing else is
//! ever sent, and what comes back is read by the line and bounded.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use rustls_platform_verifier::ConfigVerifierExt;

use crate::secret::Secret;

/// For a connection and for the whole exchange each.
const LIMIT: Duration = Duration::from_secs(5);

/// No answer that counts is longer.
const LONGEST_LINE: u64 = 512;

/// Where a redis is and how one logs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redis {
    pub host: String,
    pub port: u16,
    pub tls: bool,
    pub username: Option<String>,
    pub password: Option<Secret>,
}

/// What it said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It answers, and takes these credentials or needs none.
    Pong,
    /// It answers and wants a password, and none was given.
    NeedsPassword,
    /// It refused the credentials; its own words.
    Refused(String),
    /// No connection, or nothing that redis would say; the cause in words.
    Silent(String),
}

impl Redis {
    /// `host:port`, an IPv6 address in brackets.
    pub fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// Logs in, if there is a password, and sends a PING.
    pub fn ask(&self) -> Answer {
        self.exchange()
            .unwrap_or_else(|e| Answer::Silent(describe(&e)))
    }

    fn exchange(&self) -> std::io::Result<Answer> {
        let deadline = Instant::now() + 2 * LIMIT;
        let stream = Bounded {
            stream: self.connect()?,
            deadline,
        };
        if !self.tls {
            return self.talk(stream);
        }
        let tls = ClientConfig::with_platform_verifier().map_err(std::io::Error::other)?;
        let name = ServerName::try_from(self.host.clone()).map_err(std::io::Error::other)?;
        let session = ClientConnection::new(Arc::new(tls), name).map_err(std::io::Error::other)?;
        self.talk(StreamOwned::new(session, stream))
    }

    fn connect(&self) -> std::io::Result<TcpStream> {
        let mut last = std::io::Error::other("the name has no address");
        for address in (self.host.as_str(), self.port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, LIMIT) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(LIMIT))?;
                    stream.set_write_timeout(Some(LIMIT))?;
                    return Ok(stream);
                }
                Err(e) => last = e,
            }
        }
        Err(last)
    }

    fn talk(&self, stream: impl Read + Write) -> std::io::Result<Answer> {
        let mut stream = BufReader::new(stream);
        if let Some(password) = &self.password {
            let mut auth = vec!["AUTH"];
            auth.extend(self.username.as_deref());
            auth.push(password.expose());
            let said = ask(&mut stream, &auth)?;
            if said != "+OK" {
                return Ok(match said.strip_prefix('-') {
                    Some(refusal) => Answer::Refused(refusal.to_owned()),
                    None => not_redis(&said),
                });
            }
        }
        let said = ask(&mut stream, &["PING"])?;
        Ok(match said.as_str() {
            "+PONG" => Answer::Pong,
            s if s.starts_with("-NOAUTH") => Answer::NeedsPassword,
            s => match s.strip_prefix('-') {
                Some(refusal) => Answer::Refused(refusal.to_owned()),
                None => not_redis(s),
            },
        })
    }
}

/// A connection that ends at a deadline, however slowly the other side drips, a TLS handshake included.
struct Bounded {
    stream: TcpStream,
    deadline: Instant,
}

impl Bounded {
    fn in_time(&self) -> std::io::Result<()> {
        if Instant::now() > self.deadline {
            return Err(std::io::ErrorKind::TimedOut.into());
        }
        Ok(())
    }
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.in_time()?;
        self.stream.read(buffer)
    }
}

impl Write for Bounded {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        self.in_time()?;
        self.stream.write(buffer)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.stream.flush()
    }
}

fn ask<S: Read + Write>(stream: &mut BufReader<S>, words: &[&str]) -> std::io::Result<String> {
    let mut request = format!("*{}\r\n", words.len());
    for word in words {
        request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    stream.get_mut().write_all(request.as_bytes())?;
    stream.get_mut().flush()?;
    let mut line = Vec::new();
    stream
        .by_ref()
        .take(LONGEST_LINE)
        .read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Err(std::io::Error::other("it closed the connection"));
    }
    // It is shown to people: no control characters.
    let text = String::from_utf8_lossy(&line);
    Ok(text.chars().filter(|c| !c.is_control()).collect())
}

fn not_redis(said: &str) -> Answer {
    let shown: String = said.chars().take(40).collect();
    Answer::Silent(format!("what answers there is no redis: it said {shown:?}"))
}

fn describe(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        std::io::ErrorKind::TimedOut | std::io::ErrorKind::WouldBlock => {
            format!("no answer within {} s", LIMIT.as_secs())
        }
        _ => error.to_string(),
    }
}
