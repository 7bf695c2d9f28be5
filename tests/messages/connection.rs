//! How an origin is asked that keeps its connections open, as real ones do.

use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

use standins::http::Request;

use crate::scene::{MACHINES_OWN, Scene, TOKEN};

/// What it was asked, and on how many connections.
#[derive(Debug, Default)]
struct Seen {
    connections: AtomicUsize,
    questions: AtomicUsize,
}

fn serve(listener: TcpListener, seen: Arc<Seen>) {
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("it listens");
            let seen = Arc::clone(&seen);
            seen.connections.fetch_add(1, SeqCst);
            thread::spawn(move || {
                while let Ok(request) = Request::read(&mut stream) {
                    seen.questions.fetch_add(1, SeqCst);
                    let (status, body) = match request.path() {
                        "/api/v1/health" => ("200 OK", r#"{"up":true}"#),
                        _ => ("404 Not Found", r#"{"error":"node not found"}"#),
                    };
                    let length = body.len();
                    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n");
                    let _ = stream.write_all(format!("{head}{body}").as_bytes());
                }
            });
        }
    });
}

#[test]
fn all_questions_of_a_run_share_a_connection() {
    let scene = Scene::fresh();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port of the loopback is free");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let seen = Arc::new(Seen::default());
    serve(listener, Arc::clone(&seen));
    let mut args = vec!["--dry-run", "--join", "--master-ip", "127.0.0.1"];
    args.extend(["--master-url", &url, "--skip-check", MACHINES_OWN]);
    let said = scene.run(&args, &[("STREAMHUB_MASTER_TOKEN", TOKEN)]);
    for check in ["origin", "token"] {
        let found = format!("error [{check}]");
        assert!(!said.stderr.contains(&found), "{}", said.stderr);
    }
    assert_eq!(seen.questions.load(SeqCst), 2, "{}", said.stderr);
    assert_eq!(seen.connections.load(SeqCst), 1);
}
