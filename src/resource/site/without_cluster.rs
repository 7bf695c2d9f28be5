//! The cluster's site gone before the core itself takes its address: whoever comes second could not listen there.

use std::path::{Path, PathBuf};

use super::pieces::Standing;
use super::{CLUSTER, ENABLED, nginx, site_path};
use crate::fault::Result;
use crate::host::{Found, Host};
use crate::receipt::Owned;
use crate::resource::{Change, Resource};

/// Where the core listens on every address, for edges too.
#[derive(Clone, Debug)]
pub struct NoClusterSite;

impl NoClusterSite {
    fn link() -> PathBuf {
        Path::new(ENABLED).join(CLUSTER)
    }
}

impl Resource for NoClusterSite {
    fn name(&self) -> String {
        format!("no nginx site {CLUSTER}")
    }

    fn probe(&self, host: &Host) -> Result<Change> {
        Ok(match host.find(&site_path(CLUSTER))? {
            Found::Nothing => Change::None,
            _ => Change::Update("the core listens there itself".to_owned()),
        })
    }

    fn apply(&self, host: &Host) -> Result<()> {
        let link = Self::link();
        let before = Standing::look(host, &link)?;
        Standing::Nothing.make(host, &link)?;
        if let Err(refused) = nginx::test().and_then(|()| nginx::take_up()) {
            before.make(host, &link)?;
            return Err(refused);
        }
        // Last: as long as it is there, nginx may hold the address.
        host.remove(&site_path(CLUSTER))
    }

    fn owned(&self, _host: &Host) -> Vec<Owned> {
        Vec::new()
    }
}
