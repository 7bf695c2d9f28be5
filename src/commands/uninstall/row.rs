//! An edge's row in the registry: removed with an operator's API token, and else named.

use std::path::Path;

use anyhow::Context;
use url::Url;

use crate::env_file::EnvFile;
use crate::fault::Result;
use crate::host::Host;
use crate::http;
use crate::origin_api::{OriginApi, Refusal};
use crate::receipt::{Owned, Receipt, Role};
use crate::resource::Removal;
use crate::secret::Secret;
use crate::settings::{HEARTBEAT_ENV, MASTER_CA};
use crate::ui;

/// The row of this node.
#[derive(Clone, Debug)]
pub struct Row {
    node: String,
    id: String,
    origin: Url,
    token: Option<Secret>,
}

/// The row of an edge that has joined.
///
/// # Errors
/// If a file can't be read.
pub fn of(host: &Host, receipt: &Receipt, token: Option<Secret>) -> Result<Option<Row>> {
    if receipt.role != Role::Edge {
        return Ok(None);
    }
    let Some(bytes) = host.read_ours(Path::new(HEARTBEAT_ENV))? else {
        return Ok(None);
    };
    // A damaged one must not keep a node on a host.
    let Ok(env) = EnvFile::parse(&bytes) else {
        return Ok(None);
    };
    let get = |key: &str| env.get(key).ok().flatten().map(str::to_owned);
    let (url, id) = (get("STREAMHUB_HB_URL"), get("STREAMHUB_HB_NODE_ID"));
    let (Some(Ok(origin)), Some(id)) = (url.map(|url| Url::parse(&url)), id) else {
        return Ok(None);
    };
    let name = receipt.settings.node_name.clone();
    Ok(Some(Row {
        node: name.unwrap_or_else(|| id.clone()),
        id,
        origin,
        token,
    }))
}

impl Row {
    fn ask(&self, host: &Host, token: &Secret) -> Result<()> {
        let authorities = match host.read_text(Path::new(MASTER_CA))? {
            Some(pem) => http::certificates(&pem).context(MASTER_CA)?,
            None => Vec::new(),
        };
        match OriginApi::new(&self.origin, authorities)?.remove_node(token, &self.id) {
            // An operator has removed it before.
            Ok(()) | Err(Refusal::Rejected { status: 404, .. }) => Ok(()),
            Err(refusal) => Err(anyhow::anyhow!("{refusal}")),
        }
    }

    /// What to do about it where nobody could remove it.
    pub fn by_hand(&self) -> String {
        let Self { node, .. } = self;
        let origin = self.origin.as_str().trim_end_matches('/');
        format!(
            "stays in the registry of {origin}: on the origin, streamhub-install nodes remove {node}"
        )
    }

    /// Whether it can be removed from here.
    pub fn has_token(&self) -> bool {
        self.token.is_some()
    }
}

impl Removal for Row {
    fn name(&self) -> String {
        let origin = self.origin.as_str().trim_end_matches('/');
        format!("row {} in the registry of {origin}", self.node)
    }

    fn is_there(&self, _host: &Host) -> Result<bool> {
        Ok(true)
    }

    /// An origin that is away must not keep a node on a host.
    fn remove(&self, host: &Host) -> Result<bool> {
        if let Some(token) = &self.token
            && let Err(error) = self.ask(host, token)
        {
            ui::warn(&format!(
                "the origin did not remove the row ({error:#}): it {}",
                self.by_hand()
            ));
        }
        Ok(true)
    }

    fn things(&self) -> Vec<Owned> {
        Vec::new()
    }
}
