//! What the three services share: configuration, signals, listeners, the watch over redis, the log.

use std::any::Any;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::store::{Settings, Store, Trouble};
use crate::http::{Request, Response};
use crate::moment;
use crate::server::Server;
use crate::yaml::{self, Type};

const PING_EVERY: Duration = Duration::from_secs(2);

/// SIGTERM and SIGINT, from now on. A container's first process has no default for them: without this it could
/// only be killed.
pub fn signals() -> io::Result<Signals> {
    Signals::new([SIGTERM, SIGINT])
}

/// Why a service ends.
pub enum Ending {
    /// SIGTERM or SIGINT.
    Asked,
    Failed(String),
}

/// What to do when redis refuses us after having taken us before.
#[derive(Clone, Copy, PartialEq)]
pub enum OnRefusal {
    TryAgain,
    End,
}

/// A service that runs. Its listeners last as long as it does.
pub struct Service {
    name: &'static str,
    tell: Sender<Ending>,
    endings: Receiver<Ending>,
    held: Vec<(u16, Box<dyn Any>)>,
}

/// Prints the reason as the real ones do, plainly, not as a log line.
pub fn give_up(why: &str, code: u8) -> ExitCode {
    eprintln!("{why}");
    ExitCode::from(code)
}

/// The checked configuration.
pub fn configuration(text: &str, wanted: &'static Type) -> Result<Value, String> {
    yaml::read(text, wanted).map_err(|error| format!("could not parse config: {error}"))
}

/// A port from the configuration; 0 and absent are `otherwise`.
pub fn port(value: &Value, otherwise: u16) -> Result<u16, String> {
    match value.as_u64() {
        None | Some(0) => Ok(otherwise),
        Some(number) => number
            .try_into()
            .map_err(|_| format!("invalid port {number}")),
    }
}

impl Service {
    pub fn new(name: &'static str) -> io::Result<Service> {
        let (tell, endings) = mpsc::channel();
        let mut signals = signals()?;
        thread::spawn({
            let tell = tell.clone();
            move || {
                for _ in &mut signals {
                    let _ = tell.send(Ending::Asked);
                }
            }
        });
        Ok(Service {
            name,
            tell,
            endings,
            held: Vec::new(),
        })
    }

    pub fn info(&self, message: &str, fields: &Value) {
        log("INFO", self.name, message, fields);
    }

    pub fn error(&self, message: &str, fields: &Value) {
        log("ERROR", self.name, message, fields);
    }

    /// Connects to redis where one is configured, and keeps watching it. Fails when it can't be used now.
    pub fn use_redis(&self, redis: &Value, on_refusal: OnRefusal) -> Result<(), String> {
        let Some(settings) = Settings::from(redis)? else {
            return Ok(());
        };
        self.info(
            "connecting to redis",
            &json!({ "addr": settings.address() }),
        );
        let store = Store::connect(&settings)
            .map_err(|trouble| format!("unable to connect to redis: {trouble}"))?;
        let (name, tell) = (self.name, self.tell.clone());
        thread::spawn(move || watch(name, &settings, store, on_refusal, &tell));
        Ok(())
    }

    /// Listens, by default on all addresses, for connections that nobody talks over.
    pub fn tcp(&mut self, ip: Option<IpAddr>, port: u16) -> Result<(), String> {
        self.serve(ip, port, |mut stream| {
            let _ = io::copy(&mut stream, &mut io::sink());
        })
    }

    /// Listens for HTTP.
    pub fn http(
        &mut self,
        ip: Option<IpAddr>,
        port: u16,
        answer: impl Fn(&Request) -> Response + Clone + Send + Sync + 'static,
    ) -> Result<(), String> {
        self.serve(ip, port, move |mut stream| {
            let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
            if let Ok(request) = Request::read(&mut stream) {
                let answer = answer(&request);
                let written = answer.write(&mut stream, 0);
                if answer.switches() && written.is_ok() {
                    let _ = stream.set_read_timeout(None);
                    let _ = io::copy(&mut stream, &mut io::sink());
                }
            }
        })
    }

    /// `/metrics`, where a port is configured, with more lines than that it is up.
    pub fn metrics(&mut self, ip: Option<IpAddr>, port: u16, more: &str) -> Result<(), String> {
        if port == 0 {
            return Ok(());
        }
        let name = self.name;
        let page = format!("# TYPE {name}_up gauge\n{name}_up 1\n{more}");
        self.http(ip, port, move |request| match request.path() {
            "/metrics" => Response::new(200, "text/plain; version=0.0.4", page.clone()),
            _ => not_found(),
        })
    }

    fn serve(
        &mut self,
        ip: Option<IpAddr>,
        port: u16,
        handle: impl Fn(TcpStream) + Clone + Send + Sync + 'static,
    ) -> Result<(), String> {
        let server = on_all(ip, port, |addr| Server::start(addr, handle.clone()));
        let server = server.map_err(|error| format!("listen tcp :{port}: {error}"))?;
        self.held.push((port, Box::new(server)));
        Ok(())
    }

    pub fn udp(&mut self, port: u16) -> Result<(), String> {
        let socket = on_all(None, port, UdpSocket::bind);
        let socket = socket.map_err(|error| format!("listen udp :{port}: {error}"))?;
        self.held.push((port, Box::new(socket)));
        Ok(())
    }

    /// Listens no longer on a port.
    pub fn close(&mut self, port: u16) {
        self.held.retain(|(held, _)| *held != port);
    }

    /// Ends with a failure that much later.
    pub fn fail_after(&self, seconds: u64, why: &'static str) {
        let tell = self.tell.clone();
        thread::spawn(move || {
            thread::sleep(Duration::from_secs(seconds));
            let _ = tell.send(Ending::Failed(why.to_owned()));
        });
    }

    /// Serves until there is a reason to end.
    pub fn wait(&self) -> Ending {
        self.endings.recv().unwrap_or(Ending::Asked)
    }

    /// Serves to the end: 0 when asked, else 1.
    pub fn run(self) -> ExitCode {
        match self.wait() {
            Ending::Asked => {
                self.info("exit requested, shutting down", &json!({}));
                ExitCode::SUCCESS
            }
            Ending::Failed(why) => {
                self.error(&why, &json!({}));
                ExitCode::FAILURE
            }
        }
    }
}

/// IPv6's any address takes IPv4 too, as Go listens; not every host has it.
fn on_all<T>(
    ip: Option<IpAddr>,
    port: u16,
    bind: impl Fn(SocketAddr) -> io::Result<T>,
) -> io::Result<T> {
    if let Some(ip) = ip {
        return bind(SocketAddr::new(ip, port));
    }
    match bind((Ipv6Addr::UNSPECIFIED, port).into()) {
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
            bind((Ipv4Addr::UNSPECIFIED, port).into())
        }
        bound => bound,
    }
}

pub fn not_found() -> Response {
    Response::new(404, "text/plain; charset=utf-8", "404 page not found\n")
}

/// A line as zap's console encoder writes it.
fn log(level: &str, name: &str, message: &str, fields: &Value) {
    let at = moment::iso(moment::now());
    eprintln!("{at}\t{level}\t{name}\t{message}\t{fields}");
}

fn watch(
    name: &str,
    settings: &Settings,
    store: Store,
    on_refusal: OnRefusal,
    tell: &Sender<Ending>,
) {
    let mut store = Some(store);
    loop {
        thread::sleep(PING_EVERY);
        let checked = match &mut store {
            Some(connected) => connected.ping(),
            None => Store::connect(settings).map(|connected| {
                log("INFO", name, "connected to redis again", &json!({}));
                store = Some(connected);
            }),
        };
        let Err(trouble) = checked else {
            continue;
        };
        store = None;
        let why = format!("redis: {trouble}");
        if on_refusal == OnRefusal::End && matches!(trouble, Trouble::Refused(_)) {
            let _ = tell.send(Ending::Failed(why));
            return;
        }
        log("ERROR", name, &why, &json!({ "addr": settings.address() }));
    }
}
