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

    /// As `redis://[[user]:password@]host:port[/db]` says it.
    pub fn of_url(url: &str) -> Result<Settings, String> {
        let rest = url.strip_prefix("redis://").ok_or("not a redis URL")?;
        let (credentials, place) = rest.rsplit_once('@').unwrap_or(("", rest));
        let (username, password) = credentials.split_once(':').unwrap_or((credentials, ""));
        let (address, db) = place.split_once('/').unwrap_or((place, ""));
        let address = match address.rsplit_once(':') {
            Some((_, port)) if port.parse::<u16>().is_ok() => address.to_owned(),
            _ => format!("{address}:6379"),
        };
        Ok(Settings {
            address,
            username: decoded(username)?,
            password: decoded(password)?,
            db: match db {
                "" => 0,
                db => db.parse().map_err(|_| "no such database")?,
            },
        })
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

/// Without its percent signs.
fn decoded(text: &str) -> Result<String, String> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes().iter();
    while let Some(byte) = rest.next() {
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let mut digit = || char::from(*rest.next()?).to_digit(16);
        let value = digit().zip(digit()).ok_or("a lone percent sign")?;
        bytes.push(u8::try_from(value.0 << 4 | value.1).map_err(|e| e.to_string())?);
    }
    String::from_utf8(bytes).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_urls() {
        let read = |url: &str| {
            let s = Settings::of_url(url).unwrap();
            (s.address, s.username, s.password, s.db)
        };
        let all = |a: &str, u: &str, p: &str, db| (a.to_owned(), u.to_owned(), p.to_owned(), db);
        assert_eq!(read("redis://127.0.0.1"), all("127.0.0.1:6379", "", "", 0));
        assert_eq!(
            read("redis://:Ex%40mple%3a@10.0.0.10:7000/2"),
            all("10.0.0.10:7000", "", "Ex@mple:", 2)
        );
        assert_eq!(
            read("redis://edge:Example@[fd00::1]:6379"),
            all("[fd00::1]:6379", "edge", "Example", 0)
        );
        assert!(Settings::of_url("http://127.0.0.1").is_err());
        assert!(Settings::of_url("redis://:a%@127.0.0.1").is_err());
    }
}
