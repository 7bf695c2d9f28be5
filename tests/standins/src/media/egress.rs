//! egress: recordings and HLS.

use std::env;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::ingress::credentials;
use super::schema;
use super::service::{OnRefusal, Service, configuration, give_up, port};

/// The image's user; Chrome refuses to run as root.
const UID: u32 = 1001;

/// Runs the program; whatever keeps it from starting exits 1.
pub fn main() -> ExitCode {
    match loaded().and_then(|config| start(&config)) {
        Ok(service) => service.run(),
        Err(why) => give_up(&why, 1),
    }
}

/// The effective one.
fn own_uid() -> Option<u32> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

fn loaded() -> Result<Value, String> {
    match own_uid() {
        Some(UID) => {}
        Some(uid) => return Err(format!("egress runs as uid {UID}, not as {uid}")),
        None => return Err("cannot tell the own uid".to_owned()),
    }
    let path = env::var("EGRESS_CONFIG_FILE").map_err(|_| "missing config")?;
    let text = fs::read_to_string(&path).map_err(|error| format!("open {path}: {error}"))?;
    configuration(&text, &schema::EGRESS)
}

fn start(config: &Value) -> Result<Service, String> {
    credentials(config)?;
    let mut service = Service::new("egress").map_err(|error| error.to_string())?;
    service.use_redis(&config["redis"], OnRefusal::End)?;
    service.metrics(None, port(&config["prometheus_port"], 0)?, "")?;
    service.metrics(None, port(&config["health_port"], 0)?, "")?;
    if let Ok(data) = env::var("DATA_DIR") {
        let apps = Path::new(&data).join("apps");
        if apps.exists()
            && let Err(error) = try_writing(&apps)
        {
            let fields = json!({ "dir": apps, "error": error.to_string() });
            service.error("cannot write recordings", &fields);
        }
    }
    service.info(
        "service ready",
        &json!({ "apiKey": config["api_key"], "wsUrl": config["ws_url"] }),
    );
    Ok(service)
}

fn try_writing(dir: &Path) -> std::io::Result<()> {
    let file = dir.join(".egress-writes-here");
    fs::write(&file, "")?;
    fs::remove_file(&file)
}
