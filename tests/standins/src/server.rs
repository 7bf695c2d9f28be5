//! A TCP listener that gives each connection a thread, and is gone from the port when dropped.

use std::collections::HashMap;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A panic in one connection's thread must not hide behind a poisoned lock in the next.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Default)]
struct Open {
    next: u64,
    streams: HashMap<u64, TcpStream>,
}

pub struct Server {
    addr: SocketAddr,
    stopping: Arc<AtomicBool>,
    open: Arc<Mutex<Open>>,
    accepting: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens on `addr` (port 0: any) and calls `handle` for each connection in a thread of its own.
    pub fn start(
        addr: SocketAddr,
        handle: impl Fn(TcpStream) + Send + Sync + 'static,
    ) -> io::Result<Server> {
        let listener = TcpListener::bind(addr)?;
        let addr = listener.local_addr()?;
        let stopping = Arc::new(AtomicBool::new(false));
        let open = Arc::new(Mutex::new(Open::default()));
        let handle = Arc::new(handle);
        let accepting = thread::spawn({
            let (stopping, open) = (stopping.clone(), open.clone());
            move || {
                loop {
                    let accepted = listener.accept();
                    if stopping.load(Ordering::SeqCst) {
                        return;
                    }
                    match accepted {
                        Ok((stream, _)) => spawn(stream, handle.clone(), open.clone()),
                        // Out of descriptors, say: a pause instead of a busy loop.
                        Err(_) => thread::sleep(Duration::from_millis(20)),
                    }
                }
            }
        });
        Ok(Server {
            addr,
            stopping,
            open,
            accepting: Some(accepting),
        })
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Ends the connections that are open.
    pub fn cut(&self) {
        for stream in lock(&self.open).streams.values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn spawn<H>(stream: TcpStream, handle: Arc<H>, open: Arc<Mutex<Open>>)
where
    H: Fn(TcpStream) + Send + Sync + 'static,
{
    let Ok(copy) = stream.try_clone() else {
        return;
    };
    let id = {
        let mut open = lock(&open);
        open.next += 1;
        let id = open.next;
        open.streams.insert(id, copy);
        id
    };
    thread::spawn(move || {
        handle(stream);
        // The last copy of the descriptor: this is what closes the connection.
        lock(&open).streams.remove(&id);
    });
}

impl Drop for Server {
    /// Frees the port, then cuts the connections that are still open.
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        // accept() has no timeout; a connection of our own wakes it.
        let mut wake = self.addr;
        if wake.ip().is_unspecified() {
            wake.set_ip(match wake {
                SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
            });
        }
        let woken = TcpStream::connect_timeout(&wake, Duration::from_secs(1)).is_ok();
        if let Some(accepting) = self.accepting.take()
            && woken
        {
            let _ = accepting.join();
        }
        self.cut();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn frees_its_port_and_cuts_its_connections() {
        let server = Server::start("127.0.0.1:0".parse().unwrap(), |mut stream| {
            let _ = stream.read(&mut [0]);
        })
        .unwrap();
        let addr = server.addr();
        let mut client = TcpStream::connect(addr).unwrap();
        thread::sleep(Duration::from_millis(50));
        drop(server);
        assert_eq!(client.read(&mut [0]).unwrap_or(0), 0);
        assert!(TcpStream::connect(addr).is_err());
        assert!(Server::start(addr, |_| ()).is_ok());
    }
}
