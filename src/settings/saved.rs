//! What an earlier run left on this host: the receipt, and the keys of an edge that has joined.

use std::path::Path;

use super::files::{HEARTBEAT_ENV, read};
use super::predecessor;
use crate::env_file::EnvFile;
use crate::fault::{Exit, Fault, Result, is_permission_denied};
use crate::host::Host;
use crate::origin_api::Answer;
use crate::receipt::{self, Receipt, Role};
use crate::secret::Secret;

/// What is known from before.
#[derive(Clone, Debug, Default)]
pub struct Saved {
    pub receipt: Option<Receipt>,
    /// The predecessor set this node up: the receipt is inferred from what it left, and not written yet.
    pub is_inferred: bool,
    /// The join token, also where the rest of what a join left is gone.
    pub token: Option<Secret>,
    /// A node that has joined: the origin's last answer.
    pub joined: Option<Joined>,
    /// This user may not look: a dry run by an ordinary user.
    pub unreadable: bool,
}

/// An edge that has joined.
#[derive(Clone, Debug)]
pub struct Joined {
    /// The origin's last answer, put together again from what was made of it.
    pub answer: Answer,
}

impl Saved {
    /// Reads the receipt, or infers one from what the predecessor left; `asked_dir` is where an operator
    /// says that this is.
    ///
    /// # Errors
    /// If something can't be read as what it should be.
    pub fn load(host: &Host, asked_dir: Option<&Path>) -> Result<Self> {
        let receipt = match Receipt::load(host) {
            Ok(receipt) => receipt,
            Err(e) if is_permission_denied(&e) => {
                return Ok(Self {
                    unreadable: true,
                    ..Self::default()
                });
            }
            Err(e) => return Err(e),
        };
        let saved = Self {
            receipt,
            ..Self::default()
        };
        if saved.was_taken() {
            return Ok(saved);
        }
        let Some(mut inferred) = predecessor::inferred_receipt(host, asked_dir)? else {
            return Ok(saved);
        };
        // A join that no origin has taken may have brought a package all the same.
        inferred.owned = saved.receipt.map_or_else(Vec::new, |receipt| receipt.owned);
        Ok(Self {
            receipt: Some(inferred),
            is_inferred: true,
            ..Self::default()
        })
    }

    /// Adds the token and the keys of an edge that has joined, if it has.
    ///
    /// # Errors
    /// If a file is damaged.
    pub(super) fn with_join(mut self, host: &Host, dir: &Path) -> Result<Self> {
        let Some(receipt) = &self.receipt else {
            return Ok(self);
        };
        if let Some(beat) = read(host, Path::new(HEARTBEAT_ENV))? {
            self.token = beat.get("STREAMHUB_HB_TOKEN")?.map(Secret::new);
            // An origin has such files too, and its own values may be what no edge would take.
            if receipt.role == Role::Edge {
                self.joined = joined(host, dir, &beat)?;
            }
        }
        Ok(self)
    }

    /// Whether an origin has taken this node, or this is one: until then its role and place are not fixed.
    pub fn was_taken(&self) -> bool {
        let settings = self.settings();
        settings.master_ip.is_some() || settings.domain.is_some()
    }

    /// The settings that the receipt keeps.
    pub fn settings(&self) -> receipt::Saved {
        self.receipt
            .as_ref()
            .map(|r| r.settings.clone())
            .unwrap_or_default()
    }
}

/// `None` until every part is there: a first join that was cut off is a first join again.
fn joined(host: &Host, dir: &Path, beat: &EnvFile) -> Result<Option<Joined>> {
    let path = dir.join(".env");
    let Some(env) = read(host, &path)? else {
        return Ok(None);
    };
    let parts = (
        beat.get("STREAMHUB_HB_NODE_ID")?,
        env.get("LIVEKIT_API_KEY")?,
        env.get("LIVEKIT_API_SECRET")?,
        env.get("REDIS_URL")?,
    );
    let (Some(node_id), Some(key), Some(secret), Some(redis_url)) = parts else {
        return Ok(None);
    };
    let own = str::to_owned;
    let answer = Answer::new(own(node_id), own(key), own(secret), own(redis_url), false).map_err(|what| {
        Fault::new(Exit::NotReady, format!("{} or {HEARTBEAT_ENV} was changed: {what}", path.display()))
            .fix("put the value back, or remove that line and join again with --master-token-file and --master-ip")
    })?;
    Ok(Some(Joined { answer }))
}
