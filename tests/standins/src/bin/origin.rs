//! The origin as a program, for a lab host.

use std::error::Error;
use std::fs;

use standins::{Config, Origin, tls};

const USAGE: &str = "origin [--listen ADDR] [--control ADDR] [--token CLT] [--no-token] [--api-token SK] \
[--redis-url URL] [--public-ws-url URL] [--own-url URL] [--api-key KEY] [--api-secret SECRET] \
[--tls-cert PEM --tls-key PEM]";

fn config(mut args: impl Iterator<Item = String>) -> Result<Config, Box<dyn Error>> {
    let mut config = Config {
        listen: "0.0.0.0:3020".parse()?,
        control: Some("127.0.0.1:3999".parse()?),
        ..Config::default()
    };
    let (mut certificate, mut key) = (None, None);
    while let Some(flag) = args.next() {
        if flag == "--no-token" {
            config.token = None;
            continue;
        }
        let value = args.next().ok_or(USAGE)?;
        match flag.as_str() {
            "--listen" => config.listen = value.parse()?,
            "--control" => config.control = Some(value.parse()?),
            "--token" => config.token = Some(value),
            "--api-token" => config.api_token = Some(value),
            "--redis-url" => config.redis_url = Some(value),
            "--public-ws-url" => config.public_ws_url = value,
            "--own-url" => config.own_url = value,
            "--api-key" => config.api_key = value,
            "--api-secret" => config.api_secret = value,
            "--tls-cert" => certificate = Some(fs::read_to_string(value)?),
            "--tls-key" => key = Some(fs::read_to_string(value)?),
            _ => return Err(USAGE.into()),
        }
    }
    config.tls = match (certificate, key) {
        (Some(certificate), Some(key)) => Some(tls::Identity { certificate, key }),
        (None, None) => None,
        _ => return Err(USAGE.into()),
    };
    Ok(config)
}

fn main() -> Result<(), Box<dyn Error>> {
    // Before anything else: as a container's first process it has no default for these signals.
    let mut signals = standins::media::signals()?;
    let origin = Origin::start(config(std::env::args().skip(1))?)?;
    println!("origin on {}", origin.url());
    signals.forever().next();
    Ok(())
}
