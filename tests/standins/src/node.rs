//! What is started as `node` in the core's image: the core, or the seeder of its first API token.

use std::env;
use std::fs;
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::Value;

use crate::{Config, Database, Installed, Origin, media};

/// Runs the program: `node dist/main.js` or `node deploy/seed-token.js (<token> | -) <name>`.
pub fn main() -> ExitCode {
    // Before anything else: as a container's first process it has no default for these signals.
    let signals = media::signals();
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match args.as_slice() {
        [script, ..] if !Path::new(script).is_file() => Err(format!(
            "Error: Cannot find module '{script}'\n  code: 'MODULE_NOT_FOUND'"
        )),
        ["dist/main.js"] => signals.map_err(|e| e.to_string()).and_then(|mut signals| {
            let _core = serve()?;
            signals.forever().next();
            Ok(())
        }),
        ["deploy/seed-token.js", token, name] => seed(token, name),
        _ => Err("usage: node dist/main.js | node deploy/seed-token.js TOKEN NAME".to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// Empty counts as unset, as `env_file:` hands over a key without a value.
fn given(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn given_or(name: &str, default: &str) -> String {
    given(name).unwrap_or_else(|| default.to_owned())
}

fn required(name: &str) -> Result<String, String> {
    given(name).ok_or_else(|| format!("{name} is required"))
}

fn data_dir() -> PathBuf {
    given_or("DATA_DIR", "/data").into()
}

/// Of the source tree that the image was made from.
fn version() -> String {
    let package = fs::read("package.json").unwrap_or_default();
    let package: Value = serde_json::from_slice(&package).unwrap_or_default();
    package["version"].as_str().unwrap_or("0.1.0").to_owned()
}

fn address(host: &str, port: &str) -> Result<SocketAddr, String> {
    let ip = match host {
        "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
        _ => host.parse().map_err(|_| format!("HOST: {host:?}"))?,
    };
    let port = port.parse().map_err(|_| format!("PORT: {port:?}"))?;
    Ok(SocketAddr::new(ip, port))
}

fn config() -> Result<Config, String> {
    let (host, port) = (given_or("HOST", "127.0.0.1"), given_or("PORT", "3020"));
    required("STREAMHUB_JWT_SECRET")?;
    let control = given("STANDIN_CONTROL").map(|at| at.parse().map_err(|e| format!("{at}: {e}")));
    Ok(Config {
        listen: address(&host, &port)?,
        control: control.transpose()?,
        token: given("STREAMHUB_CLUSTER_TOKEN"),
        api_token: None,
        api_key: required("LIVEKIT_API_KEY")?,
        api_secret: required("LIVEKIT_API_SECRET")?,
        redis_url: given("STREAMHUB_CLUSTER_REDIS_URL"),
        public_ws_url: required("PUBLIC_WS_URL")?,
        ws_url: given_or("LIVEKIT_URL", "ws://127.0.0.1:7880"),
        own_url: given("STREAMHUB_PUBLIC_URL").unwrap_or(format!("http://{host}:{port}")),
        tls: None,
        installed: Some(Installed {
            data_dir: data_dir(),
            redis_url: given_or("REDIS_URL", "redis://127.0.0.1:6379"),
            metrics_token: given("METRICS_TOKEN"),
            version: version(),
            never_healthy: given("STANDIN_HEALTH").as_deref() == Some("never"),
        }),
    })
}

fn serve() -> Result<Origin, String> {
    let config = config()?;
    // The core goes on without redis and tries again; its health tells.
    if let Some(why) = config.installed.as_ref().and_then(Installed::trouble) {
        eprintln!("ERROR {why}");
    }
    let origin = Origin::start(config).map_err(|error| format!("cannot start: {error}"))?;
    eprintln!("core {} on {}", version(), origin.url());
    Ok(origin)
}

/// Does nothing where there is a token of global scope already.
fn seed(token: &str, name: &str) -> Result<(), String> {
    let mut token = token.to_owned();
    if token == "-" {
        token.clear();
        let read = io::stdin().read_to_string(&mut token);
        read.map_err(|error| error.to_string())?;
    }
    let token = token.trim();
    if !token.starts_with("sk_") {
        return Err("an API token starts with sk_".to_owned());
    }
    match Database::below(&data_dir()).seed(token, name) {
        Ok(true) => println!("seeded the API token {name:?}"),
        Ok(false) => println!("a global API token exists already, nothing to do"),
        Err(error) => return Err(error.to_string()),
    }
    Ok(())
}
