//! A service's connection to redis.

use std::fmt;
use std::io::{self, BufReader, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use serde_json::Value;

use crate::resp;

const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Debug)]
pub enum Trouble {
    /// redis answered, and didn't want us.
    Refused(String),
    Unreachable(io::Error),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Refused(why) => f.write_str(why),
            Trouble::Unreachable(error) => error.fmt(f),
        }
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Trouble {
        Trouble::Unreachable(error)
    }
}

/// What a configuration's `redis:` says.
#[derive(Clone)]
pub struct Settings {
    address: String,
    username: String,
    password: String,
    db: u64,
}

impl Settings {
    /// `None` when no redis is configured. Fails on what the stand-in can't do.
    pub fn from(redis: &Value) -> Result<Option<Settings>, String> {
        let text = |name: &str| redis[name].as_str().unwrap_or_default().to_owned();
        if redis["use_tls"] == true || redis["tls"]["enabled"] == true {
            return Err("this stand-in does not speak TLS to redis".to_owned());
        }
        if text("address").is_empty() {
            return Ok(None);
        }
        Ok(Some(Settings {
            address: text("address"),
            username: text("username"),
            password: text("password"),
            db: redis["db"].as_u64().unwrap_or_default(),
        }))
    }

    pub fn address(&self) -> &str {
        &self.address
    }
}

pub struct Store {
    stream: BufReader<TcpStream>,
}

impl Store {
    /// AUTH, SELECT and PING, each only if configured; the last always.
    pub fn connect(settings: &Settings) -> Result<Store, Trouble> {
        let mut failed = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for addr in settings.address.to_socket_addrs()? {
            match TcpStream::connect_timeout(&addr, PATIENCE) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(PATIENCE))?;
                    let stream = BufReader::new(stream);
                    let mut store = Store { stream };
                    store.introduce(settings)?;
                    return Ok(store);
                }
                Err(error) => failed = error,
            }
        }
        Err(failed.into())
    }

    fn introduce(&mut self, settings: &Settings) -> Result<(), Trouble> {
        let (user, password) = (&*settings.username, &*settings.password);
        if !user.is_empty() {
            self.ask(&["AUTH", user, password])?;
        } else if !password.is_empty() {
            self.ask(&["AUTH", password])?;
        }
        if settings.db != 0 {
            self.ask(&["SELECT", &settings.db.to_string()])?;
        }
        self.ping()
    }

    pub fn ping(&mut self) -> Result<(), Trouble> {
        self.ask(&["PING"])
    }

    fn ask(&mut self, words: &[&str]) -> Result<(), Trouble> {
        self.stream.get_mut().write_all(&resp::command(words))?;
        match resp::read_reply(&mut self.stream)? {
            Ok(_) => Ok(()),
            Err(why) => Err(Trouble::Refused(why)),
        }
    }
}
