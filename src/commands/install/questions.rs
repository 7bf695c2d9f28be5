//! What a person at a terminal is asked before a first install of an origin.

use crate::cli::Given;
use crate::fault::{Exit, Fault, Result};
use crate::host::Host;
use crate::settings::{Domain, Left, Saved};
use crate::ui;

const ADMIN: &str = "admin";

/// Asks for what neither a flag nor the environment has said, on a host that has no role yet.
///
/// # Errors
/// The signal that ended the wait, or a receipt that can't be read.
pub(super) fn ask(given: &mut Given, host: &Host) -> Result<()> {
    let flags = &mut given.cli.install;
    let is_asked = !(flags.join || flags.dry_run || flags.non_interactive || flags.update);
    if !is_asked || given.cli.output.json || !host.is_root() {
        return Ok(());
    }
    let saved = Saved::load(host, flags.dir.as_deref())?;
    if saved.receipt.is_some() || saved.unreadable {
        return Ok(());
    }
    let left = Left::load(host, flags.dir.as_deref())?;
    let is_domain = |text: &str| Domain::parse(text).map(drop);
    if flags.domain.is_none() {
        let what = "The domain by which the world reaches this server (an IP address, or localhost for a test)";
        flags.domain = answer(what, left.domain.as_deref(), "localhost", &is_domain)?;
    }
    let domain = flags.domain.as_deref().or(left.domain.as_deref());
    if flags.email.is_none() {
        let what = "The address for certificates and the administrator";
        let default = format!("admin@{}", domain.unwrap_or("localhost"));
        flags.email = answer(what, left.email.as_deref(), &default, &is_address)?;
    }
    if flags.admin_user.is_none() {
        let what = "The administrator's login";
        flags.admin_user = answer(what, left.admin_user.as_deref(), ADMIN, &is_login)?;
    }
    Ok(())
}

/// An answer that differs from what `.env` has, which stays as it is where nobody wants another.
fn answer(
    what: &str,
    left: Option<&str>,
    default: &str,
    check: &dyn Fn(&str) -> Result<()>,
) -> Result<Option<String>> {
    let is_left = |text: &str| left == Some(text);
    let check = |text: &str| if is_left(text) { Ok(()) } else { check(text) };
    let answer = ui::question(what, left.unwrap_or(default), &check)?;
    Ok(answer.filter(|answer| !is_left(answer)))
}

fn is_address(text: &str) -> Result<()> {
    let is_plain = |c: char| c.is_ascii_graphic() && !"'\\\"<>,;".contains(c);
    match text.split_once('@') {
        Some((name, host))
            if !name.is_empty() && !host.is_empty() && text.chars().all(is_plain) =>
        {
            Ok(())
        }
        _ => Err(refused(
            text,
            "it is no mail address, such as admin@example.com",
        )),
    }
}

fn is_login(text: &str) -> Result<()> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._@-".contains(c);
    if text.chars().all(is_plain) && text.len() <= 64 {
        return Ok(());
    }
    Err(refused(text, "a login has 1 to 64 of A-Z a-z 0-9 . _ @ -"))
}

fn refused(text: &str, why: &str) -> anyhow::Error {
    Fault::new(Exit::Usage, format!("{text:?} can't be used: {why}")).into()
}
