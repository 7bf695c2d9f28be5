//! An operator's own compose layer.

use anyhow::Context;

use super::{Finding, Scene};
use crate::fault::{Exit, Result};
use crate::resource::{BaseFile, operators_layer};
use crate::roles::edge;
use crate::settings::Edge;

/// An origin's layer in an edge's directory, as the predecessor's source tree had both, is found out only when all is
/// to start.
pub(super) fn layer(scene: &Scene<'_>, _edge: &Edge) -> Result<Vec<Finding>> {
    let dir = &scene.settings.dir;
    let Some(name) = operators_layer(scene.host, dir)? else {
        return Ok(Vec::new());
    };
    let path = dir.join(name);
    let text = scene.host.read_text(&path)?.unwrap_or_default();
    let layer = BaseFile::parse(&text).with_context(|| path.display().to_string())?;
    let defined: Vec<&str> = edge::SERVICES.iter().map(|service| service.name).collect();
    let undefined = layer.undefined_services(&defined).join(" and ");
    if undefined.is_empty() {
        return Ok(Vec::new());
    }
    let path = path.display();
    Ok(vec![Finding::error(
        Exit::NotReady,
        format!(
            "{path} changes {undefined}, which an edge does not run, and compose then starts nothing"
        ),
        format!("take {undefined} out of {path}, or move that file away"),
    )])
}
