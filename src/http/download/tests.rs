use std::io::Write;
use std::net::{SocketAddr, TcpListener};

use super::*;
use crate::http::client;

const BOUNDS: Bounds = Bounds {
    size: 1000,
    time: Duration::from_secs(60),
    silence: Duration::from_secs(30),
};

/// Answers one request with these bytes, and then keeps the connection or closes it.
fn serve(answer: &'static str, keeps: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        let _ = connection.read(&mut request);
        let _ = connection.write_all(answer.as_bytes());
        while keeps && connection.read(&mut request).is_ok_and(|n| n > 0) {}
    });
    address
}

fn fetch(answer: &'static str, keeps: bool, bounds: Bounds) -> Result<String> {
    let client = client(false, Vec::new())?;
    let address = format!("http://{}/a", serve(answer, keeps));
    let mut text = String::new();
    download(&client, client.get(address).build()?, bounds, |piece| {
        text.push_str(std::str::from_utf8(piece)?);
        Ok(())
    })?;
    Ok(text)
}

fn refusal(answer: &'static str, keeps: bool, bounds: Bounds) -> String {
    format!("{:#}", fetch(answer, keeps, bounds).unwrap_err())
}

#[test]
fn a_body_comes_whole() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole";
    assert_eq!(fetch(answer, true, BOUNDS).unwrap(), "whole");
}

#[test]
fn other_answers_are_refused_and_redirects_not_followed() {
    let said = refusal(
        "HTTP/1.1 404 No\r\nContent-Length: 5\r\n\r\nwhole",
        true,
        BOUNDS,
    );
    assert!(said.contains("it answers 404"), "{said}");
    let moved = "HTTP/1.1 302 Found\r\nLocation: https://elsewhere.example.com/b\r\nContent-Length: 0\r\n\r\n";
    let said = refusal(moved, true, BOUNDS);
    assert!(
        said.contains("302 (to https://elsewhere.example.com/b, which is not followed)"),
        "{said}"
    );
}

#[test]
fn a_body_is_bounded_in_size_silence_and_time() {
    let five = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole";
    let four = Bounds { size: 4, ..BOUNDS };
    assert!(refusal(five, true, four).contains("it is over"));
    let six = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nwhole";
    let soon = Duration::from_millis(300);
    let silent = Bounds {
        silence: soon,
        ..BOUNDS
    };
    assert!(refusal(six, true, silent).contains("nothing came for"));
    let late = Bounds {
        time: soon,
        ..BOUNDS
    };
    assert!(fetch(six, true, late).is_err());
    assert!(refusal(six, false, BOUNDS).contains("the answer broke off"));
}
