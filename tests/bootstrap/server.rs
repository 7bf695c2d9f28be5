//! Who serves the binary.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use standins::tls::Authority;

/// A server on a port of this machine's loopback. It ends when this is dropped.
pub struct Server {
    child: Child,
    pub port: u16,
    log: PathBuf,
}

impl Server {
    /// Serves what lies in `dir/served`, with a certificate of this authority.
    pub fn start(dir: &Path, authority: &Authority, more: &[&str]) -> Self {
        let identity = authority.sign(&["127.0.0.1"]);
        let (certificate, key) = (dir.join("cert.pem"), dir.join("key.pem"));
        std::fs::write(&certificate, identity.certificate).expect("it is ours");
        std::fs::write(&key, identity.key).expect("it is ours");
        let log = dir.join(format!("requests{}", more.len()));
        let mut child = Command::new("python3")
            .arg(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/tests/bootstrap/serve.py"
            ))
            .arg(dir.join("served"))
            .args([&certificate, &key])
            .args(["127.0.0.1", "0"])
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 is there");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut port = String::new();
        lines.read_line(&mut port).expect("it says its port");
        let mut requests = std::fs::File::create(&log).expect("it is ours");
        std::thread::spawn(move || std::io::copy(&mut lines, &mut requests));
        Self {
            child,
            port: port.trim().parse().expect("it is a number"),
            log,
        }
    }

    /// How often it was asked.
    pub fn requests(&self) -> usize {
        std::fs::read_to_string(&self.log)
            .expect("it is ours")
            .lines()
            .filter(|line| line.starts_with('/'))
            .count()
    }

    /// Whether anybody heard a slow answer to its end.
    pub fn was_heard_out(&self) -> bool {
        let log = std::fs::read_to_string(&self.log).expect("it is ours");
        log.contains("dripped to its end")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
