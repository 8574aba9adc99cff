//! YAML files as JSON values.

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value, json};
use std::path::Path;

/// Reads the repository's file at `path` as JSON. A node with a tag, such as `!Sub x`, becomes the function's long
/// form, `{"Fn::Sub": "x"}` (CloudFormation User Guide, "Intrinsic function reference").
pub fn file(path: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    let text = std::fs::read_to_string(path).unwrap();
    let documents = Yaml::load_from_str(&text).unwrap();
    assert_eq!(documents.len(), 1, "the file must have exactly one document");
    value(&documents[0])
}

fn value(node: &Yaml<'_>) -> Value {
    match node {
        Yaml::Value(scalar) => match scalar {
            Scalar::Null => Value::Null,
            Scalar::Boolean(value) => json!(value),
            Scalar::Integer(value) => json!(value),
            Scalar::FloatingPoint(value) => json!(value.into_inner()),
            Scalar::String(value) => json!(value),
        },
        Yaml::Sequence(elements) => elements.iter().map(value).collect(),
        Yaml::Mapping(members) => {
            let members = members.iter().map(|(name, member)| (name_of(name), value(member)));
            Value::Object(members.collect::<Map<_, _>>())
        }
        Yaml::Tagged(tag, node) => {
            let name = match tag.suffix.as_str() {
                plain @ ("Ref" | "Condition") => plain.to_owned(),
                function => format!("Fn::{function}"),
            };
            json!({ name: value(node) })
        }
        other => panic!("unexpected YAML node: {other:?}"),
    }
}

fn name_of(node: &Yaml<'_>) -> String {
    match value(node) {
        Value::String(name) => name,
        other => other.to_string(),
    }
}
