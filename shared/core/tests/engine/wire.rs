//! How requests of protocol v2 are read.

use crate::fixture::{body, minute_text, set, value};
use coinolio_core::error::{Code, Error};
use coinolio_core::wire::v2::SyncRequest;
use serde_json::json;

fn refused(body: &serde_json::Value) -> Error {
    SyncRequest::from_json(&value(body)).expect_err("the request was not refused")
}

fn valid() -> serde_json::Value {
    body("phone", "s1", 1, &[set("a", 1, 0)], 0)
}

#[test]
fn an_error_names_the_required_member_that_is_missing_or_wrong() {
    for name in ["device_id", "sync_id", "base_version", "sent_at"] {
        let mut body = valid();
        body[name] = json!(null);
        assert_eq!(refused(&body), Error::malformed(format!("{name} is required")));
        body[name] = json!({});
        let error = refused(&body);
        assert_eq!(error.code, Code::Malformed);
        assert!(error.detail.starts_with(name), "{}", error.detail);
    }
    assert_eq!(refused(&json!([])).code, Code::Malformed);
}

#[test]
fn an_error_in_an_operation_names_the_operation() {
    for (change, code, detail) in [
        (json!(1), Code::Malformed, "changes[1] must be an object"),
        (
            json!({"op": "copy", "path": ["b"]}),
            Code::Malformed,
            "changes[1]: op must be",
        ),
        (
            json!({"op": "set", "path": ["b"]}),
            Code::Malformed,
            "changes[1]: a set must have a value",
        ),
        (
            json!({"op": "delete", "path": "b"}),
            Code::Malformed,
            "changes[1]: path must be",
        ),
        (
            json!({"op": "delete", "path": []}),
            Code::Invalid,
            "changes[1]: a path must",
        ),
        (
            json!({"op": "delete", "path": ["b"], "modified_at": 5}),
            Code::Malformed,
            "changes[1].modified_at must",
        ),
        (
            json!({"op": "delete", "path": ["b"], "modified_at": "5"}),
            Code::Malformed,
            "changes[1].modified_at: a time",
        ),
        (
            json!({"op": "delete", "path": ["a"]}),
            Code::Invalid,
            "changes[1]: two operations",
        ),
    ] {
        let mut body = valid();
        body["changes"].as_array_mut().unwrap().push(change);
        let error = refused(&body);
        assert_eq!(error.code, code, "{}", error.detail);
        assert!(error.detail.starts_with(detail), "{}", error.detail);
    }
}

/// Returns a valid body with these operations as its `changes`.
fn with_changes(changes: Vec<serde_json::Value>) -> serde_json::Value {
    let mut body = valid();
    body["changes"] = changes.into();
    body
}

fn nested(levels: usize) -> serde_json::Value {
    (0..levels).fold(json!(1), |inner, _| json!([inner]))
}

/// Every reason for which an operation is refused: the operations, and the positions of those at fault.
fn faulty() -> Vec<(&'static str, Vec<serde_json::Value>, Vec<usize>)> {
    let set = |path: serde_json::Value| json!({"op": "set", "path": path, "value": 1});
    let delete = |path: serde_json::Value| json!({"op": "delete", "path": path});
    let element = json!(["l", {"id": 1}]);
    vec![
        ("same path", vec![set(json!(["a"])), set(json!(["a"]))], vec![1]),
        ("inside", vec![set(json!(["a"])), set(json!(["a", "b"]))], vec![1]),
        (
            "around",
            vec![delete(json!(["a", "b", "c"])), set(json!(["a"]))],
            vec![1],
        ),
        (
            "three times",
            vec![
                set(json!(["a"])),
                set(json!(["b"])),
                set(json!(["a"])),
                delete(json!(["a"])),
            ],
            vec![2, 3],
        ),
        (
            "depth",
            vec![json!({"op": "set", "path": ["a"], "value": nested(64)})],
            vec![0],
        ),
        ("no value", vec![json!({"op": "set", "path": ["a"]})], vec![0]),
        ("no path", vec![json!({"op": "delete"})], vec![0]),
        ("empty path", vec![delete(json!([]))], vec![0]),
        ("token", vec![delete(json!(["l", {"id": 1, "x": 2}]))], vec![0]),
        ("op", vec![json!({"op": "copy", "path": ["a"]})], vec![0]),
        ("no object", vec![json!(7)], vec![0]),
        (
            "after",
            vec![json!({"op": "move", "path": element, "after": 7})],
            vec![0],
        ),
        ("no after", vec![json!({"op": "move", "path": element})], vec![0]),
        (
            "moved member",
            vec![json!({"op": "move", "path": ["a"], "after": null})],
            vec![0],
        ),
        (
            "identity",
            vec![json!({"op": "set", "path": element, "value": {"id": 2}})],
            vec![0],
        ),
        (
            "time",
            vec![json!({"op": "delete", "path": ["a"], "modified_at": "noon"})],
            vec![0],
        ),
    ]
}

#[test]
fn an_error_reports_every_operation_at_fault_with_its_path() {
    for (reason, changes, at_fault) in faulty() {
        let error = refused(&with_changes(changes.clone()));
        let positions: Vec<usize> = error.operations.iter().map(|operation| operation.operation).collect();
        assert_eq!(positions, at_fault, "{reason}");
        for operation in &error.operations {
            let path = changes[operation.operation].get("path").map(value);
            assert_eq!(operation.path, path, "{reason}");
            assert!(
                operation.detail.starts_with("changes["),
                "{reason}: {}",
                operation.detail
            );
        }
        assert!(
            error.detail.starts_with(&error.operations[0].detail),
            "{reason}: {}",
            error.detail
        );
    }
}

#[test]
fn the_rest_is_accepted_once_the_reported_operations_are_taken_out() {
    // All reasons in one request, between valid operations.
    let mut changes = Vec::new();
    let mut at_fault = Vec::new();
    for (_, faulty, positions) in faulty() {
        changes.push(set(&format!("valid {}", changes.len()), 1, 0));
        at_fault.extend(positions.iter().map(|position| position + changes.len()));
        changes.extend(faulty);
    }
    let count = changes.len();
    let mut taken_out = Vec::new();
    let mut requests = 0;
    while let Err(error) = SyncRequest::from_json(&value(&with_changes(changes.clone()))) {
        requests += 1;
        assert!((1..=20).contains(&error.operations.len()) && requests < 10, "{error}");
        for operation in error.operations.iter().rev() {
            taken_out.push(changes.remove(operation.operation));
        }
    }
    // Some operations of one reason have the path of another's, so that more are at fault than in a request of one.
    assert!(taken_out.len() >= at_fault.len());
    assert_eq!(changes.len() + taken_out.len(), count);
    let is_valid =
        |change: &&serde_json::Value| change["path"][0].as_str().is_some_and(|name| name.starts_with("valid"));
    assert!(!taken_out.iter().any(|change| is_valid(&change)));
    assert_eq!(changes.iter().filter(is_valid).count(), faulty().len());
}

#[test]
fn an_error_reports_the_first_20_operations_at_fault() {
    let missing = |name: usize| json!({"op": "set", "path": [name.to_string()]});
    let error = refused(&with_changes((0..25).map(missing).collect()));
    assert_eq!(error.operations.len(), 20);
    assert_eq!(error.operations[19].operation, 19);
    assert!(
        error
            .detail
            .ends_with("; errors lists the first 20 operations at fault"),
        "{}",
        error.detail
    );
    let same = |_| set("a", 1, 0);
    let error = refused(&with_changes((0..25).map(same).collect()));
    let positions: Vec<usize> = error.operations.iter().map(|operation| operation.operation).collect();
    assert_eq!(positions, (1..21).collect::<Vec<_>>());
    let error = refused(&with_changes((0..3).map(same).collect()));
    assert!(
        error.detail.ends_with("; errors lists all 2 operations at fault"),
        "{}",
        error.detail
    );
}

#[test]
fn a_request_with_a_malformed_operation_is_malformed_whatever_else_is_at_fault() {
    let invalid = json!({"op": "delete", "path": []});
    let malformed = json!({"op": "copy", "path": ["a"]});
    for changes in [vec![invalid.clone(), malformed.clone()], vec![malformed, invalid]] {
        let error = refused(&with_changes(changes));
        assert_eq!((error.code, error.operations.len()), (Code::Malformed, 2));
    }
}

#[test]
fn a_path_longer_than_1_kb_is_not_repeated_in_an_error() {
    let delete = |name: String| json!({"op": "delete", "path": [name], "modified_at": 5});
    let error = refused(&with_changes(vec![delete("a".repeat(1020)), delete("a".repeat(1021))]));
    let paths: Vec<bool> = error
        .operations
        .iter()
        .map(|operation| operation.path.is_some())
        .collect();
    assert_eq!(paths, [true, false]);
}

#[test]
fn unknown_members_and_optional_members_that_are_null_are_ignored() {
    let mut body = valid();
    body["color"] = json!("blue");
    body["name"] = json!(null);
    body["base_lost"] = json!(true);
    body["changes"][0]["modified_at"] = json!(null);
    body["changes"][0]["author"] = json!(1);
    let request = SyncRequest::from_json(&value(&body)).unwrap();
    assert_eq!(request.name, None);
    assert_eq!(request.changes[0].time, None);
    let pull = json!({"device_id": "phone", "sync_id": "s1", "base_version": 1, "sent_at": minute_text(0)});
    assert!(SyncRequest::from_json(&value(&pull)).unwrap().changes.is_empty());
}

#[test]
fn a_name_has_1_to_200_characters() {
    let mut body = valid();
    body["name"] = json!("é".repeat(200));
    assert!(SyncRequest::from_json(&value(&body)).is_ok());
    for name in ["é".repeat(201), String::new()] {
        body["name"] = json!(name);
        assert_eq!(refused(&body).detail, "name must be 1 to 200 characters long");
    }
}
