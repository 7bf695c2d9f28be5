//! How a container was made, as `docker inspect` has it.

use serde_json::Value;

use crate::secret::REDACTED;

/// Command lines, of which nobody but the operator knows what in them is secret.
const COMMAND_LINES: &[&str] = &[
    "/Args",
    "/Config/Cmd",
    "/Config/Entrypoint",
    "/Config/Healthcheck/Test",
];

/// `docker inspect` with the values of `Env` and the command lines masked; what can't be read as such is left out.
pub(super) fn masked(inspected: &[u8]) -> Vec<u8> {
    let Ok(mut value) = serde_json::from_slice::<Value>(inspected) else {
        return b"can't be had: it is not JSON\n".to_vec();
    };
    for container in value.as_array_mut().into_iter().flatten() {
        let env = container.pointer_mut("/Config/Env");
        for variable in env.and_then(Value::as_array_mut).into_iter().flatten() {
            let name = variable.as_str().and_then(|text| text.split('=').next());
            *variable = Value::from(format!("{}={REDACTED}", name.unwrap_or_default()));
        }
        for place in COMMAND_LINES {
            match container.pointer_mut(place) {
                None | Some(Value::Null) => {}
                Some(line) => *line = Value::from(REDACTED),
            }
        }
    }
    format!("{value:#}\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_how_a_container_was_made_neither_values_nor_command_lines_are_shown() {
        let inspected = serde_json::json!([{
            "Path": "redis-server",
            "Args": ["--requirepass", "ExampleOne"],
            "Config": {
                "Env": ["PATH=/bin", "TOKEN=ExampleTwo", "BARE"],
                "Cmd": ["--requirepass", "ExampleThree"],
                "Entrypoint": ["run", "ExampleFour"],
                "Healthcheck": { "Test": ["CMD-SHELL", "redis-cli -a ExampleFive ping"], "Retries": 3 },
                "Image": "redis:7-alpine",
            },
        }, { "Args": null, "Config": { "Cmd": null } }]);
        let shown = masked(inspected.to_string().as_bytes());
        let shown: Value = serde_json::from_slice(&shown).expect("it is JSON");
        assert_eq!(
            shown,
            serde_json::json!([{
                "Path": "redis-server",
                "Args": REDACTED,
                "Config": {
                    "Env": ["PATH=(secret)", "TOKEN=(secret)", "BARE=(secret)"],
                    "Cmd": REDACTED,
                    "Entrypoint": REDACTED,
                    "Healthcheck": { "Test": REDACTED, "Retries": 3 },
                    "Image": "redis:7-alpine",
                },
            }, { "Args": null, "Config": { "Cmd": null } }])
        );
        assert_eq!(
            masked(b"Error: ExampleSix"),
            b"can't be had: it is not JSON\n"
        );
    }
}
