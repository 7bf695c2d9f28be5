//! Addresses that an operator gives, and that go into files and command lines from there.

use url::Url;

use super::usage;
use crate::fault::Result;
use crate::secret::Secret;

/// An address of one of these schemes, with a host and a path and nothing else: `name` is the flag or variable
/// that it was given by, and takes `takes`.
///
/// # Errors
/// [`crate::fault::Exit::Usage`], naming what is wrong with it.
pub(super) fn address(name: &str, text: &str, schemes: &[&str], takes: &str) -> Result<Url> {
    let bad = |why: &str| usage(name, text, why, takes);
    let url = Url::parse(text).map_err(|e| bad(&e.to_string()))?;
    if !schemes.contains(&url.scheme()) {
        return Err(bad(&format!("it is not {}", schemes.join(" or "))));
    }
    if !url.username().is_empty() || url.password().is_some() {
        // The refusal shows the address, and not what must stay unseen in it.
        url.password().map(Secret::new);
        return Err(bad("it carries a login"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(bad("it carries a query or a fragment"));
    }
    // Shells, .env and configurations take these for nothing but themselves.
    let plain = |c: char| c.is_alphanumeric() || "-._~:/%+@[]".contains(c);
    match text.chars().find(|c| !plain(*c)) {
        None => Ok(url),
        Some(c) => Err(bad(&format!("it holds {c:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn only_a_plain_address_goes_into_files_and_shells() {
        let take = |text: &str| address("--flag", text, &["https"], "an address");
        for url in [
            "https://media.example.com/install.sh",
            "https://media.example.com:8443/a%20b/i.sh",
            "https://[fd00::1]/i.sh",
            "https://münchen.example.com/",
        ] {
            assert!(take(url).is_ok(), "{url}");
        }
        for url in [
            "http://media.example.com/install.sh",
            "media.example.com/install.sh",
            "https://u:ExampleSecret@media.example.com/install.sh",
            "https://media.example.com/$(id)",
            "https://media.example.com/a b",
            "https://media.example.com/a\nb",
            "https://media.example.com/a;id",
            "https://media.example.com/?a=b&c",
            "https://media.example.com/#a",
            "https://media.example.com/'",
            "https://media.example.com/\\",
            " https://media.example.com/",
        ] {
            assert!(take(url).is_err(), "{url}");
        }
    }
}
