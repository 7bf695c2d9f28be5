//! A Docker engine that runs nothing.

use std::os::unix::net::UnixListener;
use std::path::Path;
use std::thread;

use serde_json::{Value, json};
use standins::http::{Request, Response};

/// Answers at this socket until the test's process ends; it has every image, or none.
pub fn serve(socket: &Path, has_images: bool) {
    let listener = UnixListener::bind(socket).expect("the directory is ours");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            thread::spawn(move || {
                // Whoever only wants to know that it listens connects and says nothing.
                if let Ok(request) = Request::read(&mut stream) {
                    let path = request.path();
                    let is_missing = path.starts_with("/images/") && !has_images;
                    let status = if is_missing { 404 } else { 200 };
                    let _ = Response::json(status, &answer(path)).write(&mut stream, 0);
                }
            });
        }
    });
}

fn answer(path: &str) -> Value {
    match path {
        "/containers/json" => json!([]),
        // To every other question, whether an image is here among them, the answer is yes.
        _ => json!({ "Version": "26.1.5" }),
    }
}
