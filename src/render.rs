//! The templates, embedded, and rendered strictly: a name that is not defined is an error, never an
//! empty string.

use anyhow::Context;
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior};

use crate::fault::Result;

/// Every file below `templates/`, by its path there.
const TEMPLATES: &[(&str, &str)] = &[
    (
        "edge/docker-compose.yml",
        include_str!("../templates/edge/docker-compose.yml"),
    ),
    (
        "edge/livekit.yml",
        include_str!("../templates/edge/livekit.yml"),
    ),
    (
        "edge/livekit.config.yml",
        include_str!("../templates/edge/livekit.config.yml"),
    ),
    (
        "edge/ingress.yml",
        include_str!("../templates/edge/ingress.yml"),
    ),
    (
        "edge/ingress.config.yml",
        include_str!("../templates/edge/ingress.config.yml"),
    ),
    (
        "edge/egress.yml",
        include_str!("../templates/edge/egress.yml"),
    ),
    (
        "edge/egress.config.yml",
        include_str!("../templates/edge/egress.config.yml"),
    ),
    (
        "edge/redis.config.yml",
        include_str!("../templates/edge/redis.config.yml"),
    ),
    (
        "origin/docker-compose.yml",
        include_str!("../templates/origin/docker-compose.yml"),
    ),
    (
        "origin/docker-compose.streamhub.yml",
        include_str!("../templates/origin/docker-compose.streamhub.yml"),
    ),
    (
        "origin/redis.yml",
        include_str!("../templates/origin/redis.yml"),
    ),
    (
        "origin/redis.config.yml",
        include_str!("../templates/origin/redis.config.yml"),
    ),
    (
        "origin/redis-client.yml",
        include_str!("../templates/origin/redis-client.yml"),
    ),
    (
        "origin/livekit.yml",
        include_str!("../templates/origin/livekit.yml"),
    ),
    (
        "origin/ingress.yml",
        include_str!("../templates/origin/ingress.yml"),
    ),
    (
        "origin/egress.yml",
        include_str!("../templates/origin/egress.yml"),
    ),
    (
        "origin/core.yml",
        include_str!("../templates/origin/core.yml"),
    ),
    ("origin/env", include_str!("../templates/origin/env")),
    ("edge/env", include_str!("../templates/edge/env")),
    (
        "origin/nginx.conf",
        include_str!("../templates/origin/nginx.conf"),
    ),
    (
        "origin/nginx-routes.conf",
        include_str!("../templates/origin/nginx-routes.conf"),
    ),
    (
        "origin/nginx-cluster.conf",
        include_str!("../templates/origin/nginx-cluster.conf"),
    ),
    (
        "origin/caddy.yml",
        include_str!("../templates/origin/caddy.yml"),
    ),
    (
        "origin/caddy.config.yml",
        include_str!("../templates/origin/caddy.config.yml"),
    ),
    ("heartbeat.env", include_str!("../templates/heartbeat.env")),
    (
        "streamhub-heartbeat.service",
        include_str!("../templates/streamhub-heartbeat.service"),
    ),
    (
        "streamhub-heartbeat.timer",
        include_str!("../templates/streamhub-heartbeat.timer"),
    ),
    (
        "docker.sources",
        include_str!("../templates/docker.sources"),
    ),
    (
        "99-streamhub-webrtc.conf",
        include_str!("../templates/99-streamhub-webrtc.conf"),
    ),
];

/// A template's own text, for a file that is edited from there on.
pub fn source(name: &str) -> &'static str {
    TEMPLATES
        .iter()
        .find(|(known, _)| *known == name)
        .map_or("", |(_, text)| text)
}

/// Renders a template with its values.
///
/// # Errors
/// If there is no such template or it uses a name that `values` lacks: a mistake of ours.
pub fn render(name: &str, values: minijinja::Value) -> Result<String> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(
        SyntaxConfig::builder()
            .keep_trailing_newline(true)
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build()
            .context("the templates' syntax")?,
    );
    // What is rendered is YAML and INI, never HTML.
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    for (name, text) in TEMPLATES {
        environment
            .add_template(name, text)
            .with_context(|| format!("the template {name}"))?;
    }
    environment
        .get_template(name)
        .and_then(|template| template.render(values))
        .with_context(|| format!("rendering the template {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use minijinja::context;

    #[test]
    fn a_name_that_is_not_given_is_an_error() {
        let error = render("99-streamhub-webrtc.conf", context! {}).unwrap_err();
        assert!(format!("{error:#}").contains("undefined"), "{error:#}");
    }
}
