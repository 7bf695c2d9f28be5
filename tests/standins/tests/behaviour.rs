//! Each way of misbehaving, seen from a client.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use standins::{Act, Config, Origin, Rotation, Rule, Sink, http};

const JOIN: &str = "/api/v1/cluster/join";
const HEALTH: &str = "/api/v1/health";

fn origin() -> Origin {
    Origin::start(Config::default()).unwrap()
}

fn health(origin: &Origin) -> std::io::Result<http::Response> {
    http::send(origin.addr(), "GET", HEALTH, &[], b"")
}

fn join(origin: &Origin, name: &str) -> std::io::Result<http::Response> {
    let headers = [
        ("X-Cluster-Token", "clt_exampletoken"),
        ("Content-Type", "application/json"),
    ];
    let body = json!({ "name": name, "ip": "203.0.113.10" }).to_string();
    http::send(origin.addr(), "POST", JOIN, &headers, body.as_bytes())
}

fn body(answer: &http::Response) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

/// A request sent, the answer left to the caller.
fn asked(origin: &Origin, patience: Duration) -> TcpStream {
    let mut stream = TcpStream::connect(origin.addr()).unwrap();
    stream.set_read_timeout(Some(patience)).unwrap();
    write!(stream, "GET {HEALTH} HTTP/1.1\r\nHost: origin\r\n\r\n").unwrap();
    stream
}

fn read_until_silence(stream: &mut TcpStream) -> (String, bool) {
    let mut text = String::new();
    let mut bytes = [0; 4096];
    loop {
        match stream.read(&mut bytes) {
            Ok(0) => return (text, true),
            Ok(n) => text += &String::from_utf8_lossy(&bytes[..n]),
            Err(error) => {
                let waiting = [ErrorKind::WouldBlock, ErrorKind::TimedOut];
                return (text, !waiting.contains(&error.kind()));
            }
        }
    }
}

#[test]
fn answers_what_it_is_told_for_one_path_and_so_often() {
    let origin = origin();
    let act = Act::Status {
        status: 502,
        body: "<h1>Bad Gateway</h1>".to_owned(),
        content_type: "text/html".to_owned(),
    };
    origin.control().behave(Rule::on(JOIN, act).times(2));
    assert_eq!(health(&origin).unwrap().status, 200);
    assert_eq!(join(&origin, "edge-1").unwrap().status, 502);
    assert_eq!(join(&origin, "edge-1").unwrap().status, 502);
    assert_eq!(join(&origin, "edge-1").unwrap().status, 201);
}

#[test]
fn redirects() {
    let (origin, sink) = (origin(), Sink::start().unwrap());
    for status in [301, 302, 307, 308] {
        let location = sink.url() + "/elsewhere";
        origin.control().behave(Act::Redirect { status, location });
        let answer = health(&origin).unwrap();
        assert_eq!(answer.status, status);
        assert_eq!(
            answer.header("Location"),
            Some(&*(sink.url() + "/elsewhere"))
        );
    }
    assert!(sink.seen().is_empty());
}

#[test]
fn is_slow() {
    let origin = origin();
    origin.control().behave(Act::Slow { seconds: 0.3 });
    let start = Instant::now();
    assert_eq!(health(&origin).unwrap().status, 200);
    assert!(start.elapsed() >= Duration::from_millis(300));
}

#[test]
fn drips() {
    let origin = origin();
    origin.control().behave(Act::Drip { seconds: 0.01 });
    let start = Instant::now();
    assert_eq!(body(&health(&origin).unwrap())["status"], "ok");
    assert!(start.elapsed() >= Duration::from_millis(500));
}

#[test]
fn keeps_silent() {
    let origin = origin();
    let patience = Duration::from_millis(200);
    origin.control().behave(Act::SilentAfterHeaders);
    let (text, closed) = read_until_silence(&mut asked(&origin, patience));
    assert!(text.ends_with("\r\n\r\n") && !closed, "{text}");

    for rule in [Act::Silent.into(), Rule::on(HEALTH, Act::Silent)] {
        origin.control().behave(rule);
        let (text, closed) = read_until_silence(&mut asked(&origin, patience));
        assert!(text.is_empty() && !closed, "{text}");
    }
    assert_eq!(origin.control().log().len(), 3);
}

#[test]
fn closes_and_cuts_short() {
    let origin = origin();
    let patience = Duration::from_secs(5);
    for rule in [Act::Close.into(), Rule::on(HEALTH, Act::Close)] {
        origin.control().behave(rule);
        let (text, closed) = read_until_silence(&mut asked(&origin, patience));
        assert!(text.is_empty() && closed, "{text}");
    }
    origin.control().behave(Act::Truncated);
    assert_eq!(
        health(&origin).unwrap_err().kind(),
        ErrorKind::UnexpectedEof
    );
}

#[test]
fn streams_a_body_of_a_gibibyte() {
    let origin = origin();
    for chunked in [false, true] {
        origin.control().behave(Act::Huge { chunked });
        let mut stream = asked(&origin, Duration::from_secs(5));
        let mut start = vec![0; 8 << 20];
        stream.read_exact(&mut start).unwrap();
        let head = String::from_utf8_lossy(&start[..400]);
        assert_eq!(head.contains("Content-Length: 1073741824"), !chunked);
        assert_eq!(head.contains("Transfer-Encoding: chunked"), chunked);
    }
}

#[test]
fn answers_in_odd_forms() {
    let origin = origin();
    origin.control().behave(Act::DeepJson { depth: 2000 });
    let answer = health(&origin).unwrap();
    assert_eq!(answer.body.len(), 4000);
    assert!(serde_json::from_slice::<Value>(&answer.body).is_err());

    origin.control().behave(Act::CaptivePortal);
    let answer = health(&origin).unwrap();
    assert_eq!(answer.status, 200);
    assert!(
        answer
            .header("Content-Type")
            .unwrap()
            .starts_with("text/html")
    );

    origin.control().behave(Act::Gzip);
    let answer = health(&origin).unwrap();
    assert_eq!(answer.header("Content-Encoding"), Some("gzip"));
    assert_eq!(answer.body[..3], [0x1f, 0x8b, 8]);
}

#[test]
fn replaces_fields_of_a_joins_answer() {
    let origin = origin();
    let act = json!({
        "act": "join_fields",
        "set": { "livekit.apiSecret": "x\nkeys:", "redisUrl": null, "new.deep": 7 },
        "remove": ["livekit.wsUrl", "nodeId", "absent.too"],
    });
    let rule: Rule = serde_json::from_value(act).unwrap();
    origin.control().behave(rule);
    let answer = body(&join(&origin, "edge-1").unwrap());
    assert_eq!(
        answer["data"],
        json!({
            "name": "edge-1",
            "redisUrl": null,
            "publicWsUrl": "wss://media.example.com",
            "livekit": { "apiKey": "APIexamplekey01", "apiSecret": "x\nkeys:" },
            "new": { "deep": 7 },
        })
    );
    assert_eq!(body(&health(&origin).unwrap())["status"], "ok");
}

#[test]
fn loses_an_answer_after_the_join() {
    let origin = origin();
    origin
        .control()
        .behave(Rule::on(JOIN, Act::LoseAnswer).times(1));
    assert!(join(&origin, "edge-1").is_err());
    let id = origin.control().nodes()[1].id.clone();
    let again = join(&origin, "edge-1").unwrap();
    assert_eq!(again.status, 200);
    assert_eq!(body(&again)["data"]["nodeId"], id.as_str());
    assert_eq!(origin.control().nodes().len(), 2);
}

#[test]
fn skews_its_clock() {
    let origin = origin();
    let year = |answer: &http::Response| -> i32 {
        let date = answer.header("Date").unwrap();
        date.split(' ').nth(3).unwrap().parse().unwrap()
    };
    let now = year(&health(&origin).unwrap());
    let seconds = -3 * 366 * 86_400;
    origin.control().behave(Act::Skew { seconds });
    assert!((now - 4..=now - 3).contains(&year(&health(&origin).unwrap())));
}

#[test]
fn goes_down_and_comes_back_with_its_memory() {
    let origin = origin();
    join(&origin, "edge-1").unwrap();
    let mut waiting = TcpStream::connect(origin.addr()).unwrap();
    origin.control().down();
    origin.control().down();
    assert_eq!(
        TcpStream::connect(origin.addr()).unwrap_err().kind(),
        ErrorKind::ConnectionRefused
    );
    assert!(matches!(waiting.read(&mut [0]), Ok(0) | Err(_)));
    origin.control().up().unwrap();
    origin.control().up().unwrap();
    assert_eq!(join(&origin, "edge-1").unwrap().status, 200);
    let addr = origin.addr();
    drop(origin);
    assert!(TcpStream::connect(addr).is_err());
}

#[test]
fn rotates_what_it_hands_out() {
    let origin = origin();
    origin.control().rotate(Rotation {
        api_key: Some("APIexamplekey02".to_owned()),
        redis_url: Some(None),
        ..Rotation::default()
    });
    let answer = body(&join(&origin, "edge-1").unwrap());
    assert_eq!(answer["data"]["livekit"]["apiKey"], "APIexamplekey02");
    assert_eq!(answer["data"]["redisUrl"], Value::Null);
    origin.control().rotate(Rotation {
        token: Some(Some("clt_ExampleNew".to_owned())),
        ..Rotation::default()
    });
    assert_eq!(join(&origin, "edge-1").unwrap().status, 401);
}
