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
            "changes: two operations",
        ),
    ] {
        let mut body = valid();
        body["changes"].as_array_mut().unwrap().push(change);
        let error = refused(&body);
        assert_eq!(error.code, code, "{}", error.detail);
        assert!(error.detail.starts_with(detail), "{}", error.detail);
    }
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
