//! Commands that are printed for a host where this program may not be installed, or not any more.

use super::address::address;
use super::variable;
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
    /// From the environment, or the default.
    ///
    /// # Errors
    /// [`crate::fault::Exit::Usage`] if that is no https address.
    pub fn resolve() -> Result<Self> {
        let bootstrap = variable(VARIABLE).unwrap_or_else(|| DEFAULT.to_owned());
        let takes = "the https address of install.sh, such as https://media.example.com/install.sh";
        // It is pasted into a root shell there.
        address(VARIABLE, &bootstrap, &["https"], takes).map(|url| Self {
            bootstrap: url.into(),
        })
    }

    /// The command line with these arguments, to be pasted there.
    pub fn command(&self, args: &str) -> String {
        format!("curl -fsSL {} | sudo bash -s -- {args}", self.bootstrap)
    }
}
