//! Bad input gets the answer of the table of errors, never a 5xx, and leaves the portfolio unchanged.

use coinolio_tests::service::{Call, Service};
use serde_json::{Value, json};

/// Returns a v2 sync whose body contains the text of these changes unaltered.
fn changes(text: &str) -> Call {
    Call::of("v2-sync").text(format!(
        r#"{{"device_id":"phone","sync_id":"s","base_version":1,"sent_at":"2026-01-01T00:00:00Z","changes":{text}}}"#
    ))
}

/// Returns a v2 sync that sets `note` to this value, unaltered.
fn set(value: &str) -> Call {
    changes(&format!(r#"[{{"op":"set","path":["note"],"value":{value}}}]"#))
}

/// Returns a v1 sync of this document, unaltered.
fn document(text: &str) -> Call {
    Call::of("v1-sync").text(format!(
        r#"{{"client_data":{text},"last_sync_at":null,"client_version":1,"device_id":"phone"}}"#
    ))
}

/// Returns the event with one member of its body replaced.
fn member(event: &str, name: &str, value: Value) -> Call {
    Call::of(event).with(|body| body[name] = value)
}

/// Returns the event without one member of its body.
fn without(event: &str, name: &str) -> Call {
    Call::of(event).with(|body| {
        body.as_object_mut().unwrap().remove(name);
    })
}

const WITH_BODY: [&str; 6] = [
    "v1-create",
    "v1-replace",
    "v1-sync",
    "v2-sync",
    "v2-restore",
    "v2-keep-mine",
];

#[tokio::test]
async fn a_body_that_is_not_a_json_object_is_malformed() {
    let service = Service::with_portfolio().await;
    for event in WITH_BODY {
        // Keep-mine needs no body, because its body contains only the device.
        if event != "v2-keep-mine" {
            service.assert_refused(Call::of(event).text(""), 400, "malformed").await;
        }
        for body in [
            " ",
            "{",
            "{}{}",
            "nonsense",
            "[]",
            "null",
            "7",
            "\"{}\"",
            "{'a':1}",
            "{\"a\":NaN}",
            "\u{feff}{}",
        ] {
            service
                .assert_refused(Call::of(event).text(body), 400, "malformed")
                .await;
        }
        for bytes in [&b"{\"a\":\"\xff\"}"[..], b"{\"\xc3\":1}", b"\xff\xfe{\0}\0"] {
            service
                .assert_refused(Call::of(event).bytes(bytes), 400, "malformed")
                .await;
        }
        for text in ["{}", "e30", "%%%", "é"] {
            let call = Call::of(event).text(text).marked_base64();
            service.assert_refused(call, 400, "malformed").await;
        }
        let not_gzip = Call::of(event).header("content-encoding", "gzip");
        service.assert_refused(not_gzip, 400, "malformed").await;
    }
}

#[tokio::test]
async fn json_that_a_client_could_not_represent_is_invalid() {
    let service = Service::with_portfolio().await;
    let deep = format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
    let list = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    for value in [
        "1e400",
        "-1e400",
        r#""\ud800""#,
        r#""\udc00x""#,
        r#"{"a":1,"a":1}"#,
        r#"{"a":{"b":1,"c":2,"b":3}}"#,
        &deep,
        &list,
    ] {
        service.assert_refused(set(value), 422, "invalid").await;
        service
            .assert_refused(document(&format!("{{\"note\":{value}}}")), 422, "invalid")
            .await;
    }
    let twice = Call::of("v2-sync").text(r#"{"device_id":"phone","device_id":"phone"}"#);
    service.assert_refused(twice, 422, "invalid").await;
}

#[tokio::test]
async fn a_document_deeper_than_64_is_invalid() {
    let service = Service::with_portfolio().await;
    let nested = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    service.assert_refused(set(&nested(64)), 422, "invalid").await;
    service.assert_refused(document(&nested(65)), 422, "invalid").await;
    let deepest = service.call(set(&nested(63))).await;
    assert_eq!(deepest.status, 200, "{}", deepest.text);
}

#[tokio::test]
async fn numbers_that_a_double_would_round_come_back_unchanged() {
    let service = Service::with_portfolio().await;
    for (index, number) in [
        "0.1000000000000000055511151231257827",
        "9007199254740993",
        "1.10",
        "1e-7",
        "-0.0",
    ]
    .iter()
    .enumerate()
    {
        let body = format!(
            r#"{{"device_id":"phone","sync_id":"n{index}","base_version":{},"sent_at":"2026-01-01T00:00:00Z","changes":[{{"op":"set","path":["note"],"value":[{number}]}}]}}"#,
            index + 1
        );
        let answered = service.call(Call::of("v2-sync").text(body)).await;
        assert_eq!(answered.status, 200, "{number}: {}", answered.text);
        let read = service.call(Call::of("v2-read")).await;
        assert!(
            read.text.contains(&format!("\"note\":[{number}]")),
            "{number}: {}",
            read.text
        );
    }
}

#[tokio::test]
async fn any_string_can_be_a_key_and_a_value() {
    let service = Service::with_portfolio().await;
    let strange = [
        "",
        " ",
        "a/b",
        "a.b",
        "~",
        "#",
        "@",
        "a b",
        "\u{0}",
        "\u{1f600}",
        "__proto__",
        "$ref",
        "USER#x",
    ];
    let edits: Vec<_> = strange
        .iter()
        .map(|text| json!({"op": "set", "path": ["strange", text], "value": text}))
        .collect();
    let answered = service.call(member("v2-sync", "changes", json!(edits))).await;
    assert_eq!(answered.status, 200, "{}", answered.text);
    let read = service.call(Call::of("v2-read")).await.json();
    for text in strange {
        assert_eq!(read["document"]["strange"][text], text, "{text:?}");
    }
}

#[tokio::test]
async fn a_version_that_is_not_a_whole_number_is_malformed() {
    let service = Service::with_portfolio().await;
    for (event, name) in [
        ("v2-sync", "base_version"),
        ("v1-sync", "client_version"),
        ("v2-restore", "version"),
    ] {
        for version in [
            json!(-1),
            json!(1.5),
            json!(1e300),
            json!(9_007_199_254_740_992_u64),
            json!("1"),
            json!(null),
            json!(true),
            json!([1]),
        ] {
            service
                .assert_refused(member(event, name, version), 400, "malformed")
                .await;
        }
    }
    // Base 0 is valid even if the portfolio exists: the two merge as with an empty base.
    let merged = service.call(member("v2-sync", "base_version", json!(0))).await;
    assert_eq!(merged.status, 200, "{}", merged.text);
}

#[tokio::test]
async fn a_bad_time_is_malformed_and_an_unusual_one_is_accepted() {
    let service = Service::with_portfolio().await;
    for time in [
        json!("2025-02-29T00:00:00Z"),
        json!("noon"),
        json!(""),
        json!(1_767_225_600),
        json!("2026-13-01T00:00:00Z"),
    ] {
        service
            .assert_refused(member("v2-sync", "sent_at", time.clone()), 400, "malformed")
            .await;
        service
            .assert_refused(member("v1-sync", "last_sync_at", time.clone()), 400, "malformed")
            .await;
        let edit = json!([{"op": "set", "path": ["a"], "value": 1, "modified_at": time}]);
        service
            .assert_refused(member("v2-sync", "changes", edit), 400, "malformed")
            .await;
    }
    for (index, time) in [
        "9999-12-31T23:59:59.999Z",
        "1969-07-20T20:17:00Z",
        "2026-01-01T00:00:00",
        "0001-01-01T00:00:00Z",
    ]
    .iter()
    .enumerate()
    {
        let call = Call::of("v2-sync").with(|body| {
            body["sync_id"] = json!(format!("time-{index}"));
            body["base_version"] = json!(index + 1);
            body["sent_at"] = json!(time);
            body["changes"] = json!([{"op": "set", "path": ["a"], "value": index, "modified_at": time}]);
        });
        let answered = service.call(call).await;
        assert_eq!(answered.status, 200, "{time}: {}", answered.text);
        let call = Call::of("v1-sync").with(|body| body["last_sync_at"] = json!(time));
        let answered = service.call(call).await;
        assert_eq!(answered.status, 200, "{time}: {}", answered.text);
    }
}

#[tokio::test]
async fn ids_in_a_body_are_checked_like_those_in_a_path() {
    let service = Service::with_portfolio().await;
    let long = "a".repeat(65);
    for id in ["", "a#b", "a/b", "..", ".", "a%20b", "a b", "é", "\u{0}", &long] {
        for (event, name) in [
            ("v1-create", "id"),
            ("v1-create", "device_id"),
            ("v1-replace", "device_id"),
            ("v1-sync", "device_id"),
            ("v2-sync", "device_id"),
            ("v2-sync", "sync_id"),
            ("v2-restore", "device_id"),
            ("v2-keep-mine", "device_id"),
        ] {
            service
                .assert_refused(member(event, name, json!(id)), 400, "malformed")
                .await;
        }
    }
}

#[tokio::test]
async fn a_member_that_is_missing_or_of_the_wrong_type_is_malformed() {
    let service = Service::with_portfolio().await;
    for (event, name) in [
        ("v1-create", "name"),
        ("v1-create", "data"),
        ("v1-sync", "client_data"),
        ("v1-sync", "client_version"),
        ("v1-sync", "device_id"),
        ("v2-sync", "device_id"),
        ("v2-sync", "sync_id"),
        ("v2-sync", "base_version"),
        ("v2-sync", "sent_at"),
        ("v2-restore", "version"),
    ] {
        service.assert_refused(without(event, name), 400, "malformed").await;
        for wrong in [json!([]), json!(true)] {
            service
                .assert_refused(member(event, name, wrong), 400, "malformed")
                .await;
        }
    }
    for (event, name, wrong) in [
        ("v1-create", "data", json!("{}")),
        ("v1-replace", "data", json!([])),
        ("v1-replace", "name", json!(7)),
        ("v1-sync", "client_data", json!([1])),
        ("v1-sync", "allow_wipe", json!("yes")),
        ("v2-sync", "changes", json!({})),
        ("v2-sync", "changes", json!([7])),
        ("v2-sync", "name", json!(7)),
    ] {
        service
            .assert_refused(member(event, name, wrong), 400, "malformed")
            .await;
    }
}

#[tokio::test]
async fn an_operation_of_the_wrong_shape_is_malformed() {
    let service = Service::with_portfolio().await;
    for operation in [
        r#"{"op":"increment","path":["a"],"value":1}"#,
        r#"{"path":["a"],"value":1}"#,
        r#"{"op":"set","value":1}"#,
        r#"{"op":"set","path":["a"]}"#,
        r#"{"op":"set","path":"a","value":1}"#,
        r#"{"op":"set","path":["a",1],"value":1}"#,
        r#"{"op":"set","path":["a",null],"value":1}"#,
        r#"{"op":"set","path":["a",["b"]],"value":1}"#,
        r#"{"op":"move","path":["transactions",{"id":"tx_1"}]}"#,
        r#"{"op":"set","path":["a"],"value":1,"modified_at":"noon"}"#,
    ] {
        let call = changes(&format!("[{operation}]"));
        service.assert_refused(call, 400, "malformed").await;
    }
}

#[tokio::test]
async fn a_patch_that_breaks_the_form_is_invalid() {
    let service = Service::with_portfolio().await;
    for operations in [
        r#"[{"op":"set","path":["a"],"value":1},{"op":"set","path":["a"],"value":2}]"#,
        r#"[{"op":"set","path":["a"],"value":{}},{"op":"set","path":["a","b"],"value":2}]"#,
        r#"[{"op":"delete","path":["a","b"]},{"op":"delete","path":["a"]}]"#,
        r#"[{"op":"set","path":[],"value":{}}]"#,
        r#"[{"op":"set","path":[{"id":"tx_1"}],"value":{"id":"tx_1"}}]"#,
        r#"[{"op":"set","path":["l",{"id":"x"}],"value":{"id":"y"}}]"#,
        r#"[{"op":"set","path":["l",{"id":"x"},"id"],"value":"y"}]"#,
        r#"[{"op":"set","path":["l",{"id":"x","uuid":"y"}],"value":{"id":"x"}}]"#,
        r#"[{"op":"move","path":["a"],"after":null}]"#,
    ] {
        service.assert_refused(changes(operations), 422, "invalid").await;
    }
}
