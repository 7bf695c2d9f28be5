//! `doctor`: active checks, each with its finding and its fix.

use serde_json::json;

use super::{Outcome, status};
use crate::doctor;
use crate::fault::Result;
use crate::host::Host;
use crate::ui::{self, Event};

/// Makes every check of this node's role and shows what it finds. Changes nothing.
///
/// # Errors
/// If nothing is installed here, or this user may not look.
pub fn run(host: &Host, json: bool) -> Result<Outcome> {
    let settings = status::installed(host, "doctor")?;
    let found = doctor::examine(host, &settings)?;
    let ok = found.is_empty();
    if json {
        let findings: Vec<_> = found
            .iter()
            .map(|(check, finding)| {
                json!({
                    "check": check,
                    "severity": finding.severity,
                    "what": finding.what,
                    "fix": finding.fix,
                })
            })
            .collect();
        // docs/doctor.schema.json describes it.
        ui::document(json!({
            "role": settings.role().name(),
            "ok": ok,
            "findings": findings,
        }));
    } else if ok {
        ui::result("All is well.");
    } else {
        for (check, finding) in &found {
            let event = Event::Finding {
                check,
                severity: finding.severity,
                what: &finding.what,
                fix: finding.fix.as_deref(),
            };
            ui::report(&event);
        }
    }
    Ok(Outcome {
        unwell: !ok,
        is_document: json,
        ..Outcome::default()
    })
}
