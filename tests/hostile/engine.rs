//! A Docker engine that runs nothing, or nothing for long.

use std::os::unix::net::UnixListener;
use std::path::Path;
use std::thread;

use serde_json::{Value, json};
use standins::http::{Request, Response};

/// What an engine has.
#[derive(Clone, Copy, Debug)]
pub struct Has {
    /// Every image, or none.
    pub images: bool,
    /// A livekit that falls over again and again.
    pub looping_livekit: bool,
}

/// Answers at this socket until the test's process ends.
pub fn serve(socket: &Path, has: Has) {
    let listener = UnixListener::bind(socket).expect("the directory is ours");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            thread::spawn(move || {
                // Whoever only wants to know that it listens connects and says nothing.
                if let Ok(request) = Request::read(&mut stream) {
                    let path = request.path();
                    let is_missing = path.starts_with("/images/") && !has.images;
                    let status = if is_missing { 404 } else { 200 };
                    let _ = Response::json(status, &answer(path, has)).write(&mut stream, 0);
                }
            });
        }
    });
}

fn answer(path: &str, has: Has) -> Value {
    match path {
        "/containers/json" if has.looping_livekit => {
            let of = |service: &str| {
                json!({
                    "Id": service,
                    "Names": [format!("/streamhub-{service}")],
                    "State": "restarting",
                    "Labels": {
                        "com.docker.compose.project": "streamhub",
                        "com.docker.compose.service": service,
                    },
                })
            };
            json!([of("livekit"), of("ingress"), of("egress")])
        }
        "/containers/json" => json!([]),
        "/containers/livekit/json" | "/containers/ingress/json" | "/containers/egress/json" => {
            json!({
                "RestartCount": 3,
                "State": {
                    "Running": false,
                    "Status": "restarting",
                    "StartedAt": "2026-11-22T10:00:00Z",
                    "ExitCode": 0,
                },
            })
        }
        // To every other question, whether an image is here among them, the answer is yes.
        _ => json!({ "Version": "26.1.5" }),
    }
}
