//! An origin's core, as far as an edge and an operator's command line see it.

mod act;
mod api;
mod control;
mod database;
mod installed;
mod registry;
mod validate;
mod wire;

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub use act::{Act, Rule};
pub use control::{Control, Rotation};
pub use database::Database;
pub use installed::Installed;
pub use registry::Node;

use crate::http::Request;
use crate::server::{Server, lock};
use crate::sink::{Seen, peer_of};
use crate::tls;
use api::Core;

/// What an origin is set up with. The default is that of the recorded exchanges, on a free port of 127.0.0.1.
#[derive(Debug, Clone)]
pub struct Config {
    pub listen: SocketAddr,
    /// Where to take orders over HTTP; in a test the handle does.
    pub control: Option<SocketAddr>,
    /// `None`: joining is disabled.
    pub token: Option<String>,
    /// The operator's token; where it is installed, beside those in its database.
    pub api_token: Option<String>,
    pub api_key: String,
    pub api_secret: String,
    pub redis_url: Option<String>,
    pub public_ws_url: String,
    /// What it tells edges about the LiveKit beside them.
    pub ws_url: String,
    /// Under which the origin lists itself.
    pub own_url: String,
    /// Serve TLS with this certificate.
    pub tls: Option<tls::Identity>,
    /// A core as its own container runs it. Without this it is what edges see, and keeps nothing.
    pub installed: Option<Installed>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            control: None,
            token: Some("clt_exampletoken".to_owned()),
            api_token: Some("sk_admin_example".to_owned()),
            api_key: "APIexamplekey01".to_owned(),
            api_secret: "ExampleLiveKitSecretOf40CharactersLong00".to_owned(),
            redis_url: Some("redis://:ExampleRedisPassword@10.0.0.10:6379".to_owned()),
            public_ws_url: "wss://media.example.com".to_owned(),
            ws_url: "ws://127.0.0.1:7880".to_owned(),
            own_url: "http://10.0.0.10:3020".to_owned(),
            tls: None,
            installed: None,
        }
    }
}

struct State {
    core: Core,
    rules: Vec<Rule>,
    log: Vec<Seen>,
}

struct Shared {
    state: Mutex<State>,
    acceptor: Option<tls::Acceptor>,
    /// Where it listens; once it has listened, with the port it got, so that it comes back there.
    addr: Mutex<SocketAddr>,
    server: Mutex<Option<Server>>,
}

/// A running origin; dropped, it is gone.
pub struct Origin {
    control: Control,
    orders: Option<Server>,
}

impl Origin {
    /// Fails when an address is taken or the certificate is unusable.
    pub fn start(config: Config) -> io::Result<Origin> {
        let listen = config.listen;
        let orders = config.control;
        let acceptor = config.tls.as_ref().map(tls::Acceptor::new).transpose()?;
        let state = Mutex::new(State {
            core: Core::new(config)?,
            rules: Vec::new(),
            log: Vec::new(),
        });
        let control = Control(Arc::new(Shared {
            state,
            acceptor,
            addr: Mutex::new(listen),
            server: Mutex::new(None),
        }));
        control.up()?;
        let orders = orders.map(|addr| control.listen(addr)).transpose()?;
        Ok(Origin { control, orders })
    }

    /// Without a slash at its end.
    pub fn url(&self) -> String {
        let scheme = match self.control.0.acceptor {
            Some(_) => "https",
            None => "http",
        };
        format!("{scheme}://{}", self.addr())
    }

    pub fn addr(&self) -> SocketAddr {
        *lock(&self.control.0.addr)
    }

    /// Where it takes orders, if it was told to.
    pub fn control_addr(&self) -> Option<SocketAddr> {
        self.orders.as_ref().map(Server::addr)
    }

    pub fn control(&self) -> Control {
        self.control.clone()
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.orders = None;
        self.control.down();
    }
}

fn serve(mut stream: TcpStream, shared: &Shared) {
    let peer = peer_of(&stream);
    let blind = act::before_reading(&mut lock(&shared.state).rules);
    if let Some(act) = blind {
        lock(&shared.state).log.push(Seen::unread(&peer));
        if act == Act::Silent {
            wire::hold(&mut stream);
        }
        return;
    }
    let _ = stream.set_read_timeout(Some(Duration::from_secs(30)));
    let answered = match &shared.acceptor {
        None => answer(&mut stream, &peer, shared),
        Some(acceptor) => acceptor.over(stream, |wire| answer(wire, &peer, shared)),
    };
    if answered.is_err_and(|error| error.kind() == io::ErrorKind::InvalidData) {
        lock(&shared.state).log.push(Seen::unread(&peer));
    }
}

fn answer(wire: &mut impl tls::Wire, peer: &str, shared: &Shared) -> io::Result<()> {
    let request = Request::read(wire)?;
    wire.wait_forever();
    let act = {
        let state = &mut *lock(&shared.state);
        state.log.push(Seen::new(peer, &request));
        act::next(&mut state.rules, request.path())
    };
    let core = || lock(&shared.state).core.answer(&request);
    wire::perform(wire, &act, &request, core)
}
