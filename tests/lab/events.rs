//! What `--json` prints, held to `docs/json-events.schema.json`.

use jsonschema::Validator;
use serde_json::Value;

/// Every line as an event, each of which the schema knows; the last says how it ended, and with which code.
#[track_caller]
pub fn events(stdout: &str, code: i32) -> Vec<Value> {
    let validator = schema();
    let events: Vec<Value> = stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
        .collect();
    for event in &events {
        let faults: Vec<String> = validator
            .iter_errors(event)
            .map(|e| e.to_string())
            .collect();
        assert!(faults.is_empty(), "{event}: {faults:?}");
    }
    let last = events.last().expect("there is an end");
    assert_eq!(
        (&last["event"], &last["exit"]),
        (&"done".into(), &code.into()),
        "{stdout}"
    );
    assert_eq!(of_kind(&events, "done").len(), 1, "{stdout}");
    let faults = of_kind(&events, "fault");
    assert_eq!(faults.len(), usize::from(code != 0), "{stdout}");
    assert!(faults.iter().all(|fault| fault["exit"] == code), "{stdout}");
    events
}

pub fn of_kind<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events
        .iter()
        .filter(|event| event["event"] == kind)
        .collect()
}

fn schema() -> Validator {
    let text = include_str!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/docs/json-events.schema.json"
    ));
    let schema: Value = serde_json::from_str(text).expect("it is JSON");
    jsonschema::meta::validate(&schema).expect("it is a schema");
    jsonschema::validator_for(&schema).expect("it is a schema")
}
