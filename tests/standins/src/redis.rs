//! A redis that knows who may talk to it, and nothing else.

use std::io::{self, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};

use crate::resp;
use crate::server::{Server, lock};

/// How it treats its clients.
#[derive(Debug, Clone, PartialEq)]
pub enum Mode {
    /// Without a password: answers anyone.
    Open,
    /// Wants this. A client that gives no user means `default`.
    Password { user: String, password: String },
    /// Accepts connections and says nothing.
    Silent,
    /// NOAUTH to everything, and no password is right.
    Refuses,
    /// Something else listens there: an HTTP server.
    Garbage,
}

impl Mode {
    /// As `requirepass` sets it.
    pub fn password(password: &str) -> Mode {
        Mode::Password {
            user: "default".to_owned(),
            password: password.to_owned(),
        }
    }
}

struct Shared {
    mode: Mode,
    commands: Vec<Vec<String>>,
}

/// A running redis on 127.0.0.1; dropped, it is gone.
pub struct Redis {
    server: Server,
    shared: Arc<Mutex<Shared>>,
}

impl Redis {
    /// Listens on a free port.
    pub fn start(mode: Mode) -> io::Result<Redis> {
        Redis::start_on(SocketAddr::from(([127, 0, 0, 1], 0)), mode)
    }

    pub fn start_on(addr: SocketAddr, mode: Mode) -> io::Result<Redis> {
        let shared = Arc::new(Mutex::new(Shared {
            mode,
            commands: Vec::new(),
        }));
        let server = Server::start(addr, {
            let shared = shared.clone();
            move |stream| {
                let _ = talk(stream, &shared);
            }
        })?;
        Ok(Redis { server, shared })
    }

    pub fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// With the credentials that it wants now.
    pub fn url(&self) -> String {
        let addr = self.addr();
        match &lock(&self.shared).mode {
            Mode::Password { user, password } if user == "default" => {
                format!("redis://:{password}@{addr}")
            }
            Mode::Password { user, password } => format!("redis://{user}:{password}@{addr}"),
            _ => format!("redis://{addr}"),
        }
    }

    /// As if it had been started again with another configuration: open connections are cut.
    pub fn restart(&self, mode: Mode) {
        lock(&self.shared).mode = mode;
        self.server.cut();
    }

    /// Every command so far, its name as it was sent, passwords included.
    pub fn commands(&self) -> Vec<Vec<String>> {
        lock(&self.shared).commands.clone()
    }
}

fn talk(mut stream: TcpStream, shared: &Mutex<Shared>) -> io::Result<()> {
    let mode = lock(shared).mode.clone();
    let mut from = BufReader::new(stream.try_clone()?);
    let mut known = mode == Mode::Open;
    while let Some(command) = resp::read_command(&mut from)? {
        lock(shared).commands.push(command.clone());
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let name = words.first().unwrap_or(&"").to_ascii_uppercase();
        match mode {
            Mode::Silent => continue,
            Mode::Garbage => {
                return stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
            }
            _ => {}
        }
        if name == "QUIT" {
            return stream.write_all(b"+OK\r\n");
        }
        let reply = match name.as_str() {
            "" => continue,
            "AUTH" => {
                let reply = authenticate(&mode, &words[1..]);
                known |= reply.starts_with('+');
                reply
            }
            _ if !known => "-NOAUTH Authentication required.",
            "PING" => "+PONG",
            "SELECT" => match words.get(1).map(|db| db.parse::<u8>()) {
                Some(Ok(0..=15)) => "+OK",
                Some(Ok(_)) => "-ERR DB index is out of range",
                _ => "-ERR invalid DB index",
            },
            "CLIENT" => "+OK",
            _ => "-ERR unknown command",
        };
        stream.write_all(format!("{reply}\r\n").as_bytes())?;
    }
    Ok(())
}

fn authenticate(mode: &Mode, given: &[&str]) -> &'static str {
    let (name, secret) = match given {
        [password] => ("default", *password),
        [user, password] => (*user, *password),
        _ => return "-ERR wrong number of arguments for 'auth' command",
    };
    match mode {
        Mode::Open if given.len() == 1 => {
            "-ERR AUTH <password> called without any password configured for the default user. \
             Are you sure your configuration is correct?"
        }
        Mode::Open if name == "default" => "+OK",
        Mode::Password { user, password } if (name, secret) == (user, password) => "+OK",
        _ => "-WRONGPASS invalid username-password pair or user is disabled.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each of the commands is answered, over one connection.
    fn asked(redis: &Redis, commands: &[&[&str]]) -> Vec<String> {
        let mut stream = TcpStream::connect(redis.addr()).unwrap();
        let mut from = BufReader::new(stream.try_clone().unwrap());
        let mut ask = |words: &&[&str]| {
            stream.write_all(&resp::command(words)).unwrap();
            match resp::read_reply(&mut from) {
                Ok(Ok(text) | Err(text)) => text,
                Err(error) => error.to_string(),
            }
        };
        commands.iter().map(&mut ask).collect()
    }

    #[test]
    fn wants_its_password_and_no_other() {
        let redis = Redis::start(Mode::password("ExamplePassword")).unwrap();
        let commands: [&[&str]; 5] = [
            &["PING"],
            &["AUTH", "ExampleWrong"],
            &["AUTH", "default", "ExamplePassword"],
            &["ping"],
            &["SELECT", "16"],
        ];
        let answers = asked(&redis, &commands);
        assert!(answers[0].starts_with("NOAUTH"));
        assert!(answers[1].starts_with("WRONGPASS"));
        assert_eq!(answers[2..4], ["OK", "PONG"]);
        assert!(answers[4].contains("out of range"));
        assert_eq!(redis.commands().len(), 5);
        let url = format!("redis://:ExamplePassword@{}", redis.addr());
        assert_eq!(redis.url(), url);
    }

    #[test]
    fn knows_users() {
        let redis = Redis::start(Mode::Password {
            user: "edge".to_owned(),
            password: "ExamplePassword".to_owned(),
        })
        .unwrap();
        let commands: [&[&str]; 2] = [
            &["AUTH", "ExamplePassword"],
            &["AUTH", "edge", "ExamplePassword"],
        ];
        let answers = asked(&redis, &commands);
        assert!(answers[0].starts_with("WRONGPASS"));
        assert_eq!(answers[1], "OK");
    }

    #[test]
    fn fails_in_other_ways() {
        let redis = Redis::start(Mode::Open).unwrap();
        assert_eq!(asked(&redis, &[&["PING"]]), ["PONG"]);
        assert!(asked(&redis, &[&["AUTH", "Example"]])[0].starts_with("ERR AUTH"));
        redis.restart(Mode::Refuses);
        let answers = asked(&redis, &[&["PING"], &["AUTH", "Example"]]);
        assert!(answers[0].starts_with("NOAUTH") && answers[1].starts_with("WRONGPASS"));
        redis.restart(Mode::Garbage);
        assert_eq!(asked(&redis, &[&["PING"]]), ["not a redis reply"]);
    }
}
