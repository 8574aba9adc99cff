//! The events of `events/change-stream/`: batches of the table's stream as Lambda delivers them.

use serde_json::Value;
use std::path::Path;

/// Their names, without `.json`: a batch without errors, and one with a change that a later version wrote.
pub const NAMES: [&str; 2] = ["change", "newer-format"];

/// Reads `events/change-stream/<name>.json`.
pub fn read(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../events/change-stream/{name}.json"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Returns the sequence numbers of the records that the function must report as failed: those with a format other
/// than 1.
pub fn failing(event: &Value) -> Vec<String> {
    let records = event["Records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| &record["dynamodb"]);
    let failing = records.filter(|record| record["NewImage"]["format"]["N"] != "1");
    failing
        .map(|record| record["SequenceNumber"].as_str().unwrap().to_owned())
        .collect()
}
