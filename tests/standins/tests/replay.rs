//! The origin held to what a real one answered.

use std::collections::HashMap;
use std::fs;

use serde_json::Value;
use standins::{Config, Origin, http};

/// All of them; a shorter file must not pass for the contract.
const RECORDED: usize = 36;

/// Fields that hold a time or a duration: only their form is compared.
const TIMES: [&str; 4] = ["ts", "created_at", "last_seen_at", "uptimeSeconds"];

/// Recorded ids and ours, by first appearance.
type Ids = HashMap<String, String>;

struct Answered {
    case: String,
    recorded: Value,
    ours: Value,
}

fn exchanges() -> Vec<Value> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures/origin-exchanges.json"
    );
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36 && text.chars().filter(|c| *c == '-').count() == 4
}

/// `2026-11-22` and `2031-01-02` have the same form.
fn form(value: &Value) -> String {
    let digit = |c: char| if c.is_ascii_digit() { '0' } else { c };
    match value {
        Value::String(text) => text.chars().map(digit).collect(),
        Value::Number(_) => "number".to_owned(),
        other => other.to_string(),
    }
}

/// Says where two answers differ.
fn compare(at: &str, recorded: &Value, ours: &Value, ids: &mut Ids) -> Result<(), String> {
    let differ = || Err(format!("{at}: recorded {recorded}, ours {ours}"));
    let last = at.rsplit('.').next().unwrap_or_default();
    match (recorded, ours) {
        _ if TIMES.contains(&last) => {
            if form(recorded) == form(ours) {
                Ok(())
            } else {
                differ()
            }
        }
        (Value::Object(one), Value::Object(other)) => {
            if !one.keys().eq(other.keys()) {
                return differ();
            }
            let mut fields = one.iter().zip(other.values());
            fields.try_for_each(|((key, one), other)| {
                compare(&format!("{at}.{key}"), one, other, ids)
            })
        }
        (Value::Array(one), Value::Array(other)) => {
            if one.len() != other.len() {
                return differ();
            }
            let mut items = one.iter().zip(other).enumerate();
            items.try_for_each(|(i, (one, other))| compare(&format!("{at}.{i}"), one, other, ids))
        }
        (Value::String(one), Value::String(other)) if is_uuid(one) && is_uuid(other) => {
            let known = ids.entry(one.clone()).or_insert_with(|| other.clone());
            if known == other { Ok(()) } else { differ() }
        }
        _ if recorded == ours => Ok(()),
        _ => differ(),
    }
}

/// Replays everything in order; what is left out of the result was answered as recorded.
fn replay(exchanges: &[Value]) -> (Vec<Answered>, Vec<String>) {
    let origin = Origin::start(Config::default()).unwrap();
    let mut ids = Ids::new();
    let mut answers = Vec::new();
    let mut differences = Vec::new();
    for exchange in exchanges {
        let case = exchange["case"].as_str().unwrap();
        if case == "join: joining disabled on the origin" {
            origin.control().disable_joining();
        }
        let request = &exchange["request"];
        let translated = |text: &str| {
            let each =
                |text: String, (recorded, ours): (&String, &String)| text.replace(recorded, ours);
            ids.iter().fold(text.to_owned(), each)
        };
        let body = match &request["body"] {
            Value::Null => String::new(),
            Value::String(raw) => raw.clone(),
            json => translated(&json.to_string()),
        };
        let headers: Vec<(&str, &str)> = request["headers"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
            .collect();
        let method = request["method"].as_str().unwrap();
        let path = translated(request["path"].as_str().unwrap());
        let answer = http::send(origin.addr(), method, &path, &headers, body.as_bytes()).unwrap();
        assert!(answer.header("Date").is_some(), "{case}: no Date");
        let ours = serde_json::json!({
            "status": answer.status.to_string(),
            "content_type": answer.header("Content-Type"),
            "body": serde_json::from_slice::<Value>(&answer.body).unwrap(),
        });
        let mut recorded = exchange["response"].clone();
        // As text, so that it isn't taken for one of the numbers that vary.
        recorded["status"] = recorded["status"].to_string().into();
        if let Err(difference) = compare("answer", &recorded, &ours, &mut ids) {
            differences.push(format!("{case}: {difference}"));
        }
        answers.push(Answered {
            case: case.to_owned(),
            recorded,
            ours,
        });
    }
    (answers, differences)
}

#[test]
fn answers_as_recorded() {
    let (answers, differences) = replay(&exchanges());
    assert_eq!(answers.len(), RECORDED);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// Every way to alter one value of an answer.
fn altered(answer: &Value) -> Vec<Value> {
    match answer {
        Value::Object(fields) => {
            let each = fields.iter().flat_map(|(key, value)| {
                altered(value).into_iter().map(|value| {
                    let mut fields = fields.clone();
                    fields.insert(key.clone(), value);
                    Value::Object(fields)
                })
            });
            let mut less = fields.clone();
            let shorter = less
                .keys()
                .next()
                .cloned()
                .and_then(|key| less.remove(&key));
            each.chain(shorter.map(|_| Value::Object(less))).collect()
        }
        Value::Array(items) => (0..items.len())
            .flat_map(|i| altered(&items[i]).into_iter().map(move |value| (i, value)))
            .map(|(i, value)| {
                let mut items = items.clone();
                items[i] = value;
                Value::Array(items)
            })
            .collect(),
        Value::Null => vec![Value::from("x")],
        Value::Bool(value) => vec![Value::from(!value)],
        Value::Number(_) => vec![Value::from("x")],
        Value::String(text) => vec![Value::from(format!("{text}x")), Value::Null],
    }
}

#[test]
fn an_altered_answer_is_noticed() {
    let (answers, _) = replay(&exchanges());
    let mut tried = 0;
    for answer in &answers {
        for wrong in altered(&answer.ours) {
            let noticed = compare("answer", &answer.recorded, &wrong, &mut Ids::new()).is_err();
            assert!(noticed, "{}: {wrong} passed", answer.case);
            tried += 1;
        }
    }
    assert!(tried > 10 * RECORDED, "only {tried} alterations");
}
