//! An origin's `.env`: what is made once, what is set where it is missing, and what follows from the settings.

use std::net::{IpAddr, Ipv4Addr};

use crate::cli::RotatedSecret;
use crate::fault::Result;
use crate::render::source;
use crate::resource::{Env, LAYER, Rule};
use crate::secret::Secret;
use crate::settings::{Domain, Origin, Proxy, SECRET_KEYS, Settings};

/// The secrets that are made once: the key, what it starts with, and how many random characters follow.
const GENERATED: &[(&str, &str, usize)] = &[
    ("LIVEKIT_API_KEY", "API", 12),
    ("LIVEKIT_API_SECRET", "", 48),
    ("STREAMHUB_JWT_SECRET", "", 48),
    ("STREAMHUB_API_TOKEN", "sk_", 43),
    ("METRICS_TOKEN", "mtk_", 28),
    ("STREAMHUB_CLUSTER_TOKEN", "clt_", 32),
    ("ADMIN_PASS", "", 20),
];

/// What is wanted of each key.
///
/// # Errors
/// If the kernel gives no random bytes.
pub(super) fn env(settings: &Settings, origin: &Origin, cores: usize) -> Result<Env> {
    let mut keys = derived(origin);
    for (key, prefix, length) in GENERATED {
        let is_rotated = rotated(origin.rotated).contains(key);
        if is_rotated || origin.env.get(key)?.is_none() {
            let made = Secret::generate(prefix, *length)?.expose().to_owned();
            let rule = if is_rotated { Rule::Set } else { Rule::Default };
            keys.push((key, rule(made)));
        }
    }
    keys.extend(given(origin));
    keys.extend(mail(origin)?);
    // compose refuses more than the host has.
    let cpus = |most: f64| most.min(cores as f64).to_string();
    keys.extend(
        [
            ("HOST", "127.0.0.1".to_owned()),
            ("PORT", origin.port.to_string()),
            ("LIVEKIT_URL", "ws://127.0.0.1:7880".to_owned()),
            ("STREAMHUB_AUTHZ_ENFORCE", "on".to_owned()),
            ("LOG_LEVEL", "info".to_owned()),
            ("NODE_ENV", "production".to_owned()),
            ("DATA_DIR", "/data".to_owned()),
            ("STREAMHUB_HOST_DATA_DIR", "./data".to_owned()),
            ("EGRESS_CPUS", cpus(4.0)),
            ("INGRESS_CPUS", cpus(1.5)),
        ]
        .map(|(key, value)| (key, Rule::Default(value))),
    );
    keys.extend(redis(origin));
    keys.extend(compose(settings, origin)?);
    Ok(Env {
        path: settings.dir.join(".env"),
        template: source("origin/env"),
        keys,
        secret: SECRET_KEYS,
    })
}

/// The keys that a rotation makes anew; redis's password is the settings' own business.
fn rotated(secret: Option<RotatedSecret>) -> &'static [&'static str] {
    match secret {
        Some(RotatedSecret::ClusterToken) => &["STREAMHUB_CLUSTER_TOKEN"],
        Some(RotatedSecret::LivekitKeys) => &["LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"],
        Some(RotatedSecret::RedisPassword) | None => &[],
    }
}

/// The token of the cluster, just made or kept.
pub(super) fn cluster_token(origin: &Origin, env: &Env) -> Secret {
    let made = env.keys.iter().find_map(|(key, rule)| match rule {
        Rule::Set(value) | Rule::Default(value) if *key == "STREAMHUB_CLUSTER_TOKEN" => {
            Some(value.as_str())
        }
        _ => None,
    });
    let kept = origin.env.get("STREAMHUB_CLUSTER_TOKEN").ok().flatten();
    Secret::new(made.or(kept).unwrap_or_default())
}

type Keys = Vec<(&'static str, Rule)>;

/// What follows from the domain.
fn derived(origin: &Origin) -> Keys {
    let host = origin.domain.in_url();
    let (ws, http) = match (&origin.domain, origin.tls) {
        // Nobody but this host.
        (Domain::Local, _) => (
            "ws://127.0.0.1:7880".to_owned(),
            format!("http://127.0.0.1:{}", origin.port),
        ),
        (_, true) => (format!("wss://{host}"), format!("https://{host}")),
        (_, false) => (format!("ws://{host}:7880"), format!("http://{host}")),
    };
    let site = match (&origin.domain, origin.tls) {
        _ if origin.proxy == Proxy::Nginx => Rule::Absent,
        (_, true) => Rule::Absent,
        (Domain::Name(name), false) => Rule::Set(format!("http://{name}")),
        (Domain::Local, false) => Rule::Set("http://localhost".to_owned()),
        (Domain::Address(_), false) => Rule::Set(":80".to_owned()),
    };
    vec![
        ("STREAMHUB_DOMAIN", Rule::Set(origin.domain.to_string())),
        ("PUBLIC_WS_URL", Rule::Set(ws)),
        ("RTMP_PUBLIC_HOST", Rule::Set(host)),
        ("STREAMHUB_PUBLIC_URL", Rule::Set(http.clone())),
        ("STREAMHUB_APP_URL", Rule::Set(http)),
        ("STREAMHUB_SITE_ADDRESS", site),
    ]
}

/// What was given replaces what is there, an empty value removes it, and without either it stays.
fn given(origin: &Origin) -> Keys {
    let asked = &origin.given;
    let mut keys = vec![
        (
            "ACME_EMAIL",
            or_default(asked.email.as_deref(), &format!("admin@{}", origin.domain)),
        ),
        (
            "ADMIN_USER",
            or_default(asked.admin_user.as_deref(), "admin"),
        ),
    ];
    let replaced = [
        ("ADMIN_PASS", asked.admin_pass.as_ref().map(Secret::expose)),
        (
            "STREAMHUB_SUPERADMIN_EMAIL",
            asked.superadmin_email.as_deref(),
        ),
    ];
    keys.extend(
        replaced
            .into_iter()
            .filter_map(|(key, value)| Some((key, set(value?)))),
    );
    keys
}

/// Whom an ACME server may write to: as given, as `.env` has it, or the default.
///
/// # Errors
/// If only compose can tell what `.env` has.
pub(super) fn email(origin: &Origin) -> Result<String> {
    let given = origin
        .given
        .email
        .as_deref()
        .filter(|email| !email.is_empty());
    let known = given.or(origin.env.get("ACME_EMAIL")?);
    Ok(known.map_or_else(|| format!("admin@{}", origin.domain), str::to_owned))
}

/// An empty value takes the key away.
fn set(value: &str) -> Rule {
    if value.is_empty() {
        Rule::Absent
    } else {
        Rule::Set(value.to_owned())
    }
}

fn or_default(asked: Option<&str>, default: &str) -> Rule {
    match asked.filter(|asked| !asked.is_empty()) {
        Some(asked) => Rule::Set(asked.to_owned()),
        None => Rule::Default(default.to_owned()),
    }
}

/// The mail server, and what goes with one: none without its host.
fn mail(origin: &Origin) -> Result<Keys> {
    let asked = &origin.given;
    let port = asked.smtp_port.map(|port| port.to_string());
    let replaced = [
        ("STREAMHUB_SMTP_HOST", asked.smtp_host.as_deref()),
        ("STREAMHUB_SMTP_PORT", port.as_deref()),
        ("STREAMHUB_SMTP_USER", asked.smtp_user.as_deref()),
        (
            "STREAMHUB_SMTP_PASS",
            asked.smtp_pass.as_ref().map(Secret::expose),
        ),
        ("STREAMHUB_SMTP_FROM", asked.smtp_from.as_deref()),
    ];
    if asked.smtp_host.as_deref() == Some("") {
        return Ok(replaced.map(|(key, _)| (key, Rule::Absent)).to_vec());
    }
    let mut keys: Keys = replaced
        .into_iter()
        .filter_map(|(key, value)| Some((key, set(value?))))
        .collect();
    let has_server = asked.smtp_host.is_some() || origin.env.get("STREAMHUB_SMTP_HOST")?.is_some();
    if has_server {
        let from = format!("StreamHub <no-reply@{}>", origin.domain);
        if asked.smtp_port.is_none() {
            keys.push(("STREAMHUB_SMTP_PORT", Rule::Default("587".to_owned())));
        }
        if asked.smtp_from.is_none() {
            keys.push(("STREAMHUB_SMTP_FROM", Rule::Default(from)));
        }
    }
    Ok(keys)
}

/// redis on loopback, and for the cluster where that is wanted; what was never ours stays.
fn redis(origin: &Origin) -> Keys {
    let redis = &origin.redis;
    let local = redis.url(IpAddr::V4(Ipv4Addr::LOCALHOST));
    match (redis.bind, &redis.password) {
        (Some(bind), Some(password)) => vec![
            ("REDIS_BIND", Rule::Set(format!("127.0.0.1 {bind}"))),
            ("REDIS_PASSWORD", Rule::Set(password.expose().to_owned())),
            (
                "LIVEKIT_REDIS_PASSWORD",
                Rule::Set(password.expose().to_owned()),
            ),
            ("REDIS_URL", Rule::Set(local)),
            ("STREAMHUB_CLUSTER_REDIS_URL", Rule::Set(redis.url(bind))),
        ],
        _ if redis.taken_back => vec![
            ("REDIS_BIND", Rule::Absent),
            ("REDIS_PASSWORD", Rule::Absent),
            ("LIVEKIT_REDIS_PASSWORD", Rule::Absent),
            ("REDIS_URL", Rule::Set(local)),
            ("STREAMHUB_CLUSTER_REDIS_URL", Rule::Absent),
        ],
        _ => vec![("REDIS_URL", Rule::Default(local))],
    }
}

/// So that compose, run by hand in the directory, takes the same files.
fn compose(settings: &Settings, origin: &Origin) -> Result<Keys> {
    let mut files = vec![crate::resource::BASE, LAYER];
    files.extend(origin.operators_layer);
    let mut keys = vec![
        ("COMPOSE_FILE", Rule::Set(files.join(":"))),
        ("COMPOSE_PROJECT_NAME", Rule::Set(settings.project.clone())),
    ];
    let profiles = profiles(origin.env.get("COMPOSE_PROFILES")?, origin.proxy);
    keys.extend(profiles.map(|rule| ("COMPOSE_PROFILES", rule)));
    Ok(keys)
}

/// What `COMPOSE_PROFILES` is to say where it says this: StreamHub's own file keeps Caddy for those who ask for it, and
/// may keep more. `None` where it may stay.
fn profiles(now: Option<&str>, proxy: Proxy) -> Option<Rule> {
    let named: Vec<&str> = now
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect();
    let caddy = super::CADDY.name;
    let has_caddy = named.contains(&caddy);
    let others = named.iter().copied().filter(|name| *name != caddy);
    let wanted: Vec<&str> = match proxy {
        Proxy::Caddy if !has_caddy => others.chain([caddy]).collect(),
        Proxy::Nginx if has_caddy => others.collect(),
        Proxy::Caddy | Proxy::Nginx => return None,
    };
    Some(if wanted.is_empty() {
        Rule::Absent
    } else {
        Rule::Set(wanted.join(","))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operators_profiles_stay_when_caddy_comes_and_goes() {
        let after = |now, proxy| match profiles(now, proxy) {
            None => now.unwrap_or_default().to_owned(),
            Some(Rule::Set(text)) => text,
            Some(_) => "absent".to_owned(),
        };
        assert_eq!(after(None, Proxy::Caddy), "caddy");
        assert_eq!(after(Some("gpu"), Proxy::Caddy), "gpu,caddy");
        assert_eq!(after(Some("caddy, gpu"), Proxy::Caddy), "caddy, gpu");
        assert_eq!(after(None, Proxy::Nginx), "");
        assert_eq!(after(Some("gpu"), Proxy::Nginx), "gpu");
        assert_eq!(after(Some("caddy, gpu"), Proxy::Nginx), "gpu");
        assert_eq!(after(Some("caddy"), Proxy::Nginx), "absent");
    }
}
