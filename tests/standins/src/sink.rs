//! A host that answers everything alike and remembers who called.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::Serialize;

use crate::http::{Request, Response};
use crate::server::{Server, lock};

/// One connection that was seen, and what was asked over it.
#[derive(Debug, Clone, Serialize)]
pub struct Seen {
    /// Address and port.
    pub peer: String,
    /// `-` when the connection was closed unread, or was not HTTP.
    pub method: String,
    /// As sent, with its query.
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Seen {
    pub(crate) fn unread(peer: &str) -> Seen {
        Seen {
            peer: peer.to_owned(),
            method: "-".to_owned(),
            path: "-".to_owned(),
            headers: Vec::new(),
            body: String::new(),
        }
    }

    pub(crate) fn new(peer: &str, request: &Request) -> Seen {
        Seen {
            peer: peer.to_owned(),
            method: request.method.clone(),
            path: request.target.clone(),
            headers: request.headers.clone(),
            body: String::from_utf8_lossy(&request.body).into_owned(),
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let named = |(key, _): &&(String, String)| key.eq_ignore_ascii_case(name);
        self.headers.iter().find(named).map(|(_, v)| v.as_str())
    }

    /// Whether `text` occurs anywhere in what was sent: a token, say.
    pub fn mentions(&self, text: &str) -> bool {
        self.path.contains(text)
            || self.body.contains(text)
            || self.headers.iter().any(|(_, value)| value.contains(text))
    }
}

pub(crate) fn peer_of(stream: &TcpStream) -> String {
    match stream.peer_addr() {
        Ok(peer) => peer.to_string(),
        Err(_) => "gone".to_owned(),
    }
}

/// Logs every request. Use it as the host a redirect points to, as a proxy that must see nothing, or, with
/// a fixed answer, as the service that tells a host its public address.
pub struct Sink {
    server: Server,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Sink {
    /// Answers 200 with an empty body, on a free port of 127.0.0.1.
    pub fn start() -> io::Result<Sink> {
        Sink::answering(200, "text/plain", "")
    }

    /// Answers every request with this.
    pub fn answering(status: u16, content_type: &str, body: &str) -> io::Result<Sink> {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let answer = Response::new(status, content_type, body);
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = Server::start(any, {
            let seen = seen.clone();
            move |mut stream: TcpStream| {
                let peer = peer_of(&stream);
                let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
                let request = Request::read(&mut stream);
                lock(&seen).push(match &request {
                    Ok(request) => Seen::new(&peer, request),
                    Err(_) => Seen::unread(&peer),
                });
                if request.is_ok() {
                    let _ = answer.write(&mut stream, 0);
                }
            }
        })?;
        Ok(Sink { server, seen })
    }

    pub fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// Without a slash at its end.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr())
    }

    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.seen).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http;

    #[test]
    fn remembers_what_it_was_asked() {
        let sink = Sink::answering(200, "text/plain", "203.0.113.10").unwrap();
        let sent = [("X-Cluster-Token", "clt_Example")];
        let answer =
            http::send(sink.addr(), "GET", "http://other.example/a?b", &sent, b"").unwrap();
        assert_eq!(answer.body, b"203.0.113.10");
        let seen = sink.seen();
        assert_eq!(seen[0].path, "http://other.example/a?b");
        assert_eq!(seen[0].header("x-cluster-token"), Some("clt_Example"));
        assert!(seen[0].mentions("clt_Example") && !seen[0].mentions("sk_"));
    }
}
