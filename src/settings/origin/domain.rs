//! Under which name the world reaches an origin.

use std::fmt;
use std::net::IpAddr;

use super::super::usage;
use crate::fault::Result;

/// What `--domain` was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Domain {
    /// A test install: nobody but this host.
    Local,
    Address(IpAddr),
    /// In lower case.
    Name(String),
}

impl Domain {
    /// Reads it.
    ///
    /// # Errors
    /// [`crate::fault::Exit::Usage`] for what is neither a name nor an address.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim_end_matches('.');
        if matches!(text, "" | "localhost") {
            return Ok(Self::Local);
        }
        let bare = text.trim_start_matches('[').trim_end_matches(']');
        if let Ok(ip) = bare.parse() {
            return Ok(Self::Address(ip));
        }
        let bad = |why: &str| {
            usage(
                "--domain",
                text,
                why,
                "a name such as media.example.com, an IP address, or localhost for a test",
            )
        };
        if text.len() > 253 || !text.contains('.') {
            return Err(bad("it is no full domain name"));
        }
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if let Some(label) = text.split('.').find(|label| !is_label(label)) {
            return Err(bad(&format!("{label:?} is no part of a domain name")));
        }
        // The last part of a name is never a number: such a thing is a mistyped address.
        if text
            .rsplit('.')
            .next()
            .is_some_and(|last| last.chars().all(|c| c.is_ascii_digit()))
        {
            return Err(bad("it is neither a name nor an address"));
        }
        Ok(Self::Name(text.to_ascii_lowercase()))
    }

    /// Whether an ACME server would sign one for it.
    pub fn can_have_certificate(&self) -> bool {
        matches!(self, Self::Name(_))
    }

    /// As it stands in an address: IPv6 in brackets; a test install is reached on loopback.
    pub fn in_url(&self) -> String {
        match self {
            Self::Local => "127.0.0.1".to_owned(),
            Self::Address(IpAddr::V6(ip)) => format!("[{ip}]"),
            other => other.to_string(),
        }
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("localhost"),
            Self::Address(ip) => ip.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Domain;

    #[test]
    fn names_addresses_and_test_installs_are_told_apart() {
        let name = |text: &str| Domain::Name(text.to_owned());
        for (text, domain) in [
            ("", Domain::Local),
            ("localhost", Domain::Local),
            (
                "203.0.113.10",
                Domain::Address("203.0.113.10".parse().unwrap()),
            ),
            (
                "[2001:db8::1]",
                Domain::Address("2001:db8::1".parse().unwrap()),
            ),
            ("Media.Example.com.", name("media.example.com")),
            (
                "xn--mnchen-3ya.example.com",
                name("xn--mnchen-3ya.example.com"),
            ),
        ] {
            assert_eq!(Domain::parse(text).unwrap(), domain, "{text}");
        }
        for text in [
            "media",
            "media..com",
            "-a.example.com",
            "a_b.example.com",
            "a.example.com/x",
            "203.0.113.300",
            "a b.example.com",
            "a.example.com;id",
            "*.example.com",
        ] {
            assert!(Domain::parse(text).is_err(), "{text}");
        }
    }
}
