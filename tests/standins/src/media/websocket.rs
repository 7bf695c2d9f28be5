//! The server's half of a websocket's opening, and one message to show that what follows passes too.

use ring::digest;

use crate::http::{Request, Response};
use crate::jwt;

const ID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// The text message that is sent as soon as the websocket is open.
pub const GREETING: &str = "stand-in";

/// `None` when the request asks for no websocket.
pub fn open(request: &Request) -> Option<Response> {
    let says = |name: &str, word: &str| {
        let value = request.header(name).unwrap_or_default();
        let mut words = value.split(',').map(str::trim);
        words.any(|said| said.eq_ignore_ascii_case(word))
    };
    let key = request.header("Sec-WebSocket-Key")?;
    if !says("Connection", "upgrade") || !says("Upgrade", "websocket") {
        return None;
    }
    if request.header("Sec-WebSocket-Version") != Some("13") {
        return None;
    }
    let mut frame = vec![0x81, GREETING.len() as u8];
    frame.extend(GREETING.as_bytes());
    Some(Response {
        status: 101,
        headers: vec![
            ("Upgrade".to_owned(), "websocket".to_owned()),
            ("Connection".to_owned(), "Upgrade".to_owned()),
            ("Sec-WebSocket-Accept".to_owned(), accept(key)),
        ],
        body: frame,
    })
}

/// What proves that the key was read by someone who knows the protocol.
pub fn accept(key: &str) -> String {
    let text = format!("{key}{ID}");
    let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
    let text = jwt::encode(digest.as_ref());
    text.replace('-', "+").replace('_', "/") + "="
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_the_key_of_the_standard() {
        let answer = accept("dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(answer, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
