//! Checks that docs/OBSERVABILITY.md describes the metrics and the event as they are.

use super::telemetry::event_of;
use coinolio_aws::telemetry::METRICS;
use coinolio_tests::service::{Call, Service};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

fn document() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/OBSERVABILITY.md");
    std::fs::read_to_string(path).unwrap()
}

/// Returns the part of `text` between `start` and the next `end`.
fn between<'t>(text: &'t str, start: &str, end: &str) -> &'t str {
    let (_, rest) = text.split_once(start).unwrap();
    rest.split_once(end).unwrap().0
}

#[test]
fn the_documented_table_of_metrics_is_the_one_in_code() {
    let document = document();
    let rows = between(&document, "\n## Metrics\n", "\n## ")
        .lines()
        .filter(|line| line.starts_with("| `"));
    let documented: Vec<Vec<String>> = rows
        .map(|row| {
            let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
            assert_eq!(cells.len(), 5, "{row}");
            assert!(!cells[3].is_empty() && !cells[4].is_empty(), "{row}");
            cells[..3]
                .iter()
                .map(|cell| cell.trim_matches('`').to_owned())
                .collect()
        })
        .collect();
    let in_code: Vec<Vec<String>> = METRICS
        .iter()
        .map(|metric| {
            let cells = [metric.name, metric.unit.as_str(), metric.by.unwrap_or_default()];
            cells.map(str::to_owned).to_vec()
        })
        .collect();
    assert_eq!(documented, in_code);
}

/// Returns the name and the JSON type of each member.
fn types(event: &Value) -> BTreeMap<String, &'static str> {
    let type_of = |value: &Value| match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let members = event.as_object().unwrap().iter();
    members.map(|(name, value)| (name.clone(), type_of(value))).collect()
}

#[tokio::test]
async fn the_documented_event_has_the_members_and_the_metrics_of_a_real_one() {
    let document = document();
    let mut documented: Value = serde_json::from_str(between(&document, "```json\n", "```")).unwrap();
    let service = Service::with_portfolio().await;
    let mut real = event_of(&service, Call::of("v2-sync-gzip")).await;
    assert_eq!(types(&documented), types(&real));
    for event in [&mut documented, &mut real] {
        assert!(event["_aws"]["Timestamp"].is_u64(), "{event}");
        event["_aws"]["Timestamp"] = json!(0);
    }
    assert_eq!(documented["_aws"], real["_aws"]);
    for same in [
        "route",
        "status",
        "Outcome",
        "UploadBytes",
        "DynamoDbRequests",
        "ReadUnits",
        "WriteUnits",
    ] {
        assert_eq!(documented[same], real[same], "{same}");
    }
}
