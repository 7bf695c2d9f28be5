//! What an origin that is here no more, or not yet again, was told about itself.

use std::path::Path;

use super::super::DEFAULT_DIR;
use super::super::files::read;
use crate::env_file::EnvFile;
use crate::fault::Result;
use crate::host::Host;

/// The answers in a `.env` that `uninstall --keep-data` or a backup left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Left {
    pub domain: Option<String>,
    pub email: Option<String>,
    pub admin_user: Option<String>,
}

impl Left {
    /// Reads them where an origin is going to be installed.
    ///
    /// # Errors
    /// If `.env` is damaged, or only compose can tell a value.
    pub fn load(host: &Host, asked_dir: Option<&Path>) -> Result<Self> {
        let dir = asked_dir.unwrap_or(Path::new(DEFAULT_DIR));
        Self::behind(&read(host, &dir.join(".env"))?.unwrap_or_default())
    }

    pub(super) fn behind(env: &EnvFile) -> Result<Self> {
        // An edge's name is no domain.
        if env.get("LIVEKIT_WEBHOOK_URL")?.is_some() {
            return Ok(Self::default());
        }
        let value = |key: &str| -> Result<Option<String>> {
            let value = env.get(key)?.filter(|value| !value.is_empty());
            Ok(value.map(str::to_owned))
        };
        Ok(Self {
            domain: value("STREAMHUB_DOMAIN")?,
            email: value("ACME_EMAIL")?,
            admin_user: value("ADMIN_USER")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origins_answers_are_known_again_and_an_edges_name_is_none() {
        let left = |text: &str| Left::behind(&EnvFile::parse(text.as_bytes()).unwrap()).unwrap();
        let origin =
            "STREAMHUB_DOMAIN=media.example.com\nACME_EMAIL=ops@example.com\nADMIN_USER=\n";
        let known = Left {
            domain: Some("media.example.com".to_owned()),
            email: Some("ops@example.com".to_owned()),
            admin_user: None,
        };
        assert_eq!(left(origin), known);
        let edge = include_str!("../../../fixtures/predecessor/edge.env");
        assert_eq!(left(edge), Left::default());
    }
}
