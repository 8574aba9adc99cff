//! Patches that name the elements of one list in several ways.

use crate::support::{json, op, patched, text};
use coinolio_core::algebra::{Op, apply};
use coinolio_core::json::Value;
use proptest::prelude::*;
use serde_json::json;

#[test]
fn behind_itself_by_another_name_is_behind_one_that_is_not_there() {
    let list = r#"{"l":[{"id":1,"uuid":"a"},{"id":2,"uuid":"b"},{"id":3,"uuid":"c"}]}"#;
    for (operation, expected) in [
        (
            r#"{"op":"move","path":["l",{"id":1}],"after":{"uuid":"a"}}"#,
            r#"{"l":[{"id":2,"uuid":"b"},{"id":3,"uuid":"c"},{"id":1,"uuid":"a"}]}"#,
        ),
        (
            r#"{"op":"move","path":["l",{"value":{"id":2,"uuid":"b"}}],"after":{"id":2}}"#,
            r#"{"l":[{"id":1,"uuid":"a"},{"id":3,"uuid":"c"},{"id":2,"uuid":"b"}]}"#,
        ),
    ] {
        assert_eq!(text(&patched(&json(list), [&op(operation)])), expected, "{operation}");
    }
}

/// Elements of which some bear the same name.
fn element() -> impl Strategy<Value = serde_json::Value> {
    prop_oneof![
        12 => (0..5_u8).prop_map(|id| json!({"id": id, "uuid": format!("u{}", (id + 2) % 5)})),
        1 => (0..5_u8, 0..5_u8).prop_map(|(id, uuid)| json!({"id": id, "uuid": format!("u{uuid}")})),
        1 => (0..5_u8).prop_map(|id| json!({"id": id})),
        1 => (0..5_u8).prop_map(|uuid| json!({"uuid": format!("u{uuid}"), "v": 1})),
        1 => (0..3_u8).prop_map(|n| json!(format!("t{n}"))),
    ]
}

/// One of the names of an element.
fn token(element: &serde_json::Value, which: u8) -> serde_json::Value {
    let field = ["id", "uuid"][usize::from(which % 2)];
    match element.get(field) {
        Some(name) if which < 5 => json!({ field: name }),
        _ => json!({ "value": element }),
    }
}

fn operation() -> impl Strategy<Value = Op> {
    let after = prop_oneof![
        1 => Just(json!(null)),
        5 => (element(), 0..6_u8).prop_map(|(element, which)| token(&element, which)),
    ];
    (0..5_u8, element(), 0..6_u8, after, 0..4_u8).prop_map(|(kind, element, which, after, n)| {
        let token = token(&element, which);
        let op = match kind {
            0 => json!({"op": "set", "path": ["l", token], "value": element, "after": after}),
            1 => json!({"op": "delete", "path": ["l", token]}),
            2 => json!({"op": "move", "path": ["l", token], "after": after}),
            _ if token.get("value").is_some() => json!({"op": "move", "path": ["l", token], "after": after}),
            3 => json!({"op": "set", "path": ["l", token, "v"], "value": n}),
            // Another name, by way of the first.
            _ if token.get("id").is_some() => {
                json!({"op": "set", "path": ["l", token, "uuid"], "value": format!("u{n}")})
            }
            _ => json!({"op": "set", "path": ["l", token, "id"], "value": n}),
        };
        self::op(&op.to_string())
    })
}

/// True where elements bear the same name.
fn has_doubles(document: &Value) -> bool {
    let document = serde_json::to_value(document).unwrap();
    let list = document["l"].as_array().unwrap().clone();
    ["id", "uuid"].iter().any(|field| {
        let mut names: Vec<String> = list.iter().filter_map(|e| Some(e.get(field)?.to_string())).collect();
        let all = names.len();
        names.sort();
        names.dedup();
        names.len() < all
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Of elements of one name the first at the beginning of a run counts, so that those have no part in it.
    #[test]
    fn operations_at_once_do_what_they_do_one_by_one(
        list in prop::collection::vec(element(), 0..6),
        ops in prop::collection::vec(operation(), 1..12),
    ) {
        let document = json(&json!({ "l": list }).to_string());
        let (mut one_by_one, mut doubles) = (document.clone(), has_doubles(&document));
        for op in &ops {
            apply(&mut one_by_one, [op]);
            doubles |= has_doubles(&one_by_one);
        }
        if !doubles {
            prop_assert_eq!(text(&patched(&document, &ops)), text(&one_by_one));
        }
    }
}
