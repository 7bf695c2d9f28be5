//! A file of settings, `.env` or one like it, that may be damaged: what in it is secret, and what of it may be shown.

use percent_encoding::percent_decode_str;
use url::Url;

use crate::env_file::EnvFile;
use crate::secret::REDACTED;

/// Keys whose values tell how a node is set up and let nobody in.
const HARMLESS: &[&str] = &[
    "COMPOSE_FILE",
    "COMPOSE_PROJECT_NAME",
    "DATA_DIR",
    "EGRESS_CPUS",
    "EGRESS_MEM_LIMIT",
    "HOST",
    "INGRESS_CPUS",
    "INGRESS_MEM_LIMIT",
    "LIVEKIT_REDIS_ADDRESS",
    "LIVEKIT_REDIS_DB",
    "LIVEKIT_REDIS_TLS",
    "LIVEKIT_URL",
    "LIVEKIT_WEBHOOK_URL",
    "LOG_LEVEL",
    "NODE_ENV",
    "PORT",
    "PUBLIC_WS_URL",
    "REDIS_BIND",
    "RTMP_PUBLIC_HOST",
    "STREAMHUB_APP_URL",
    "STREAMHUB_AUTHZ_ENFORCE",
    "STREAMHUB_DOMAIN",
    "STREAMHUB_HB_NODE_ID",
    "STREAMHUB_HB_PROJECT",
    "STREAMHUB_HB_URL",
    "STREAMHUB_HOST_DATA_DIR",
    "STREAMHUB_PUBLIC_URL",
    "STREAMHUB_SITE_ADDRESS",
    "STREAMHUB_SMTP_HOST",
    "STREAMHUB_SMTP_PORT",
];
/// What the names of secrets have in them.
const TELLING: &[&str] = &["PASS", "SECRET", "TOKEN", "KEY", "REDIS_URL"];
/// A shorter value of a key that nobody knows stands in ordinary text by accident.
const SHORTEST_OF_UNKNOWN: usize = 8;

/// The assignment in a line, be it commented out: a byte order mark and the comment's sign are no part of it.
fn uncommented(line: &str) -> &str {
    let line = line.trim_start_matches('\u{feff}').trim();
    line.trim_start_matches('#').trim_start()
}

/// Key and value of a line, as they are written, without quotes.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let line = uncommented(line);
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (key, value) = line.split_once('=')?;
    let key = key.trim();
    let is_key = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_key.then(|| (key, value.trim().trim_matches(['\'', '"'])))
}

/// What is read of a text: no quotes, no comment behind the value. Nothing where it can't be read.
fn read(text: &str) -> Vec<(String, String)> {
    let owned = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
    let file = EnvFile::parse(text.as_bytes());
    file.map_or_else(|_| Vec::new(), |file| file.values().map(owned).collect())
}

fn may_be_shown(key: &str, value: &str) -> bool {
    // An address may have a password in it.
    HARMLESS.contains(&key) && !value.contains('@')
}

/// Every value that must not be seen, also of a key that is commented out: as it is written, as its line alone is
/// read, so that one damaged line hides no other, and as the whole is, where a value has several lines.
pub(super) fn secrets(text: &str) -> Vec<String> {
    let as_written = text.lines().filter_map(assignment);
    let owned = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
    let alone = text.lines().flat_map(|line| read(uncommented(line)));
    let all = as_written.map(owned).chain(alone).chain(read(text));
    let mut found = Vec::new();
    for (key, value) in all {
        if may_be_shown(&key, &value) || value.is_empty() {
            continue;
        }
        let url = Url::parse(&value).ok();
        if let Some(password) = url.as_ref().and_then(Url::password) {
            found.push(password.to_owned());
            found.push(
                percent_decode_str(password)
                    .decode_utf8_lossy()
                    .into_owned(),
            );
        }
        let is_telling = TELLING.iter().any(|part| key.contains(part));
        if is_telling || value.len() >= SHORTEST_OF_UNKNOWN {
            found.push(value);
        }
    }
    found
}

/// Its keys in their order, with the values that may be shown; comments and what is no assignment are left out.
pub(super) fn masked(text: &str) -> String {
    let is_comment = |line: &&str| line.trim_start_matches('\u{feff}').trim().starts_with('#');
    text.lines()
        .filter(|line| !is_comment(line))
        .filter_map(|line| Some((assignment(line)?.0, read(line).pop())))
        .map(|(key, read)| match read {
            Some((_, value)) if value.is_empty() || may_be_shown(key, &value) => {
                format!("{key}={value}\n")
            }
            _ => format!("{key}={REDACTED}\n"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_to_be_harmless_is_masked_and_searched_for() {
        let text = "# ADMIN_PASS='ExampleOld'\nPORT=3020\nLIVEKIT_API_SECRET=\"Example Secret\"\nMY_OWN=ExampleOwn1\nA=1\n\
                    REDIS_URL=redis://:Example%2FPass@10.0.0.1:6379\nLIVEKIT_WEBHOOK_URL=http://u:ExampleIn@10.0.0.1/x\nEMPTY=\nprose\n";
        assert_eq!(
            masked(text),
            "PORT=3020\nLIVEKIT_API_SECRET=(secret)\nMY_OWN=(secret)\nA=(secret)\nREDIS_URL=(secret)\n\
             LIVEKIT_WEBHOOK_URL=(secret)\nEMPTY=\n"
        );
        let found = secrets(text);
        for secret in [
            "ExampleOld",
            "Example Secret",
            "ExampleOwn1",
            "Example/Pass",
            "ExampleIn",
        ] {
            assert!(found.iter().any(|s| s == secret), "{secret}: {found:?}");
        }
        assert!(!found.iter().any(|s| s == "1" || s == "3020"), "{found:?}");
    }

    #[test]
    fn a_secret_is_what_is_read_of_a_line_and_not_what_stands_around_it() {
        let text = "\u{feff}METRICS_TOKEN=mtk_Example\r\nREDIS_PASSWORD=ExampleShort # once another\n\
                    ADMIN_PASS=\"Exa\\\"mple\" # mine\n# SMTP_PASS='ExampleOld' # until May\nBROKEN='never closed\n\
                    LOG_LEVEL=info # ExampleNote\nexport MY_TOKEN: ExampleColon\n";
        let found = secrets(text);
        for secret in [
            "mtk_Example",
            "ExampleShort",
            "Exa\"mple",
            "ExampleOld",
            "ExampleColon",
        ] {
            assert!(found.iter().any(|s| s == secret), "{secret}: {found:?}");
        }
        assert_eq!(
            masked(text),
            "METRICS_TOKEN=(secret)\nREDIS_PASSWORD=(secret)\nADMIN_PASS=(secret)\nBROKEN=(secret)\nLOG_LEVEL=info\n"
        );
        let several = secrets("MY_KEY='Example\nof two lines'\nA=x\n");
        assert!(
            several.iter().any(|s| s == "Example\nof two lines"),
            "{several:?}"
        );
    }
}
