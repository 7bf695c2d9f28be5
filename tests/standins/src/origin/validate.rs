//! The core's validation, with its messages in its order: the last rule of a field is reported first.
//!
//! Recorded: name, ip, the type of stats, status. The messages for other wrong types follow the same library's
//! wording and are not recorded.

use std::net::IpAddr;

use serde_json::Value;

pub struct Join {
    pub name: String,
    pub url: String,
    pub region: Option<String>,
}

pub struct Beat {
    pub node: String,
    pub stats: Option<Value>,
}

/// `null` and absent are the same to an optional field.
fn field<'a>(body: &'a Value, name: &str) -> Option<&'a Value> {
    body.get(name).filter(|value| !value.is_null())
}

fn text(body: &Value, name: &str) -> Option<String> {
    field(body, name).and_then(Value::as_str).map(str::to_owned)
}

fn optional_string(body: &Value, name: &str, problems: &mut Vec<String>) -> Option<String> {
    let value = field(body, name)?;
    if !value.is_string() {
        problems.push(format!("{name} must be a string"));
    }
    value.as_str().map(str::to_owned)
}

pub fn join(body: &Value) -> Result<Join, Vec<String>> {
    let mut problems = Vec::new();
    let mut problem = |text: &str| problems.push(text.to_owned());

    let name = field(body, "name");
    let given = name.and_then(Value::as_str);
    let legal = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if !given.is_some_and(|name| !name.is_empty() && name.chars().all(legal)) {
        problem("name may only contain a-z A-Z 0-9 . _ -");
    }
    match given.map(|name| name.encode_utf16().count()) {
        Some(1..=64) => {}
        Some(65..) => problem("name must be shorter than or equal to 64 characters"),
        Some(_) => problem("name must be longer than or equal to 1 characters"),
        None if name.is_none() => problem("name must be longer than or equal to 1 characters"),
        None => problem(
            "name must be longer than or equal to 1 and shorter than or equal to 64 characters",
        ),
    }
    if given.is_none() {
        problem("name must be a string");
    }
    let ip = text(body, "ip");
    if ip.as_ref().is_none_or(|ip| ip.parse::<IpAddr>().is_err()) {
        problem("ip must be a valid IPv4 or IPv6 address");
    }
    if ip.is_none() {
        problem("ip must be a string");
    }
    let region = optional_string(body, "region", &mut problems);
    if region
        .as_ref()
        .is_some_and(|region| region.encode_utf16().count() > 64)
    {
        problems.push("region must be shorter than or equal to 64 characters".to_owned());
    }
    let url = optional_string(body, "url", &mut problems);
    match (given, ip) {
        (Some(name), Some(ip)) if problems.is_empty() => Ok(Join {
            name: name.to_owned(),
            url: url.unwrap_or(ip),
            region,
        }),
        _ => Err(problems),
    }
}

pub fn beat(body: &Value) -> Result<Beat, Vec<String>> {
    let mut problems = Vec::new();
    let node = text(body, "nodeId");
    if node.is_none() {
        problems.push("nodeId must be a string".to_owned());
    }
    let stats = field(body, "stats");
    if stats.is_some_and(|stats| !stats.is_object()) {
        problems.push("stats must be an object".to_owned());
    }
    match node {
        Some(node) if problems.is_empty() => Ok(Beat {
            node,
            stats: stats.cloned(),
        }),
        _ => Err(problems),
    }
}

pub fn status(body: &Value) -> Result<String, Vec<String>> {
    match text(body, "status") {
        Some(status) if ["active", "draining", "disabled"].contains(&status.as_str()) => Ok(status),
        _ => Err(vec![
            "status must be one of the following values: active, draining, disabled".to_owned(),
        ]),
    }
}

/// What V8 says about a body that is not JSON.
pub fn syntax(body: &str) -> String {
    let trimmed = body.trim_start();
    let at = body.len() - trimmed.len();
    let mut rest = trimmed.chars();
    if rest.next() == Some('{') && !matches!(rest.next(), Some('"' | '}') | None) {
        return format!(
            "Expected property name or '}}' in JSON at position {}",
            at + 1
        );
    }
    match trimmed.chars().next() {
        Some(c) if c != '{' && c != '[' => {
            format!("Unexpected token '{c}', \"{body}\" is not valid JSON")
        }
        _ => "Unexpected end of JSON input".to_owned(),
    }
}
