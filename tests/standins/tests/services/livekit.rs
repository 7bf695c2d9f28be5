//! The program livekit-server, from outside.

use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::program::{Dir, Running, free_port, until};
use standins::media::websocket;
use standins::{Mode, Redis, http, jwt};

const KEY: &str = "APIexamplekey01";
const SECRET: &str = "ExampleLiveKitSecretOf40CharactersLong00";

struct Ports {
    http: u16,
    tcp: u16,
    udp: u16,
    metrics: u16,
}

impl Ports {
    fn new() -> Ports {
        Ports {
            http: free_port(),
            tcp: free_port(),
            udp: free_port(),
            metrics: free_port(),
        }
    }

    fn config(&self, redis: &str) -> String {
        format!(
            "port: {}\nbind_addresses: ['127.0.0.1']\nrtc:\n  tcp_port: {}\n  udp_port: {}\n\
             prometheus_port: {}\nkeys:\n  '{KEY}': '{SECRET}'\n{redis}",
            self.http, self.tcp, self.udp, self.metrics
        )
    }
}

fn command(dir: &Dir, config: &str) -> Command {
    let config = dir.file("livekit.yaml", config);
    let mut command = Command::new(env!("CARGO_BIN_EXE_livekit-server"));
    command.env_clear().arg("--config").arg(config);
    command
}

fn status(port: u16, path: &str) -> u16 {
    let answer = http::send(("127.0.0.1", port), "GET", path, &[], b"");
    answer.unwrap().status
}

fn redis(redis: &Redis, password: &str) -> String {
    format!(
        "redis:\n  address: '{}'\n  password: '{password}'\n",
        redis.addr()
    )
}

#[test]
fn serves_where_its_configuration_says() {
    let (dir, ports) = (Dir::new(), Ports::new());
    let running = Running::start(&mut command(&dir, &ports.config("")));
    running.says("starting LiveKit server");
    let root = http::send(("127.0.0.1", ports.http), "GET", "/", &[], b"").unwrap();
    assert_eq!((root.status, &*root.body), (200, b"OK".as_slice()));
    assert_eq!(status(ports.metrics, "/metrics"), 200);
    assert!(TcpStream::connect(("127.0.0.1", ports.tcp)).is_ok());
    assert!(UdpSocket::bind(("0.0.0.0", ports.udp)).is_err());
    assert!(running.log().contains(KEY) && !running.log().contains(SECRET));
}

#[test]
fn takes_the_tokens_of_its_keys() {
    let (dir, ports) = (Dir::new(), Ports::new());
    let running = Running::start(&mut command(&dir, &ports.config("")));
    running.says("starting LiveKit server");
    let validate = |token: &str| {
        let path = format!("/rtc/validate?access_token={token}");
        status(ports.http, &path)
    };
    assert_eq!(validate(&jwt::token(KEY, SECRET)), 200);
    assert_eq!(validate(&jwt::token(KEY, "ExampleOther")), 401);
    assert_eq!(validate(&jwt::token("APIother", SECRET)), 401);
    assert_eq!(validate(&jwt::expired(KEY, SECRET)), 401);
    assert_eq!(status(ports.http, "/rtc/validate"), 401);
}

#[test]
fn opens_a_websocket_for_who_has_a_token() {
    let (dir, ports) = (Dir::new(), Ports::new());
    let running = Running::start(&mut command(&dir, &ports.config("")));
    running.says("starting LiveKit server");
    let good = format!("/rtc?access_token={}", jwt::token(KEY, SECRET));
    assert_eq!(status(ports.http, &good), 404, "no websocket was asked for");
    let open = |path: &str| {
        let mut stream = TcpStream::connect(("127.0.0.1", ports.http)).unwrap();
        let ask = format!(
            "GET {path} HTTP/1.1\r\nHost: example.com\r\nConnection: keep-alive, Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(ask.as_bytes()).unwrap();
        let mut said = [0; 1024];
        let length = stream.read(&mut said).unwrap();
        (
            String::from_utf8_lossy(&said[..length]).into_owned(),
            stream,
        )
    };
    let (said, mut stream) = open(&good);
    assert!(said.starts_with("HTTP/1.1 101 "), "{said}");
    assert!(said.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    let mut rest = said.into_bytes();
    while !rest.ends_with(websocket::GREETING.as_bytes()) {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        rest.push(byte[0]);
    }
    assert!(open("/rtc").0.starts_with("HTTP/1.1 401 "));
}

#[test]
fn exits_0_on_a_bad_configuration() {
    let dir = Dir::new();
    let good = Ports::new().config("");
    for (config, why) in [
        (
            good.clone() + "wat: 1\n",
            "field wat not found in type config.Config",
        ),
        (
            good.replace("tcp_port", "tcp"),
            "field tcp not found in type config.RTCConfig",
        ),
        ("port: 7880\n".to_owned(), "keys must be provided"),
        (
            good.replace(&format!("'{SECRET}'"), "12"),
            "cannot unmarshal this into string",
        ),
        (good.replace(SECRET, ""), "secret must be set"),
        (
            good + "keys: {a: b}\n",
            "could not parse config: yaml: line",
        ),
    ] {
        let (code, log) = Running::start(&mut command(&dir, &config)).end();
        assert_eq!(code, 0, "{log}");
        assert!(log.contains(why), "{log}");
        assert!(!log.contains(SECRET), "{log}");
    }
    let absent = Command::new(env!("CARGO_BIN_EXE_livekit-server"))
        .arg("--config=/nowhere/livekit.yaml")
        .output();
    assert_eq!(absent.unwrap().status.code(), Some(0));
}

#[test]
fn needs_the_redis_it_is_given() {
    let dir = Dir::new();
    let server = Redis::start(Mode::password("ExamplePassword")).unwrap();
    let refused = [
        (redis(&server, "ExampleWrong"), "WRONGPASS"),
        (redis(&server, ""), "NOAUTH"),
    ];
    let config = Ports::new().config("redis: {address: '127.0.0.1:6379', tls: {enabled: true}}\n");
    let (code, log) = Running::start(&mut command(&dir, &config)).end();
    assert_eq!(code, 1);
    assert!(log.contains("does not speak TLS"), "{log}");
    for (redis, why) in refused {
        let (code, log) = Running::start(&mut command(&dir, &Ports::new().config(&redis))).end();
        assert_eq!(code, 1);
        assert!(
            log.contains(&format!("unable to connect to redis: {why}")),
            "{log}"
        );
    }
    let right = redis(&server, "ExamplePassword") + "  db: 3\n";
    let (code, log) = {
        let running = Running::start(&mut command(&dir, &Ports::new().config(&right)));
        running.says("starting LiveKit server");
        running.terminate();
        running.end()
    };
    assert_eq!(code, 0, "{log}");
    assert!(
        server
            .commands()
            .contains(&vec!["SELECT".to_owned(), "3".to_owned()])
    );
    assert!(!log.contains("ExamplePassword"));
}

#[test]
fn finds_its_redis_again() {
    let dir = Dir::new();
    let server = Redis::start(Mode::Open).unwrap();
    let config = Ports::new().config(&redis(&server, ""));
    let running = Running::start(&mut command(&dir, &config));
    running.says("starting LiveKit server");
    server.restart(Mode::Refuses);
    running.says("redis: NOAUTH");
    server.restart(Mode::Open);
    running.says("connected to redis again");
}

#[test]
fn drains_before_it_ends() {
    let (dir, ports) = (Dir::new(), Ports::new());
    let mut command = command(&dir, &ports.config(""));
    let mut running = Running::start(command.env("STANDIN_DRAIN_SECONDS", "2"));
    running.says("starting LiveKit server");
    let start = Instant::now();
    running.terminate();
    until("no new calls", || {
        TcpStream::connect(("127.0.0.1", ports.http)).is_err()
    });
    assert!(running.is_running());
    assert!(TcpStream::connect(("127.0.0.1", ports.tcp)).is_ok());
    assert_eq!(running.end().0, 0);
    assert!(start.elapsed() >= Duration::from_secs(2));
}

#[test]
fn crashes_when_told_to() {
    let (dir, ports) = (Dir::new(), Ports::new());
    let mut command = command(&dir, &ports.config(""));
    let (code, log) = Running::start(command.args(["--crash-after", "1"])).end();
    assert_eq!(code, 1);
    assert!(log.contains("told to crash"), "{log}");
}

#[test]
fn does_not_share_its_port() {
    let (dir, ports) = (Dir::new(), Ports::new());
    let config = ports.config("");
    let running = Running::start(&mut command(&dir, &config));
    running.says("starting LiveKit server");
    let (code, log) = Running::start(&mut command(&dir, &config)).end();
    assert_eq!(code, 1);
    assert!(log.contains("listen tcp"), "{log}");
    let mut stream = TcpStream::connect(("127.0.0.1", ports.http)).unwrap();
    assert!(stream.write_all(b"GET / HTTP/1.1\r\n\r\n").is_ok());
}
