//! What a join hands out, validated before anything uses it.

use percent_encoding::percent_decode_str;
use serde_json::Value;
use url::{Host, Url};

use crate::redis_probe::Redis;
use crate::secret::Secret;

/// The keys of the cluster, as the origin answered them or as an earlier run saved them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub node_id: String,
    /// Whether the row was made by this join.
    pub new: bool,
    pub api_key: Secret,
    pub api_secret: Secret,
    /// The address as the origin wrote it, credentials included.
    pub redis_url: Secret,
    pub redis: Redis,
    /// The database number, 0 where the address names none.
    pub redis_db: u32,
}

impl Answer {
    /// Reads the body of a 200 or 201. `default_redis` counts where the origin names none.
    ///
    /// # Errors
    /// What is wrong, naming the field and never its value.
    pub(super) fn read(body: &Value, new: bool, default_redis: &str) -> Result<Self, String> {
        let data = &body["data"];
        let redis_url = match &data["redisUrl"] {
            Value::Null if data.get("redisUrl").is_some() => default_redis.to_owned(),
            _ => text(data, "redisUrl")?,
        };
        Self::new(
            text(data, "nodeId")?,
            text(&data["livekit"], "apiKey")?,
            text(&data["livekit"], "apiSecret")?,
            redis_url,
            new,
        )
    }

    /// Stands for the answer in the plan of a first join, which nobody has asked for yet.
    pub fn not_given_yet() -> Self {
        let unknown = || "(from the origin)".to_owned();
        Self {
            node_id: unknown(),
            new: true,
            api_key: Secret::unregistered(unknown()),
            api_secret: Secret::unregistered(unknown()),
            redis_url: Secret::unregistered(unknown()),
            redis: Redis {
                host: unknown(),
                port: 6379,
                tls: false,
                username: None,
                password: Some(Secret::unregistered(unknown())),
            },
            redis_db: 0,
        }
    }

    /// Validates the parts.
    ///
    /// # Errors
    /// What is wrong, naming the field and never its value.
    pub fn new(
        node_id: String,
        api_key: String,
        api_secret: String,
        redis_url: String,
        new: bool,
    ) -> Result<Self, String> {
        if !is_node_id(&node_id) {
            return Err("nodeId is not 1 to 64 letters, digits and hyphens".to_owned());
        }
        for (field, value) in [
            ("apiKey", &api_key),
            ("apiSecret", &api_secret),
            ("redisUrl", &redis_url),
        ] {
            plain(field, value)?;
        }
        let (redis, redis_db) = redis(&redis_url)?;
        Ok(Self {
            node_id,
            new,
            api_key: Secret::new(api_key),
            api_secret: Secret::new(api_secret),
            redis_url: Secret::new(redis_url),
            redis,
            redis_db,
        })
    }
}

pub(super) fn is_node_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

fn text(object: &Value, field: &str) -> Result<String, String> {
    match object.get(field) {
        Some(Value::String(text)) => Ok(text.clone()),
        None => Err(format!("{field} is missing")),
        Some(_) => Err(format!("{field} is not text")),
    }
}

/// Printable ASCII without space, quotes and backslash: it goes into .env, YAML and headers.
fn plain(field: &str, value: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_graphic() && !"\"'`\\".contains(c);
    match value.chars().find(|c| !allowed(*c)) {
        _ if value.is_empty() => Err(format!("{field} is empty")),
        _ if value.len() > 1024 => Err(format!("{field} is over 1024 characters")),
        Some(c) => Err(format!(
            "{field} holds {c:?}, which no key, secret or address may"
        )),
        None => Ok(()),
    }
}

/// `redis[s]://[user][:password]@host[:port][/db]`.
fn redis(text: &str) -> Result<(Redis, u32), String> {
    let url = Url::parse(text).map_err(|e| format!("redisUrl is no address: {e}"))?;
    let tls = match url.scheme() {
        "redis" => false,
        "rediss" => true,
        _ => return Err("redisUrl is neither redis:// nor rediss://".to_owned()),
    };
    if url.query().is_some() || url.fragment().is_some() {
        return Err("redisUrl has a query or a fragment".to_owned());
    }
    let host = match url.host() {
        Some(Host::Ipv4(ip)) => ip.to_string(),
        Some(Host::Ipv6(ip)) => ip.to_string(),
        Some(Host::Domain(name)) if is_host_name(name) => name.to_owned(),
        _ => return Err("redisUrl has no usable host".to_owned()),
    };
    let db = url.path().trim_start_matches('/');
    let db = match db {
        "" => 0,
        number => number
            .parse()
            .map_err(|_| "redisUrl's path is no database number".to_owned())?,
    };
    let credential = |part: &str| -> Result<Option<String>, String> {
        let decoded = percent_decode_str(part)
            .decode_utf8()
            .map_err(|_| "redisUrl's credentials are no text".to_owned())?;
        if decoded.is_empty() {
            return Ok(None);
        }
        plain("redisUrl's user or password", &decoded)?;
        Ok(Some(decoded.into_owned()))
    };
    Ok((
        Redis {
            host,
            port: url.port().unwrap_or(6379),
            tls,
            username: credential(url.username())?,
            password: credential(url.password().unwrap_or_default())?.map(Secret::new),
        },
        db,
    ))
}

fn is_host_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 253
        && !name.starts_with(['-', '.'])
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-._".contains(c))
}

#[cfg(test)]
mod tests;
