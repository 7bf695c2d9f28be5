//! What this host has: its files, its units, and who may read its secrets.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::{AGAIN, Findings, wrong};
use crate::check::{Finding, Scene, not_looked};
use crate::engine::DIGEST_LABEL;
use crate::host::{Found, Host};
use crate::receipt::Owned;
use crate::resource::{CORE_IS_SILENT, Change, Resource, SERVICE, TIMER, Timer};
use crate::roles;

const UNITS: &str = "/etc/systemd/system";

/// Mode and owner of what holds secrets.
pub(super) fn secrets(scene: &Scene<'_>) -> Findings {
    let mut findings = Vec::new();
    for path in roles::secret_files(scene.settings) {
        let Found::File(metadata) = scene.host.find(&path)? else {
            continue;
        };
        let (mode, owner) = (metadata.mode() & 0o7777, metadata.uid());
        let path = path.display();
        if mode & 0o177 != 0 {
            findings.push(wrong(
                format!("{path} has mode {mode:04o}, and it is for root alone (0600)"),
                format!("chmod 600 {path}"),
            ));
        }
        if owner != 0 && scene.host.is_root() {
            findings.push(wrong(
                format!("{path} belongs to user {owner}, and it is for root alone"),
                format!("chown root: {path}"),
            ));
        }
    }
    Ok(findings)
}

/// Everything that an install would change, besides what other checks look at more closely.
pub(super) fn managed(scene: &Scene<'_>) -> Findings {
    let Some(installed) = roles::installed(scene.settings, scene.host.cores())? else {
        return Ok(vec![wrong(
            "what a join left is not complete",
            "streamhub-install --join --master-token-file <file>",
        )]);
    };
    let secret = roles::secret_files(scene.settings);
    let mut findings = Vec::new();
    for resource in &installed.resources {
        let owned = resource.owned(scene.host);
        let is_looked_at = |thing: &Owned| match thing {
            Owned::Stack { .. } | Owned::Unit { .. } => true,
            Owned::File { path } => is_masked(scene.host, path),
            _ => false,
        };
        if owned.iter().any(is_looked_at) {
            continue;
        }
        let is_secret = owned
            .iter()
            .any(|thing| matches!(thing, Owned::File { path } if secret.contains(path)));
        match resource.probe(scene.host) {
            // Who may read it is another check's, and so is what services were made from.
            Ok(Change::Update(how)) if is_secret && is_about_access(&how) => {}
            Ok(Change::Update(how)) if is_about_digests(&how) => {}
            // A core that is away is told of by its own checks.
            Ok(Change::Unknown(why)) if why == CORE_IS_SILENT => {}
            Ok(change) => findings.extend(difference(resource.as_ref(), &change)),
            Err(e) => findings.push(not_looked(&e)),
        }
    }
    // One cause, such as a read-only /etc, speaks once.
    findings.dedup_by(|a, b| a.what == b.what);
    Ok(findings)
}

fn is_about_access(how: &str) -> bool {
    how.starts_with("mode ") || how.starts_with("owner ")
}

/// A compose file carries what its services are made from.
fn is_about_digests(how: &str) -> bool {
    how.contains("@@") && changed(how).all(|line| line.contains(DIGEST_LABEL))
}

fn difference(resource: &dyn Resource, change: &Change) -> Option<Finding> {
    let name = resource.name();
    match change {
        Change::None => None,
        Change::Create(_) => Some(wrong(format!("{name} is missing"), AGAIN)),
        Change::Update(how) => Some(wrong(
            format!("{name} is not as it was installed: {}", in_a_line(how)),
            AGAIN,
        )),
        Change::Unknown(why) => Some(Finding::unknown(format!("{name}: {why}"))),
    }
}

/// What differs: of a `.env` the keys, of another text its first lines.
fn in_a_line(how: &str) -> String {
    let is_diff = how.contains("@@");
    let lines = if is_diff {
        changed(how).collect::<Vec<_>>()
    } else {
        how.lines().collect()
    };
    let key = |line: &str| {
        let (key, _) = line.trim_start_matches(['+', '-']).split_once('=')?;
        let is_key = |c: char| c.is_ascii_alphanumeric() || c == '_';
        (is_diff && !key.is_empty() && key.chars().all(is_key)).then(|| key.to_owned())
    };
    let keys: Option<BTreeSet<String>> = lines.iter().copied().map(key).collect();
    match keys {
        Some(keys) if !keys.is_empty() => Vec::from_iter(keys).join(", "),
        _ => lines[..lines.len().min(3)].join(" "),
    }
}

/// The lines of a diff that say what differs.
fn changed(diff: &str) -> impl Iterator<Item = &str> {
    diff.lines().filter(|line| {
        let is_head = line.starts_with("---") || line.starts_with("+++");
        line.starts_with(['+', '-']) && !is_head
    })
}

/// Whether it is a unit that an operator has masked.
fn is_masked(host: &Host, path: &Path) -> bool {
    path.starts_with(UNITS) && matches!(host.find(path), Ok(Found::Symlink))
}

/// Loaded as it lies on disk, enabled, running, with a next run.
pub(super) fn timer(scene: &Scene<'_>) -> Findings {
    let masked: Vec<&str> = [TIMER, SERVICE]
        .into_iter()
        .filter(|unit| is_masked(scene.host, &Path::new(UNITS).join(unit)))
        .collect();
    if !masked.is_empty() {
        let units = masked.join(" ");
        return Ok(vec![wrong(
            format!("masked, so that it never beats: {units}"),
            format!("systemctl unmask {units} && {AGAIN}"),
        )]);
    }
    let is_there = |unit: &str| {
        let found = scene.host.find(&Path::new(UNITS).join(unit));
        matches!(found, Ok(Found::File(_)))
    };
    // A unit that is gone is among what is managed.
    if !(is_there(TIMER) && is_there(SERVICE)) {
        return Ok(Vec::new());
    }
    let state = Timer::state()?;
    let start = format!("systemctl enable --now {TIMER}");
    let restart = format!("systemctl daemon-reload && systemctl restart {TIMER}");
    let finding = if state.outdated {
        wrong(
            format!("systemd has loaded another {TIMER} or {SERVICE} than lies on disk"),
            restart,
        )
    } else if !state.active {
        wrong(format!("{TIMER} does not run: nothing beats"), start)
    } else if !state.enabled {
        wrong(format!("{TIMER} does not start at a boot"), start)
    } else if state.next.is_none() && !state.beating {
        wrong(format!("{TIMER} runs and has no next run"), restart)
    } else {
        return Ok(Vec::new());
    };
    Ok(vec![finding])
}

#[cfg(test)]
mod tests {
    use super::{in_a_line, is_about_digests};

    #[test]
    fn a_difference_is_told_in_a_line_and_of_env_by_its_keys() {
        let env = "@@ -7 +7 @@\n-LIVEKIT_WEBHOOK_URL=http://10.0.0.99/x\n+LIVEKIT_WEBHOOK_URL=http://10.0.0.10/x\n@@ -9 +9 @@\n-A=1\n";
        assert_eq!(in_a_line(env), "A, LIVEKIT_WEBHOOK_URL");
        assert_eq!(in_a_line("mode 0666 → 0644"), "mode 0666 → 0644");
        assert_eq!(in_a_line("ufw allow 7880/tcp\n"), "ufw allow 7880/tcp");
        let digest =
            "@@ -40 +40 @@\n-  studio.streamhub.digest: \"1\"\n+  studio.streamhub.digest: \"2\"\n";
        assert!(is_about_digests(digest) && !is_about_digests(env));
        let text =
            "@@ -3,3 +3,3 @@\n [Timer]\n-OnCalendar=*:*:0/20\n+OnCalendar=never # x=1\n end\n";
        assert_eq!(in_a_line(text), "OnCalendar");
    }
}
