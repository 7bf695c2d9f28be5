//! Who serves the binary.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::Duration;

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
            // Straight into the file: what it says before it answers is there once somebody has the answer.
            .stdout(File::create(&log).expect("it is ours"))
            .spawn()
            .expect("python3 is there");
        let port = loop {
            let said = std::fs::read_to_string(&log).expect("it is ours");
            if let Some((port, _)) = said.split_once('\n') {
                break port.parse().expect("it is a number");
            }
            let ended = child.try_wait().expect("it is ours");
            assert_eq!(ended, None, "the server ended");
            sleep(Duration::from_millis(10));
        };
        Self { child, port, log }
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
