//! Configuration as Go's strict YAML decoder takes it: a field that the type doesn't have is an error.
//!
//! Stricter in one point: where a string is wanted, a bare number or boolean is an error too. The real decoder takes
//! some of these and drops others; what we write has to be quoted.

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};
use serde_json::{Map, Value};

pub enum Kind {
    Text,
    Number,
    Flag,
    Fields(&'static Type),
    /// Any names, with strings.
    Texts,
    List(&'static Kind),
    /// What we never write in detail.
    Any,
}

/// A Go struct, under the name by which errors call it.
pub struct Type {
    pub name: &'static str,
    pub fields: &'static [(&'static str, Kind)],
}

/// Reads and checks a document. Fails with the decoder's message. A field that is null is left out.
pub fn read(text: &str, wanted: &'static Type) -> Result<Value, String> {
    let documents = MarkedYaml::load_from_str(text)
        .map_err(|error| format!("yaml: line {}: {}", error.marker().line(), error.info()))?;
    let mut problems = Vec::new();
    let value = match documents.first() {
        None => Value::Null,
        Some(document) => convert(document, &Kind::Fields(wanted), &mut problems),
    };
    if problems.is_empty() {
        let empty = || Value::Object(Map::new());
        return Ok(if value.is_null() { empty() } else { value });
    }
    Err(format!(
        "yaml: unmarshal errors:\n  {}",
        problems.join("\n  ")
    ))
}

fn convert(node: &MarkedYaml<'_>, wanted: &Kind, problems: &mut Vec<String>) -> Value {
    match (&node.data, wanted) {
        (YamlData::Value(Scalar::Null), _) => Value::Null,
        (YamlData::Value(Scalar::String(text)), Kind::Text | Kind::Any) => Value::from(&**text),
        (YamlData::Value(Scalar::Integer(number)), Kind::Number | Kind::Any) => {
            Value::from(*number)
        }
        (YamlData::Value(Scalar::FloatingPoint(number)), Kind::Number | Kind::Any) => {
            Value::from(number.into_inner())
        }
        (YamlData::Value(Scalar::Boolean(flag)), Kind::Flag | Kind::Any) => Value::from(*flag),
        (YamlData::Sequence(items), Kind::List(kind)) => {
            let items = items.iter().map(|item| convert(item, kind, problems));
            items.collect()
        }
        (YamlData::Sequence(_), Kind::Any) => Value::from(Vec::<Value>::new()),
        (YamlData::Mapping(entries), Kind::Fields(_) | Kind::Texts | Kind::Any) => {
            let mut object = Map::new();
            for (key, value) in entries {
                let YamlData::Value(Scalar::String(name)) = &key.data else {
                    problem(key, "cannot unmarshal a key that is no string", problems);
                    continue;
                };
                let kind = match wanted {
                    Kind::Texts => &Kind::Text,
                    Kind::Fields(of) => match of.fields.iter().find(|(field, _)| field == name) {
                        Some((_, kind)) => kind,
                        None => {
                            let what = format!("field {name} not found in type {}", of.name);
                            problem(key, &what, problems);
                            continue;
                        }
                    },
                    _ => &Kind::Any,
                };
                let value = convert(value, kind, problems);
                if !value.is_null() || matches!(wanted, Kind::Texts) {
                    object.insert(name.clone().into_owned(), value);
                }
            }
            Value::Object(object)
        }
        _ => {
            let what = format!("cannot unmarshal this into {}", go_name(wanted));
            problem(node, &what, problems);
            Value::Null
        }
    }
}

fn problem(at: &MarkedYaml<'_>, what: &str, problems: &mut Vec<String>) {
    problems.push(format!("line {}: {what}", at.span.start.line()));
}

fn go_name(kind: &Kind) -> &'static str {
    match kind {
        Kind::Text => "string",
        Kind::Number => "uint32",
        Kind::Flag => "bool",
        Kind::Fields(of) => of.name,
        Kind::Texts => "map[string]string",
        Kind::List(_) => "[]string",
        Kind::Any => "interface {}",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    static INNER: Type = Type {
        name: "config.Inner",
        fields: &[("on", Kind::Flag), ("urls", Kind::List(&Kind::Text))],
    };
    static OUTER: Type = Type {
        name: "config.Config",
        fields: &[
            ("port", Kind::Number),
            ("keys", Kind::Texts),
            ("inner", Kind::Fields(&INNER)),
        ],
    };

    fn refused(text: &str) -> String {
        read(text, &OUTER).unwrap_err()
    }

    #[test]
    fn reads_what_fits() {
        let text = "port: 7880\nkeys: {\"k\": 's'}\ninner:\n  on: true\n  urls: [a]\n";
        let value = json!({"port": 7880, "keys": {"k": "s"}, "inner": {"on": true, "urls": ["a"]}});
        assert_eq!(read(text, &OUTER), Ok(value));
        assert_eq!(read("", &OUTER), Ok(json!({})));
        assert_eq!(read("port:\n", &OUTER), Ok(json!({})));
    }

    #[test]
    fn names_unknown_fields_with_their_line() {
        assert_eq!(
            refused("port: 1\ninner:\n  on: true\n  off: 1\nwat: 2\n"),
            "yaml: unmarshal errors:\n  line 4: field off not found in type config.Inner\n  \
             line 5: field wat not found in type config.Config"
        );
    }

    #[test]
    fn refuses_other_types_doubles_and_nonsense() {
        assert!(refused("port: '7880'\n").contains("line 1: cannot unmarshal this into uint32"));
        assert!(refused("keys:\n  k: 12\n").contains("line 2: cannot unmarshal this into string"));
        assert!(refused("keys:\n  12: s\n").contains("line 2: cannot unmarshal a key"));
        assert!(refused("keys: {a: b}\nport: 1\nkeys: {c: d}\n").contains("duplicated"));
        assert!(refused("keys: [\n").starts_with("yaml: line"));
    }
}
