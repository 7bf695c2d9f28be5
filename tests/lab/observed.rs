//! What a campaign ([`crate::campaign`]) looks at on a host, before a blow and after it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::campaign::Play;
use crate::scene::Stage;

const RECEIPT: &str = "/etc/streamhub/receipt.json";
const PROGRAM: &str = "/usr/local/bin/streamhub-install";

impl Play<'_> {
    /// How long after a moment (of [`Host::moment`]) the receipt was written last.
    pub fn receipt_was_written_after(&self, moment: &str) -> Duration {
        let written = self
            .stage
            .host
            .sh_ok(&format!("date +%s.%N --reference {RECEIPT}"));
        let seconds = |text: &str| text.trim().parse::<f64>().expect("it is a time");
        Duration::from_secs_f64((seconds(&written) - seconds(moment)).max(0.0))
    }

    pub fn files(&self) -> Vec<Option<String>> {
        let ip = self.stage.host.ip().to_string();
        let files = self.scene.files.iter();
        files
            .map(|path| self.file(&path.replace("{ip}", &ip)))
            .collect()
    }

    /// What a file is, and where secrets are generated its text without them in the place of its digest.
    pub fn file(&self, path: &str) -> Option<String> {
        let Stage { host, .. } = &self.stage;
        let found = host.at(path)?;
        let secrets = self.secrets();
        let text = host
            .bytes_at(path)
            .and_then(|bytes| String::from_utf8(bytes).ok());
        match (text, found.rsplit_once(' ')) {
            (Some(text), Some((meta, _))) if !self.scene.secrets.is_empty() => {
                Some(format!("{meta} {}", masked(&text, &secrets)))
            }
            _ => Some(found),
        }
    }

    /// The generated secrets that `.env` has.
    pub fn secrets(&self) -> BTreeMap<&'static str, String> {
        let env = self.stage.host.bytes_at("/opt/streamhub/.env");
        let env = String::from_utf8(env.unwrap_or_default()).expect("it is text");
        let lines = env.lines().filter_map(|line| line.split_once('='));
        let keys = self.scene.secrets;
        lines
            .filter_map(|(key, value)| {
                let key = keys.iter().find(|known| **known == key)?;
                let value = value.trim_matches('\'').to_owned();
                (!value.is_empty()).then_some((*key, value))
            })
            .collect()
    }

    /// A secret that was written once may go, where a run takes it away, and never changes.
    #[track_caller]
    pub fn keeps(&self, secrets: &BTreeMap<&'static str, String>) {
        for (key, value) in self.secrets() {
            assert_eq!(secrets.get(key).unwrap_or(&value), &value, "{key} changed");
        }
    }

    pub fn receipt(&self) -> Option<Value> {
        let bytes = self.stage.host.bytes_at(RECEIPT)?;
        Some(serde_json::from_slice(&bytes).expect("a receipt is whole at every moment"))
    }

    /// Everything else that a run brings about or has to leave alone: containers, a stranger's one to the moment of its
    /// start, firewall rules, the timer, and that nothing lies about or is still at work.
    pub fn state(&self) -> String {
        let state = self.stage.host.sh_ok(&format!(
            "until systemctl show --property=NextElapseUSecRealtime --value streamhub-heartbeat.timer | grep -q .; do sleep 0.1; done
             systemctl show --property=ActiveState,UnitFileState streamhub-heartbeat.timer
             docker ps --all --format '{{{{.Names}}}} {{{{.State}}}} {{{{.Label \"studio.streamhub.digest\"}}}}' | sort
             docker ps --all --quiet --filter label=foreign |
                 xargs --no-run-if-empty docker inspect --format '{{{{.Id}}}} {{{{.State.StartedAt}}}} {{{{.RestartCount}}}}'
             cat /etc/ufw/user.rules /etc/ufw/user6.rules
             find /opt /etc /usr/local /var/log -name '.*.new*'
             pgrep --list-full 'apt-get|dpkg|docker-compose|streamhub-insta' | grep -v '{PROGRAM} heartbeat' || :"
        ));
        if self.scene.secrets.is_empty() {
            return state;
        }
        masked(&state, &self.secrets())
    }
}

/// The same for equal settings, whatever was generated: the secrets, and the digests that are made from them.
fn masked(text: &str, secrets: &BTreeMap<&'static str, String>) -> String {
    let mut text = text.to_owned();
    for (key, value) in secrets {
        text = text.replace(value, &format!("<{key}>"));
    }
    let is_hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let words = text.split_inclusive([' ', '\n', '"']);
    words
        .map(|word| {
            let bare = word.trim_end_matches([' ', '\n', '"']);
            let is_digest = bare.len() == 32 && is_hex(bare);
            if is_digest {
                word.replace(bare, "<digest>")
            } else {
                word.to_owned()
            }
        })
        .collect()
}
