//! A receipt's settings as people read them.

use super::{Receipt, Role};

impl Receipt {
    /// Its settings for people, a line each.
    pub fn in_words(&self) -> String {
        let settings = &self.settings;
        let dir = self.dir.display().to_string();
        let region = settings.region_is_unknown.then_some("unknown");
        let looked_up = (self.role == Role::Edge).then_some("looked up anew (--node-ip sets it)");
        let address = settings.node_ip.as_deref().or(looked_up);
        let lines = [
            ("role", Some(self.role.name())),
            ("directory", Some(dir.as_str())),
            ("domain", settings.domain.as_deref()),
            (
                "TLS",
                settings
                    .domain
                    .as_ref()
                    .map(|_| if settings.no_tls { "no" } else { "yes" }),
            ),
            ("proxy", settings.proxy.as_deref()),
            ("core image", settings.core_image.as_deref()),
            ("source", settings.repo_url.as_deref()),
            (
                "redis for the cluster on",
                settings.cluster_redis_bind.as_deref(),
            ),
            ("node name", settings.node_name.as_deref()),
            ("origin's IP", settings.master_ip.as_deref()),
            ("origin's API", settings.master_url.as_deref()),
            ("address", address),
            ("region", region.or(settings.region.as_deref())),
            ("compose project", settings.project.as_deref()),
        ];
        lines
            .iter()
            .filter_map(|(what, value)| Some(format!("{what}: {}\n", (*value)?)))
            .collect()
    }
}
