//! Operations on one list that name elements in several ways, name several elements at once, or write a value again.
//! Run together, they do the same as one by one.

use crate::support::{json, op, patched, text};
use coinolio_core::algebra::{Op, apply};
use proptest::prelude::*;
use serde_json::json;

#[test]
fn a_move_behind_the_element_itself_by_another_name_goes_to_the_end() {
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

/// An element, which often has the same name as another.
fn element() -> impl Strategy<Value = serde_json::Value> {
    prop_oneof![
        12 => (0..5_u8).prop_map(|id| json!({"id": id, "uuid": format!("u{}", (id + 2) % 5)})),
        1 => (0..5_u8, 0..5_u8).prop_map(|(id, uuid)| json!({"id": id, "uuid": format!("u{uuid}")})),
        1 => (0..5_u8).prop_map(|id| json!({"id": id})),
        1 => (0..5_u8).prop_map(|uuid| json!({"uuid": format!("u{uuid}"), "v": 1})),
        1 => (0..3_u8).prop_map(|n| json!(format!("t{n}"))),
    ]
}

/// Returns one of the names of an element, sometimes with a number.
fn token(element: &serde_json::Value, which: u8) -> serde_json::Value {
    let field = ["id", "uuid"][usize::from(which % 2)];
    let nth = match which / 6 {
        0..3 => 0,
        nth => nth - 2,
    };
    let mut token = match element.get(field) {
        Some(name) if which % 6 < 5 => json!({ field: name }),
        _ => json!({ "value": element }),
    };
    if nth > 0 {
        token["nth"] = nth.into();
    }
    token
}

fn operation() -> impl Strategy<Value = Op> {
    let after = prop_oneof![
        1 => Just(json!(null)),
        5 => (element(), 0..30_u8).prop_map(|(element, which)| token(&element, which)),
    ];
    (0..5_u8, element(), 0..30_u8, after, 0..4_u8).prop_map(|(kind, element, which, after, n)| {
        let token = token(&element, which);
        let op = match kind {
            0 => json!({"op": "set", "path": ["l", token], "value": element, "after": after}),
            1 => json!({"op": "delete", "path": ["l", token]}),
            2 => json!({"op": "move", "path": ["l", token], "after": after}),
            _ if token.get("value").is_some() => json!({"op": "move", "path": ["l", token], "after": after}),
            3 if n == 0 => json!({"op": "delete", "path": ["l", token, "v"]}),
            3 => json!({"op": "set", "path": ["l", token, "v"], "value": n}),
            // Gives the element another name.
            _ if token.get("id").is_some() => {
                json!({"op": "set", "path": ["l", token, "uuid"], "value": format!("u{n}")})
            }
            _ => json!({"op": "set", "path": ["l", token, "id"], "value": n}),
        };
        self::op(&op.to_string())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn operations_run_together_do_the_same_as_one_by_one(
        list in prop::collection::vec(element(), 0..6),
        ops in prop::collection::vec(operation(), 1..12),
    ) {
        let document = json(&json!({ "l": list }).to_string());
        let mut one_by_one = document.clone();
        for op in &ops {
            apply(&mut one_by_one, [op]);
        }
        prop_assert_eq!(text(&patched(&document, &ops)), text(&one_by_one));
    }
}

#[test]
fn an_edited_and_moved_element_is_the_same_one_although_another_has_its_name() {
    let document = json(r#"{"l":[{"id":1,"n":"a"},{"id":1,"n":"b"},{"id":2}]}"#);
    let edit = op(r#"{"op":"set","path":["l",{"id":1},"v"],"value":5}"#);
    let moved = op(r#"{"op":"move","path":["l",{"id":1}],"after":{"id":2}}"#);
    for (ops, expected) in [
        (
            [&edit, &moved],
            r#"{"l":[{"id":1,"n":"b"},{"id":2},{"id":1,"n":"a","v":5}]}"#,
        ),
        (
            [&moved, &edit],
            r#"{"l":[{"id":1,"n":"b","v":5},{"id":2},{"id":1,"n":"a"}]}"#,
        ),
    ] {
        assert_eq!(text(&patched(&document, ops)), expected);
    }
}
