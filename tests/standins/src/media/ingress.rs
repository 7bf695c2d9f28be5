//! ingress: RTMP and WHIP in.

use std::env;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::process::ExitCode;

use serde_json::{Value, json};

use super::schema;
use super::service::{OnRefusal, Service, configuration, give_up, not_found, port};

/// WebRTC media of WHIP.
const UDP: u16 = 7885;

/// Runs the program; whatever keeps it from starting exits 1.
pub fn main() -> ExitCode {
    match loaded().and_then(|config| start(&config)) {
        Ok(service) => service.run(),
        Err(why) => give_up(&why, 1),
    }
}

fn loaded() -> Result<Value, String> {
    let text = match (
        env::var("INGRESS_CONFIG_BODY"),
        env::var("INGRESS_CONFIG_FILE"),
    ) {
        (Ok(body), _) => body,
        (_, Ok(path)) => {
            fs::read_to_string(&path).map_err(|error| format!("open {path}: {error}"))?
        }
        _ => return Err("missing config".to_owned()),
    };
    configuration(&text, &schema::INGRESS)
}

/// The key and the secret that ingress and egress need to talk to the server.
pub(super) fn credentials(config: &Value) -> Result<(), String> {
    for name in ["api_key", "api_secret", "ws_url"] {
        if config[name].as_str().unwrap_or_default().is_empty() {
            return Err(format!("{name} is required"));
        }
    }
    if config["redis"]["address"]
        .as_str()
        .unwrap_or_default()
        .is_empty()
    {
        return Err("redis configuration is required".to_owned());
    }
    Ok(())
}

fn start(config: &Value) -> Result<Service, String> {
    credentials(config)?;
    let mut service = Service::new("ingress").map_err(|error| error.to_string())?;
    service.use_redis(&config["redis"], OnRefusal::End)?;
    let rtmp = port(&config["rtmp_port"], 1935)?;
    let whip = port(&config["whip_port"], 8080)?;
    let relay = port(&config["http_relay_port"], 9090)?;
    let udp = port(&config["rtc_config"]["udp_port"], UDP)?;
    service.tcp(None, rtmp)?;
    service.http(None, whip, |_| not_found())?;
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    service.http(Some(loopback), relay, |_| not_found())?;
    service.udp(udp)?;
    service.metrics(None, port(&config["prometheus_port"], 0)?, "")?;
    service.metrics(None, port(&config["health_port"], 0)?, "")?;
    service.info(
        "starting ingress service",
        &json!({
            "rtmpPort": rtmp, "whipPort": whip, "relayPort": relay, "apiKey": config["api_key"],
            "wsUrl": config["ws_url"], "udpPort": udp,
        }),
    );
    Ok(service)
}
