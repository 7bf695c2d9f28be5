//! Whether a certificate will do.

use std::time::{Duration, SystemTime};

use anyhow::{Context, ensure};
use x509_parser::extensions::GeneralName;
use x509_parser::pem::Pem;
use x509_parser::time::ASN1Time;

use crate::fault::Result;

/// Whether the first certificate of a PEM text is one for this name at this time.
///
/// # Errors
/// Why it is not.
pub fn judge(pem: &[u8], domain: &str, now: SystemTime) -> Result<()> {
    let pem = Pem::iter_from_buffer(pem)
        .next()
        .context("it holds no certificate")?
        .context("it is no PEM text")?;
    let certificate = pem.parse_x509().context("its certificate can't be read")?;
    let since_1970 = now.duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
    let now = ASN1Time::from_timestamp(i64::try_from(since_1970)?)?;
    let validity = certificate.validity();
    ensure!(
        validity.is_valid_at(now),
        "it is valid until {}",
        validity.not_after
    );
    let names = certificate.subject_alternative_name()?;
    let is_for = names.is_some_and(|names| {
        names.value.general_names.iter().any(|name| match name {
            GeneralName::DNSName(name) => covers(name, domain),
            _ => false,
        })
    });
    ensure!(is_for, "it is for other names than {domain}");
    Ok(())
}

/// How long the first certificate of a PEM text is still valid; nothing once it has ended.
///
/// # Errors
/// If there is none.
pub fn left(pem: &[u8], now: SystemTime) -> Result<Duration> {
    let pem = Pem::iter_from_buffer(pem)
        .next()
        .context("it holds no certificate")?
        .context("it is no PEM text")?;
    let certificate = pem.parse_x509().context("its certificate can't be read")?;
    let end = u64::try_from(certificate.validity().not_after.timestamp())?;
    let end = SystemTime::UNIX_EPOCH + Duration::from_secs(end);
    Ok(end.duration_since(now).unwrap_or_default())
}

/// Whether a certificate's name, which may start with `*.`, is this one.
fn covers(name: &str, domain: &str) -> bool {
    let rest = |name: &str| {
        name.split_once('.')
            .map(|(_, rest)| rest.to_ascii_lowercase())
    };
    name.eq_ignore_ascii_case(domain) || (name.starts_with("*.") && rest(name) == rest(domain))
}
