//! What an origin that is here no more, or not yet again, was told about itself.

use std::path::Path;

use super::super::DEFAULT_DIR;
use super::super::files::read;
use super::{Domain, Proxy};
use crate::env_file::EnvFile;
use crate::fault::Result;
use crate::host::Host;

/// The answers in a `.env` that `uninstall --keep-data` or a backup left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Left {
    pub domain: Option<String>,
    pub email: Option<String>,
    pub admin_user: Option<String>,
    pub no_tls: bool,
    pub proxy: Option<Proxy>,
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
            no_tls: is_without_tls(env)?,
            proxy: (env.get("COMPOSE_PROFILES")?)
                .filter(|profiles| profiles.split(',').any(|one| one.trim() == "caddy"))
                .map(|_| Proxy::Caddy),
        })
    }
}

/// Whether a name is served over plain HTTP, as `--no-tls` has it; what is no name never has a certificate anyway.
pub(in crate::settings) fn is_without_tls(env: &EnvFile) -> Result<bool> {
    let is_plain = env
        .get("PUBLIC_WS_URL")?
        .is_some_and(|url| url.starts_with("ws:"));
    let domain = Domain::parse(env.get("STREAMHUB_DOMAIN")?.unwrap_or_default());
    Ok(is_plain && domain.is_ok_and(|domain| domain.can_have_certificate()))
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
            ..Left::default()
        };
        assert_eq!(left(origin), known);
        let more = "PUBLIC_WS_URL=ws://media.example.com:7880\nCOMPOSE_PROFILES=gpu,caddy\n";
        let known = Left {
            no_tls: true,
            proxy: Some(Proxy::Caddy),
            ..known
        };
        assert_eq!(left(&format!("{origin}{more}")), known);
        let edge = include_str!("../../../fixtures/predecessor/edge.env");
        assert_eq!(left(edge), Left::default());
    }
}
