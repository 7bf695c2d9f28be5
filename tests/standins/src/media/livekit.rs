//! livekit-server.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::net::IpAddr;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::service::{Ending, OnRefusal, Service, configuration, give_up, not_found, port};
use super::{schema, websocket};
use crate::http::{Request, Response};
use crate::jwt;

type Keys = BTreeMap<String, String>;

#[derive(Default)]
struct Arguments {
    config: Option<String>,
    crash_after: Option<u64>,
}

fn arguments(mut args: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let mut parsed = Arguments::default();
    while let Some(arg) = args.next() {
        let (flag, value) = match arg.split_once('=') {
            Some((flag, value)) => (flag.to_owned(), Some(value.to_owned())),
            None => (arg, args.next()),
        };
        let value = value.ok_or_else(|| format!("flag needs an argument: {flag}"))?;
        match flag.as_str() {
            "--config" => parsed.config = Some(value),
            "--crash-after" => {
                let seconds = value.parse().map_err(|_| "--crash-after takes seconds")?;
                parsed.crash_after = Some(seconds);
            }
            _ => return Err(format!("flag provided but not defined: {flag}")),
        }
    }
    Ok(parsed)
}

fn loaded(config: Option<&str>) -> Result<Value, String> {
    let text = match config {
        Some(path) => fs::read_to_string(path).map_err(|error| format!("open {path}: {error}"))?,
        None => env::var("LIVEKIT_CONFIG").unwrap_or_default(),
    };
    configuration(&text, &schema::LIVEKIT)
}

fn keys(config: &Value) -> Result<Keys, String> {
    let mut keys = Keys::new();
    for (key, secret) in config["keys"].as_object().into_iter().flatten() {
        match secret.as_str() {
            Some(secret) if !key.is_empty() && !secret.is_empty() => {
                keys.insert(key.clone(), secret.to_owned());
            }
            _ => return Err(format!("api secret must be set for key {key}")),
        }
    }
    if keys.is_empty() {
        return Err(
            "one of key-file or keys must be provided in order to support \
                    JWT authentication"
                .to_owned(),
        );
    }
    Ok(keys)
}

/// Runs the program. Errors in the configuration are printed and exit **0**, as the real one does.
pub fn main() -> ExitCode {
    let read = arguments(env::args().skip(1)).and_then(|arguments| {
        let config = loaded(arguments.config.as_deref())?;
        let keys = keys(&config)?;
        Ok((arguments, config, keys))
    });
    let (arguments, config, keys) = match read {
        Ok(read) => read,
        Err(why) => return give_up(&why, 0),
    };
    match start(&config, keys) {
        Ok((mut service, http_port)) => {
            if let Some(seconds) = arguments.crash_after {
                service.fail_after(seconds, "panic: told to crash");
            }
            serve(&mut service, http_port)
        }
        Err(why) => give_up(&why, 1),
    }
}

fn start(config: &Value, keys: Keys) -> Result<(Service, u16), String> {
    let mut service = Service::new("livekit").map_err(|error| error.to_string())?;
    for (key, secret) in &keys {
        if secret.len() < 32 {
            let message = "secret is too short, should be at least 32 characters for security";
            service.error(message, &json!({ "apiKey": key }));
        }
    }
    service.use_redis(&config["redis"], OnRefusal::TryAgain)?;

    let http_port = port(&config["port"], 7880)?;
    let rtc = &config["rtc"];
    let (tcp, udp) = (port(&rtc["tcp_port"], 7881)?, port(&rtc["udp_port"], 0)?);
    let metrics = match port(&config["prometheus"]["port"], 0)? {
        0 => port(&config["prometheus_port"], 0)?,
        newer => newer,
    };
    let names: Vec<String> = keys.keys().cloned().collect();
    for ip in addresses(&config["bind_addresses"])? {
        let keys = keys.clone();
        service.http(ip, http_port, move |request| answer(request, &keys))?;
        service.metrics(ip, metrics, &participants())?;
    }
    service.tcp(None, tcp)?;
    // Without this port the real one takes a range of them.
    if udp != 0 {
        service.udp(udp)?;
    }
    service.info(
        "starting LiveKit server",
        &json!({
            "portHttp": http_port, "nodeIP": rtc["node_ip"], "version": "1.8.4", "apiKeys": names,
            "bindAddresses": config["bind_addresses"], "rtc.portTCP": tcp, "rtc.portUDP": udp,
        }),
    );
    Ok((service, http_port))
}

/// What the real one's metrics say of whoever is in its rooms.
fn participants() -> String {
    let count = env::var("STANDIN_PARTICIPANTS").unwrap_or_else(|_| "0".to_owned());
    format!(
        "# TYPE livekit_participant_total gauge\n\
         livekit_participant_total{{node_id=\"ND_example\",node_type=\"SERVER\"}} {count}\n"
    )
}

/// `None` for all addresses.
fn addresses(configured: &Value) -> Result<Vec<Option<IpAddr>>, String> {
    let configured = configured.as_array().map(Vec::as_slice).unwrap_or_default();
    let one = |address: &Value| match address.as_str().unwrap_or_default() {
        "" => Ok(None),
        text => match text.parse() {
            Ok(ip) => Ok(Some(ip)),
            Err(_) => Err(format!("listen tcp: no such address {text}")),
        },
    };
    if configured.is_empty() {
        return Ok(vec![None]);
    }
    configured.iter().map(one).collect()
}

fn answer(request: &Request, keys: &Keys) -> Response {
    let text = |status, body: String| Response::new(status, "text/plain; charset=utf-8", body);
    match request.path() {
        "/" => text(200, "OK".to_owned()),
        "/rtc/validate" => match admitted(request, keys) {
            Ok(()) => text(200, "success".to_owned()),
            Err(why) => text(401, why),
        },
        // What is no websocket is not found, whoever asks.
        "/rtc" => match websocket::open(request) {
            Some(opened) => admitted(request, keys).map_or_else(|why| text(401, why), |()| opened),
            None => not_found(),
        },
        _ => not_found(),
    }
}

/// Whether the request has a token of one of the keys.
fn admitted(request: &Request, keys: &Keys) -> Result<(), String> {
    let query = request.target.split_once('?');
    let mut pairs = query.map_or("", |(_, query)| query).split('&');
    let in_query = pairs.find_map(|pair| pair.strip_prefix("access_token="));
    let in_header = request.header("Authorization");
    let in_header = in_header.and_then(|header| header.strip_prefix("Bearer "));
    let token = in_query.or(in_header).ok_or("permissions denied")?;
    jwt::verify(token, keys).map_err(|why| format!("invalid authorization token: {why}"))
}

fn serve(service: &mut Service, http_port: u16) -> ExitCode {
    match service.wait() {
        Ending::Failed(why) => {
            service.error(&why, &json!({}));
            ExitCode::FAILURE
        }
        Ending::Asked => {
            let drain = env::var("STANDIN_DRAIN_SECONDS").ok();
            let drain = drain.and_then(|seconds| seconds.parse().ok()).unwrap_or(0);
            service.info("exit requested, shutting down", &json!({ "drain": drain }));
            // A call that goes on needs the media ports, not this one.
            service.close(http_port);
            thread::sleep(Duration::from_secs(drain));
            ExitCode::SUCCESS
        }
    }
}
