//! `docs/MERGE.md`, "Values" and "Lists".

use crate::support::{json, merge_texts, text};
use coinolio_core::algebra::{IdentityField, ListKind, Token, diff};
use coinolio_core::json::Value;

fn kind(list: &str) -> ListKind {
    let Value::List(elements) = json(list) else {
        panic!("{list} is not a list")
    };
    ListKind::of(&elements)
}

fn kinds(table: &[(&str, ListKind)]) {
    for (list, expected) in table {
        assert_eq!(kind(list), *expected, "{list}");
    }
}

const ID: ListKind = ListKind::Keyed(IdentityField::Id);
const UNDERSCORE_ID: ListKind = ListKind::Keyed(IdentityField::UnderscoreId);
const UUID: ListKind = ListKind::Keyed(IdentityField::Uuid);

#[test]
fn a_list_is_keyed_by_the_first_identity_field_that_half_of_its_elements_have() {
    kinds(&[
        (r#"[{"id":1},{"id":2}]"#, ID),
        (r#"[{"_id":1},{"_id":2}]"#, UNDERSCORE_ID),
        (r#"[{"uuid":"a"}]"#, UUID),
        (r#"[{"uuid":"a","_id":1,"id":2},{"uuid":"b","_id":3,"id":4}]"#, ID),
        (r#"[{"_id":1,"id":5},{"_id":2}]"#, ID),
        (r#"[{"_id":1,"id":5},{"_id":2},{"_id":3}]"#, UNDERSCORE_ID),
        (r#"[{"uuid":1,"_id":5},{"uuid":2,"id":5},{"uuid":3}]"#, UUID),
        (r#"[{"id":1},{"a":1}]"#, ID),
        (r#"[{"id":1},{"_id":1}]"#, ID),
        (r#"[{"id":1},{"a":1},{"a":2}]"#, ListKind::ObjectList),
        (r#"[{"id":1},{"_id":1},{"uuid":1}]"#, ListKind::ObjectList),
    ]);
}

#[test]
fn an_identity_is_a_string_or_a_number() {
    kinds(&[
        (r#"[{"id":true},{"id":1}]"#, ID),
        (r#"[{"id":null},{"id":1}]"#, ID),
        (r#"[{"id":null}]"#, ListKind::ObjectList),
        (r#"[{"id":{}}]"#, ListKind::ObjectList),
        (r#"[{"id":[]},{"id":true},{"id":""}]"#, ListKind::ObjectList),
        (r#"[{"id":null,"_id":1}]"#, UNDERSCORE_ID),
    ]);
}

#[test]
fn identities_may_be_repeated() {
    kinds(&[
        (r#"[{"id":1},{"id":"1"}]"#, ID),
        (r#"[{"id":1},{"id":1.0}]"#, ID),
        (r#"[{"id":9007199254740993},{"id":9007199254740992}]"#, ID),
        (r#"[{"id":1},{"id":1}]"#, ID),
    ]);
}

#[test]
fn strings_are_a_string_list_and_objects_without_identities_an_object_list() {
    kinds(&[
        (r#"["a","b",""]"#, ListKind::StringList),
        (r#"["a","a"]"#, ListKind::StringList),
        (r#"["a",1]"#, ListKind::Opaque),
        (r#"["a",null]"#, ListKind::Opaque),
        (r#"[{"a":1},{"a":2},{}]"#, ListKind::ObjectList),
        (r#"[{"a":1},{"a":1.0}]"#, ListKind::ObjectList),
        (r#"[{"a":1},"a"]"#, ListKind::Opaque),
        (r#"[{"a":1},[]]"#, ListKind::Opaque),
        (r#"[{"id":1},5]"#, ListKind::Opaque),
    ]);
}

/// Returns the tokens of a list's elements.
fn tokens(list: &str) -> String {
    let Value::List(elements) = json(list) else {
        panic!("{list} is not a list")
    };
    text(&ListKind::of(&elements).tokens(&elements))
}

#[test]
fn an_element_is_named_by_its_identity_or_else_by_its_whole_value() {
    for (list, names) in [
        (
            r#"[{"id":1,"a":1},{"a":1},{"id":null,"a":1},{"id":"1"}]"#,
            r#"[{"id":1},{"value":{"a":1}},{"value":{"a":1,"id":null}},{"id":"1"}]"#,
        ),
        (r#"["a","b"]"#, r#"[{"value":"a"},{"value":"b"}]"#),
        (
            r#"[{"id":1},{"a":1},{"a":2}]"#,
            r#"[{"value":{"id":1}},{"value":{"a":1}},{"value":{"a":2}}]"#,
        ),
        ("[1,2]", "[]"),
    ] {
        assert_eq!(tokens(list), names, "{list}");
    }
}

#[test]
fn a_repeated_name_is_numbered() {
    for (list, names) in [
        (
            r#"[{"id":5},{"id":6},{"id":5.0},{"id":"5"},{"id":5}]"#,
            r#"[{"id":5},{"id":6},{"id":5.0,"nth":1},{"id":"5"},{"id":5,"nth":2}]"#,
        ),
        (
            r#"["a","b","a"]"#,
            r#"[{"value":"a"},{"value":"b"},{"value":"a","nth":1}]"#,
        ),
        (
            r#"[{"id":1},{"a":1},{"a":1}]"#,
            r#"[{"value":{"id":1}},{"value":{"a":1}},{"value":{"a":1},"nth":1}]"#,
        ),
        (
            r#"[{"id":1},{"a":1},{"id":2},{"a":1}]"#,
            r#"[{"id":1},{"value":{"a":1}},{"id":2},{"value":{"a":1},"nth":1}]"#,
        ),
    ] {
        assert_eq!(tokens(list), names, "{list}");
    }
}

#[test]
fn any_other_list_is_opaque() {
    kinds(&[
        ("[10,20]", ListKind::Opaque),
        ("[null]", ListKind::Opaque),
        ("[[]]", ListKind::Opaque),
        ("[true]", ListKind::Opaque),
    ]);
}

#[test]
fn an_empty_list_is_compatible_with_every_kind() {
    assert_eq!(kind("[]"), ListKind::Empty);
    for other in [r#"[{"id":1}]"#, r#"["a"]"#, r#"[{"a":1}]"#] {
        let (empty, full) = (json(r#"{"l":[]}"#), json(&format!(r#"{{"l":{other}}}"#)));
        for (from, to) in [(&empty, &full), (&full, &empty)] {
            let patch = diff(from, to);
            assert!(
                patch.len() == 1 && patch[0].path().tokens().last().is_some_and(Token::is_element),
                "{} -> {} is {}",
                text(from),
                text(to),
                text(&patch)
            );
        }
        // Both sides emptied the list.
        let base = json(&format!(r#"{{"l":{other}}}"#));
        let merged = merge_texts(&text(&base), r#"{"l":[]}"#, r#"{"l":[]}"#);
        assert_eq!(text(&merged.document), r#"{"l":[]}"#);
    }
    assert_eq!(
        text(&diff(&json(r#"{"l":[]}"#), &json(r#"{"l":[10,20]}"#))),
        r#"[{"op":"set","path":["l"],"value":[10,20]}]"#
    );
}

#[test]
fn a_pair_is_never_mixed() {
    let merged = merge_texts(r#"{"p":[10,20]}"#, r#"{"p":[11,20]}"#, r#"{"p":[10,21]}"#);
    assert_eq!(text(&merged.document), r#"{"p":[10,21]}"#);
    assert_eq!(
        crate::support::lines(&merged.conflicts),
        [r#"["p"] client=[10,21] server=[11,20]: client, newest"#]
    );
}

#[test]
fn lists_without_a_kind_in_common_are_replaced_as_a_whole() {
    for (from, to) in [
        (r#"[{"id":1}]"#, r#"["a"]"#),
        (r#"[{"id":1}]"#, r#"[{"_id":1}]"#),
        (r#"[{"_id":1}]"#, r#"[{"_id":1,"id":1}]"#),
        (r#"["a"]"#, r#"["a",1]"#),
        (r#"[{"a":1}]"#, r#"[{"id":1}]"#),
    ] {
        let patch = diff(&json(&format!(r#"{{"l":{from}}}"#)), &json(&format!(r#"{{"l":{to}}}"#)));
        assert_eq!(text(&patch), format!(r#"[{{"op":"set","path":["l"],"value":{to}}}]"#));
    }
}

#[test]
fn a_base_list_of_another_kind_than_both_sides_counts_as_empty() {
    let merged = merge_texts(
        r#"{"l":["a","b"]}"#,
        r#"{"l":[{"id":1,"a":1}]}"#,
        r#"{"l":[{"id":1,"b":2},{"id":2}]}"#,
    );
    assert_eq!(text(&merged.document), r#"{"l":[{"a":1,"b":2,"id":1},{"id":2}]}"#);
    assert!(merged.conflicts.is_empty());
    let merged = merge_texts(r#"{"l":[1,2]}"#, r#"{"l":["a"]}"#, r#"{"l":[]}"#);
    assert_eq!(
        text(&merged.document),
        r#"{"l":["a"]}"#,
        "an emptied list has a kind in common with any other"
    );
    assert!(merged.conflicts.is_empty());
}

#[test]
fn null_is_a_value_and_differs_from_absent() {
    assert_eq!(
        text(&diff(&json(r#"{"a":1}"#), &json(r#"{"a":null}"#))),
        r#"[{"op":"set","path":["a"],"value":null}]"#
    );
    assert_eq!(
        text(&diff(&json(r#"{"a":null}"#), &json("{}"))),
        r#"[{"op":"delete","path":["a"]}]"#
    );
    let merged = merge_texts(r#"{"a":1}"#, "{}", r#"{"a":null}"#);
    assert_eq!(text(&merged.document), r#"{"a":null}"#);
    assert_eq!(
        crate::support::lines(&merged.conflicts),
        [r#"["a"] client=null server=deleted: client, newest"#]
    );
}

#[test]
fn numbers_are_equal_if_their_decimal_values_are_equal() {
    assert!(diff(&json(r#"{"a":1,"l":[1,100]}"#), &json(r#"{"a":1.0,"l":[10e-1,1E2]}"#)).is_empty());
    let merged = merge_texts(r#"{"a":1}"#, r#"{"a":1.00}"#, r#"{"a":2}"#);
    assert_eq!(text(&merged.document), r#"{"a":2}"#);
    assert!(merged.conflicts.is_empty(), "another notation is no edit");
    let merged = merge_texts(r#"{"a":1}"#, r#"{"a":2}"#, r#"{"a":2.0}"#);
    assert!(merged.conflicts.is_empty(), "the same value on both sides");
}

#[test]
fn a_number_is_never_rounded() {
    let exact = r#"{"a":9007199254740993,"b":0.1000000000000000055511151231257827}"#;
    let merged = merge_texts(
        r#"{"a":9007199254740992,"b":0.1}"#,
        exact,
        r#"{"a":9007199254740992,"b":0.1,"c":1}"#,
    );
    assert_eq!(
        text(&merged.document),
        r#"{"a":9007199254740993,"b":0.1000000000000000055511151231257827,"c":1}"#
    );
}
