//! LiveKit's access tokens: JSON web tokens signed with HS256, issued in the name of an API key.

use std::collections::BTreeMap;

use ring::hmac;
use serde_json::{Value, json};

use crate::moment;

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A token that is good for an hour.
pub fn token(key: &str, secret: &str) -> String {
    expiring(key, secret, 3600)
}

/// A token that was good until a minute ago.
pub fn expired(key: &str, secret: &str) -> String {
    expiring(key, secret, -60)
}

fn expiring(key: &str, secret: &str, seconds: i64) -> String {
    let until = moment::now().unix_timestamp() + seconds;
    let claims = json!({
        "iss": key, "sub": "example", "nbf": until - 7200, "exp": until,
        "video": { "room": "example", "roomJoin": true },
    });
    let header = json!({ "alg": "HS256", "typ": "JWT" });
    let signed = [header, claims].map(|part| encode(part.to_string().as_bytes()));
    let signed = signed.join(".");
    let signature = hmac::sign(&hmac_key(secret), signed.as_bytes());
    format!("{signed}.{}", encode(signature.as_ref()))
}

fn hmac_key(secret: &str) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())
}

/// Whether the token is signed with the secret of the key that it names, and not past its time.
/// Fails with the reason.
pub fn verify(token: &str, keys: &BTreeMap<String, String>) -> Result<(), &'static str> {
    let (signed, signature) = token.rsplit_once('.').ok_or("malformed token")?;
    let (header, claims) = signed.split_once('.').ok_or("malformed token")?;
    let part = |part: &str| -> Option<Value> { serde_json::from_slice(&decode(part)?).ok() };
    let (header, claims) = part(header).zip(part(claims)).ok_or("malformed token")?;
    if header["alg"] != "HS256" {
        return Err("invalid algorithm");
    }
    let secret = claims["iss"].as_str().and_then(|key| keys.get(key));
    let key = hmac_key(secret.ok_or("invalid API key")?);
    let signature = decode(signature).ok_or("malformed token")?;
    hmac::verify(&key, signed.as_bytes(), &signature).map_err(|_| "invalid signature")?;
    match claims["exp"].as_i64() {
        Some(until) if until > moment::now().unix_timestamp() => Ok(()),
        _ => Err("token is expired"),
    }
}

/// Base64 for URLs, unpadded.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, i| {
            bits << 8 | u32::from(group.get(i).copied().unwrap_or(0))
        });
        for i in 0..=group.len() {
            let digit = bits >> (18 - 6 * i) & 63;
            text.push(char::from(DIGITS[digit as usize]));
        }
    }
    text
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for group in text.as_bytes().chunks(4) {
        let mut bits = 0_u32;
        for i in 0..4 {
            let digit = match group.get(i) {
                Some(c) => DIGITS.iter().position(|digit| digit == c)?,
                None => 0,
            };
            bits = bits << 6 | u32::try_from(digit).ok()?;
        }
        bytes.extend(&bits.to_be_bytes()[1..group.len()]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_as_everyone_does() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg"),
            ("fo", "Zm8"),
            ("foo", "Zm9v"),
            ("foob>?", "Zm9vYj4_"),
        ] {
            assert_eq!(encode(bytes.as_bytes()), text);
            assert_eq!(decode(text).unwrap(), bytes.as_bytes());
        }
        assert_eq!(decode("a+b/"), None);
    }

    #[test]
    fn tells_good_tokens_from_others() {
        let keys = BTreeMap::from([("APIexample".to_owned(), "ExampleSecret".to_owned())]);
        let check = |token: &str| verify(token, &keys);
        assert_eq!(check(&token("APIexample", "ExampleSecret")), Ok(()));
        let wrong = token("APIexample", "ExampleOther");
        assert_eq!(check(&wrong), Err("invalid signature"));
        let unknown = token("APIother", "ExampleSecret");
        assert_eq!(check(&unknown), Err("invalid API key"));
        let late = expired("APIexample", "ExampleSecret");
        assert_eq!(check(&late), Err("token is expired"));
        assert_eq!(check("nonsense"), Err("malformed token"));
    }
}
