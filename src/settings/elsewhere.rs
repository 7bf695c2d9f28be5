//! Commands that are printed for another host, where this program may not be installed yet.

use url::Url;

use super::usage;
use crate::fault::Result;

const VARIABLE: &str = "STREAMHUB_INSTALL_URL";
const DEFAULT: &str = "https://www.streamhub.studio/install.sh";

/// The bootstrap's address, with which a command works on a host that has nothing yet, or that an
/// older script has set up.
#[derive(Clone, Debug)]
pub struct Elsewhere {
    bootstrap: String,
}

impl Elsewhere {
    pub(super) fn resolve() -> Result<Self> {
        let given = std::env::var(VARIABLE).ok().filter(|text| !text.is_empty());
        let bootstrap = given.unwrap_or_else(|| DEFAULT.to_owned());
        if let Err(why) = is_usable(&bootstrap) {
            let takes =
                "the https address of install.sh, such as https://media.example.com/install.sh";
            return Err(usage(VARIABLE, &bootstrap, why, takes));
        }
        Ok(Self { bootstrap })
    }

    /// The command line with these arguments, to be pasted there.
    pub fn command(&self, args: &str) -> String {
        format!("curl -fsSL {} | sudo bash -s -- {args}", self.bootstrap)
    }
}

/// It is pasted into a root shell: what a shell would take for more than a word is no part of it.
fn is_usable(text: &str) -> std::result::Result<(), &'static str> {
    let url = Url::parse(text).map_err(|_| "it is no address")?;
    if url.scheme() != "https" {
        return Err("it is not https");
    }
    if !url.username().is_empty() || url.password().is_some() {
        // The refusal shows the address, and not what must stay unseen in it.
        url.password().map(crate::secret::Secret::new);
        return Err("it carries a login");
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/%+@[]".contains(c);
    if !text.chars().all(plain) {
        return Err("it holds more than a host and a path");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::is_usable;

    #[test]
    fn only_a_plain_https_address_is_pasted_into_a_shell() {
        for url in [
            "https://media.example.com/install.sh",
            "https://media.example.com:8443/a%20b/i.sh",
            "https://[fd00::1]/i.sh",
        ] {
            assert_eq!(is_usable(url), Ok(()), "{url}");
        }
        for url in [
            "http://media.example.com/install.sh",
            "media.example.com/install.sh",
            "https://u:ExampleSecret@media.example.com/install.sh",
            "https://media.example.com/$(id)",
            "https://media.example.com/a b",
            "https://media.example.com/a;id",
            "https://media.example.com/?a=b&c",
            "https://media.example.com/'",
            " https://media.example.com/",
        ] {
            assert!(is_usable(url).is_err(), "{url}");
        }
    }
}
