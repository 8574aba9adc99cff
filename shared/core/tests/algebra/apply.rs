//! `docs/MERGE.md`, "Operations and patches": the effect of an operation on a document.

use crate::support::{json, op, ops, patched, text};

fn table(rows: &[(&str, &str, &str)]) {
    for (document, operation, expected) in rows {
        let after = patched(&json(document), [&op(operation)]);
        assert_eq!(text(&after), *expected, "{operation} on {document}");
    }
}

#[test]
fn set_and_delete_change_nothing_else() {
    table(&[
        (
            r#"{"a":1,"b":2}"#,
            r#"{"op":"set","path":["a"],"value":{"x":1}}"#,
            r#"{"a":{"x":1},"b":2}"#,
        ),
        (
            r#"{"a":{"x":1,"y":2}}"#,
            r#"{"op":"set","path":["a","x"],"value":null}"#,
            r#"{"a":{"x":null,"y":2}}"#,
        ),
        (
            r#"{"a":{"x":1,"y":2}}"#,
            r#"{"op":"delete","path":["a","x"]}"#,
            r#"{"a":{"y":2}}"#,
        ),
        (r#"{"a":{"x":1}}"#, r#"{"op":"delete","path":["a","x"]}"#, r#"{"a":{}}"#),
        (
            r#"{"a.b":1,"a":{"b":2}}"#,
            r#"{"op":"delete","path":["a.b"]}"#,
            r#"{"a":{"b":2}}"#,
        ),
        (
            r#"{"":{"":1}}"#,
            r#"{"op":"set","path":["",""],"value":2}"#,
            r#"{"":{"":2}}"#,
        ),
        (
            r#"{"l":[{"id":1,"v":1},{"id":"1","v":1}]}"#,
            r#"{"op":"set","path":["l",{"id":"1"},"v"],"value":2}"#,
            r#"{"l":[{"id":1,"v":1},{"id":"1","v":2}]}"#,
        ),
        (
            r#"{"l":[{"id":1,"v":1},{"id":2}]}"#,
            r#"{"op":"delete","path":["l",{"id":1.0}]}"#,
            r#"{"l":[{"id":2}]}"#,
        ),
        (
            r#"{"l":["a","b"]}"#,
            r#"{"op":"delete","path":["l",{"value":"a"}]}"#,
            r#"{"l":["b"]}"#,
        ),
        (
            r#"{"l":[{"a":1},{"a":2}]}"#,
            r#"{"op":"delete","path":["l",{"value":{"a":2.0}}]}"#,
            r#"{"l":[{"a":1}]}"#,
        ),
    ]);
}

#[test]
fn after_names_the_predecessor_of_a_new_element_or_null_for_the_front() {
    table(&[
        (
            r#"{"l":["a","b"]}"#,
            r#"{"op":"set","path":["l",{"value":"c"}],"value":"c","after":null}"#,
            r#"{"l":["c","a","b"]}"#,
        ),
        (
            r#"{"l":["a","b"]}"#,
            r#"{"op":"set","path":["l",{"value":"c"}],"value":"c","after":{"value":"a"}}"#,
            r#"{"l":["a","c","b"]}"#,
        ),
        (
            r#"{"l":[{"id":1},{"id":2}]}"#,
            r#"{"op":"set","path":["l",{"id":3}],"value":{"id":3},"after":{"id":1.0}}"#,
            r#"{"l":[{"id":1},{"id":3},{"id":2}]}"#,
        ),
    ]);
}

#[test]
fn a_set_without_after_adds_a_new_element_at_the_end() {
    table(&[
        (
            r#"{"l":["a"]}"#,
            r#"{"op":"set","path":["l",{"value":"c"}],"value":"c"}"#,
            r#"{"l":["a","c"]}"#,
        ),
        (
            r#"{"l":[{"id":1}]}"#,
            r#"{"op":"set","path":["l",{"id":3}],"value":{"id":3,"v":1}}"#,
            r#"{"l":[{"id":1},{"id":3,"v":1}]}"#,
        ),
    ]);
}

#[test]
fn an_after_that_names_an_absent_element_means_the_end() {
    table(&[
        (
            r#"{"l":["a","b"]}"#,
            r#"{"op":"set","path":["l",{"value":"c"}],"value":"c","after":{"value":"x"}}"#,
            r#"{"l":["a","b","c"]}"#,
        ),
        (
            r#"{"l":[{"id":1},{"id":2}]}"#,
            r#"{"op":"move","path":["l",{"id":1}],"after":{"id":"2"}}"#,
            r#"{"l":[{"id":2},{"id":1}]}"#,
        ),
    ]);
}

#[test]
fn an_after_on_a_set_of_an_existing_element_is_ignored() {
    table(&[
        (
            r#"{"l":[{"id":1},{"id":2}]}"#,
            r#"{"op":"set","path":["l",{"id":2}],"value":{"id":2,"v":1},"after":null}"#,
            r#"{"l":[{"id":1},{"id":2,"v":1}]}"#,
        ),
        (
            r#"{"l":["a","b"]}"#,
            r#"{"op":"set","path":["l",{"value":"a"}],"value":"a","after":{"value":"b"}}"#,
            r#"{"l":["a","b"]}"#,
        ),
    ]);
}

#[test]
fn a_move_puts_the_element_behind_another_or_in_front() {
    let list = r#"{"l":[{"id":1,"v":1},{"id":2},{"id":3}]}"#;
    table(&[
        (
            list,
            r#"{"op":"move","path":["l",{"id":3}],"after":null}"#,
            r#"{"l":[{"id":3},{"id":1,"v":1},{"id":2}]}"#,
        ),
        (
            list,
            r#"{"op":"move","path":["l",{"id":1}],"after":{"id":2}}"#,
            r#"{"l":[{"id":2},{"id":1,"v":1},{"id":3}]}"#,
        ),
        (
            list,
            r#"{"op":"move","path":["l",{"id":1}],"after":{"id":3}}"#,
            r#"{"l":[{"id":2},{"id":3},{"id":1,"v":1}]}"#,
        ),
        (list, r#"{"op":"move","path":["l",{"id":1}],"after":null}"#, list),
        (list, r#"{"op":"move","path":["l",{"id":2}],"after":{"id":1}}"#, list),
        (
            r#"{"l":["a","b","c"]}"#,
            r#"{"op":"move","path":["l",{"value":"c"}],"after":{"value":"a"}}"#,
            r#"{"l":["a","c","b"]}"#,
        ),
    ]);
}

#[test]
fn a_set_adds_missing_parents() {
    table(&[
        (
            "{}",
            r#"{"op":"set","path":["a","b","c"],"value":1}"#,
            r#"{"a":{"b":{"c":1}}}"#,
        ),
        (
            "{}",
            r#"{"op":"set","path":["l",{"value":"x"}],"value":"x"}"#,
            r#"{"l":["x"]}"#,
        ),
        (
            "{}",
            r#"{"op":"set","path":["l",{"id":1}],"value":{"id":1}}"#,
            r#"{"l":[{"id":1}]}"#,
        ),
        (
            "{}",
            r#"{"op":"set","path":["l",{"_id":1},"v"],"value":2}"#,
            r#"{"l":[{"_id":1,"v":2}]}"#,
        ),
        (
            r#"{"l":[{"id":1}]}"#,
            r#"{"op":"set","path":["l",{"id":2},"m",{"uuid":"u"},"v"],"value":3}"#,
            r#"{"l":[{"id":1},{"id":2,"m":[{"uuid":"u","v":3}]}]}"#,
        ),
    ]);
}

#[test]
fn a_set_replaces_a_value_of_another_kind_that_blocks_its_path() {
    table(&[
        (
            r#"{"a":5}"#,
            r#"{"op":"set","path":["a","b"],"value":1}"#,
            r#"{"a":{"b":1}}"#,
        ),
        (
            r#"{"a":null}"#,
            r#"{"op":"set","path":["a","b"],"value":1}"#,
            r#"{"a":{"b":1}}"#,
        ),
        (
            r#"{"a":[{"id":1}]}"#,
            r#"{"op":"set","path":["a","b"],"value":1}"#,
            r#"{"a":{"b":1}}"#,
        ),
        (
            r#"{"a":{"x":1}}"#,
            r#"{"op":"set","path":["a",{"id":1}],"value":{"id":1}}"#,
            r#"{"a":[{"id":1}]}"#,
        ),
        (
            r#"{"a":"x"}"#,
            r#"{"op":"set","path":["a",{"value":"b"}],"value":"b"}"#,
            r#"{"a":["b"]}"#,
        ),
        (
            r#"{"a":5}"#,
            r#"{"op":"set","path":["a",{"id":1},"v"],"value":2}"#,
            r#"{"a":[{"id":1,"v":2}]}"#,
        ),
    ]);
}

#[test]
fn a_delete_or_move_whose_path_is_blocked_or_absent_does_nothing() {
    for document in [
        "{}",
        r#"{"a":5}"#,
        r#"{"a":null}"#,
        r#"{"a":[1,2]}"#,
        r#"{"a":{"x":1}}"#,
        r#"{"a":["x"]}"#,
    ] {
        for operation in [
            r#"{"op":"delete","path":["a","b"]}"#,
            r#"{"op":"delete","path":["a","b","c"]}"#,
            r#"{"op":"delete","path":["a",{"id":1}]}"#,
            r#"{"op":"delete","path":["a",{"id":1},"v"]}"#,
            r#"{"op":"delete","path":["a",{"value":"y"}]}"#,
            r#"{"op":"delete","path":["q"]}"#,
            r#"{"op":"move","path":["a",{"id":1}],"after":null}"#,
            r#"{"op":"move","path":["a",{"value":"y"}],"after":{"value":"x"}}"#,
            r#"{"op":"move","path":["q",{"id":1}],"after":null}"#,
        ] {
            table(&[(document, operation, document)]);
        }
    }
}

#[test]
fn an_element_can_be_added_to_a_list_of_another_kind() {
    table(&[
        (
            r#"{"l":[1,2]}"#,
            r#"{"op":"set","path":["l",{"id":1}],"value":{"id":1}}"#,
            r#"{"l":[1,2,{"id":1}]}"#,
        ),
        (
            r#"{"l":["a"]}"#,
            r#"{"op":"set","path":["l",{"value":{"a":1}}],"value":{"a":1},"after":null}"#,
            r#"{"l":[{"a":1},"a"]}"#,
        ),
    ]);
}

#[test]
fn operations_are_applied_in_their_order() {
    let after = patched(
        &json(r#"{"l":["a","b","c"]}"#),
        &ops(
            r#"[{"op":"set","path":["l",{"value":"x"}],"value":"x","after":{"value":"a"}},
                {"op":"set","path":["l",{"value":"y"}],"value":"y","after":{"value":"x"}},
                {"op":"delete","path":["l",{"value":"a"}]},
                {"op":"move","path":["l",{"value":"c"}],"after":null}]"#,
        ),
    );
    assert_eq!(text(&after), r#"{"l":["c","x","y","b"]}"#);
}

#[test]
fn a_move_inside_an_element_does_not_move_the_element() {
    table(&[(
        r#"{"l":[{"id":1},{"id":2,"m":["a","b"]},{"id":3}]}"#,
        r#"{"op":"move","path":["l",{"id":2},"m",{"value":"b"}],"after":null}"#,
        r#"{"l":[{"id":1},{"id":2,"m":["b","a"]},{"id":3}]}"#,
    )]);
}

#[test]
fn nth_names_one_of_several_elements_with_the_same_name() {
    let list = r#"{"l":[{"id":5,"v":1},"x",{"id":5,"v":2},{"id":5,"v":3}]}"#;
    table(&[
        (
            list,
            r#"{"op":"set","path":["l",{"id":5,"nth":1},"v"],"value":9}"#,
            r#"{"l":[{"id":5,"v":1},"x",{"id":5,"v":9},{"id":5,"v":3}]}"#,
        ),
        (
            list,
            r#"{"op":"delete","path":["l",{"id":5,"nth":2}]}"#,
            r#"{"l":[{"id":5,"v":1},"x",{"id":5,"v":2}]}"#,
        ),
        (
            list,
            r#"{"op":"delete","path":["l",{"id":5}]}"#,
            r#"{"l":["x",{"id":5,"v":2},{"id":5,"v":3}]}"#,
        ),
        (list, r#"{"op":"delete","path":["l",{"id":5,"nth":3}]}"#, list),
        (
            list,
            r#"{"op":"move","path":["l",{"id":5,"nth":3}],"after":null}"#,
            list,
        ),
        (
            list,
            r#"{"op":"move","path":["l",{"value":"x"}],"after":{"id":5,"nth":1}}"#,
            r#"{"l":[{"id":5,"v":1},{"id":5,"v":2},"x",{"id":5,"v":3}]}"#,
        ),
        (
            list,
            r#"{"op":"move","path":["l",{"id":5,"nth":2}],"after":null}"#,
            r#"{"l":[{"id":5,"v":3},{"id":5,"v":1},"x",{"id":5,"v":2}]}"#,
        ),
        (
            r#"{"l":["a","b","a"]}"#,
            r#"{"op":"delete","path":["l",{"value":"a","nth":1}]}"#,
            r#"{"l":["a","b"]}"#,
        ),
    ]);
}

#[test]
fn a_set_of_an_nth_element_that_is_absent_adds_one() {
    table(&[
        (
            r#"{"l":[{"id":5},{"id":6}]}"#,
            r#"{"op":"set","path":["l",{"id":5,"nth":1}],"value":{"id":5,"v":1},"after":{"id":5}}"#,
            r#"{"l":[{"id":5},{"id":5,"v":1},{"id":6}]}"#,
        ),
        (
            r#"{"l":["a"]}"#,
            r#"{"op":"set","path":["l",{"value":"a","nth":7}],"value":"a"}"#,
            r#"{"l":["a","a"]}"#,
        ),
        (
            r#"{"l":[{"id":5}]}"#,
            r#"{"op":"set","path":["l",{"id":5,"nth":1},"v"],"value":1}"#,
            r#"{"l":[{"id":5},{"id":5,"v":1}]}"#,
        ),
    ]);
}

#[test]
fn the_position_of_a_moved_element_is_looked_up_before_it_moves() {
    let list = r#"{"l":[{"id":5,"v":1},{"id":6},{"id":5,"v":2},{"id":7}]}"#;
    table(&[
        (
            list,
            r#"{"op":"move","path":["l",{"id":5}],"after":{"id":5,"nth":1}}"#,
            r#"{"l":[{"id":6},{"id":5,"v":2},{"id":5,"v":1},{"id":7}]}"#,
        ),
        (
            list,
            r#"{"op":"move","path":["l",{"id":5}],"after":{"id":5}}"#,
            r#"{"l":[{"id":6},{"id":5,"v":2},{"id":7},{"id":5,"v":1}]}"#,
        ),
    ]);
}
