//! What `doctor --json` prints, held to `docs/doctor.schema.json`.

use serde_json::Value;

/// The findings of a document, whose form and exit code are as documented.
#[track_caller]
pub fn findings(stdout: &str, code: i32) -> Vec<Value> {
    let schema = include_str!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/docs/doctor.schema.json"
    ));
    let schema: Value = serde_json::from_str(schema).expect("it is JSON");
    jsonschema::meta::validate(&schema).expect("it is a schema");
    let validator = jsonschema::validator_for(&schema).expect("it is a schema");
    let document: Value = serde_json::from_str(stdout).unwrap_or_else(|e| panic!("{e}: {stdout}"));
    let faults: Vec<String> = validator
        .iter_errors(&document)
        .map(|e| e.to_string())
        .collect();
    assert!(faults.is_empty(), "{document}: {faults:?}");
    let found = document["findings"].as_array().expect("it is a list");
    assert_eq!(document["ok"], found.is_empty(), "{document}");
    assert_eq!(code == 0, found.is_empty(), "exit {code}: {document}");
    found.clone()
}
