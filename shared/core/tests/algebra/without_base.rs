//! `docs/MERGE.md`, "Without a base": every kind of edit against every kind of value that may be at its path.

use crate::support::{History, device, json, ms, ops, patched, text};
use coinolio_core::algebra::{MergedWithoutBase, Op, Ranks, Winner, merge_without_base};
use coinolio_core::time::Timestamp;

/// The time of values that no recorded change altered.
const UNKNOWN: i64 = -1_000;

/// Merges edits of the phone at the time `at` into a document without recorded changes.
fn merged(document: &str, edits: &str, at: i64) -> MergedWithoutBase {
    merged_by(&History::of(&json(document)), edits, at, &Ranks::new())
}

fn merged_by(server: &History, edits: &str, at: i64, ranks: &Ranks) -> MergedWithoutBase {
    let edits = ops(edits);
    let edits: Vec<(&Op, Timestamp)> = edits.iter().map(|op| (op, ms(at))).collect();
    merge_without_base(server.authored(), &edits, &device("phone"), ranks)
}

fn result(document: &str, merged: &MergedWithoutBase) -> String {
    text(&patched(&json(document), merged.edits.iter().map(|(op, _)| op)))
}

/// A document, one edit, the result if the edit is newer than the document, and the result if it is older; `None` means
/// that the document stays as it is.
type Row = (&'static str, &'static str, Option<&'static str>, Option<&'static str>);

/// Checks each row with a newer and an older edit; both have a conflict at `path`, or none if that is `None`.
fn assert_rows(rows: &[Row], path: Option<&str>) {
    for (document, edit, newer, older) in rows {
        for (at, expected, winner) in [(1, newer, Winner::Client), (UNKNOWN - 1, older, Winner::Server)] {
            let context = format!("{edit} on {document} at {at}");
            let merged = merged(document, &format!("[{edit}]"), at);
            assert_eq!(
                result(document, &merged),
                text(&json(expected.unwrap_or(document))),
                "{context}"
            );
            let conflicts: Vec<_> = merged.conflicts.iter().map(|c| (text(&c.path), c.winner)).collect();
            let path = path.map(|path| (path.to_owned(), winner));
            assert_eq!(conflicts, Vec::from_iter(path), "{context}");
        }
    }
}

const SET: &str = r#"{"op":"set","path":["a","x"],"value":1}"#;
const DELETE: &str = r#"{"op":"delete","path":["a","x"]}"#;
const SET_INSIDE: &str = r#"{"op":"set","path":["t",{"id":7},"x"],"value":1}"#;
const DELETE_INSIDE: &str = r#"{"op":"delete","path":["t",{"id":7},"x"]}"#;
const SET_ELEMENT: &str = r#"{"op":"set","path":["t",{"id":7}],"value":{"id":7,"x":1},"after":null}"#;
const DELETE_ELEMENT: &str = r#"{"op":"delete","path":["t",{"id":7}]}"#;
const MOVE: &str = r#"{"op":"move","path":["t",{"id":7}],"after":null}"#;
const SET_IN_SET: &str = r#"{"op":"set","path":["t",{"value":"v"}],"value":"v","after":null}"#;
const DELETE_IN_SET: &str = r#"{"op":"delete","path":["t",{"value":"v"}]}"#;

#[test]
fn an_edit_of_an_absent_value_is_applied() {
    let both = |document, edit, made| (document, edit, Some(made), Some(made));
    assert_rows(
        &[
            both("{}", SET, r#"{"a":{"x":1}}"#),
            both(r#"{"a":{"y":2}}"#, SET, r#"{"a":{"x":1,"y":2}}"#),
            both("{}", SET_INSIDE, r#"{"t":[{"id":7,"x":1}]}"#),
            both(r#"{"t":[{"id":8}]}"#, SET_INSIDE, r#"{"t":[{"id":8},{"id":7,"x":1}]}"#),
            both(r#"{"t":[{"id":8}]}"#, SET_ELEMENT, r#"{"t":[{"id":7,"x":1},{"id":8}]}"#),
            both(r#"{"t":[{"id":7}]}"#, SET_INSIDE, r#"{"t":[{"id":7,"x":1}]}"#),
            both(r#"{"t":["w"]}"#, SET_IN_SET, r#"{"t":["v","w"]}"#),
            both("{}", SET_IN_SET, r#"{"t":["v"]}"#),
        ],
        None,
    );
}

#[test]
fn an_edit_whose_result_is_already_there_does_nothing() {
    let same = |document, edit| (document, edit, None, None);
    assert_rows(
        &[
            same(r#"{"a":{"x":1}}"#, SET),
            same(r#"{"a":{"x":1.0}}"#, SET),
            same(r#"{"a":{"y":1}}"#, DELETE),
            same("{}", DELETE),
            same(r#"{"t":[{"id":7,"x":1}]}"#, SET_INSIDE),
            same(r#"{"t":[{"id":8},{"id":7,"x":1}]}"#, SET_ELEMENT),
            same(r#"{"t":[{"id":7}]}"#, DELETE_INSIDE),
            same(r#"{"t":[{"id":8}]}"#, DELETE_INSIDE),
            same(r#"{"t":[{"id":8}]}"#, DELETE_ELEMENT),
            same(r#"{"t":["w","v"]}"#, SET_IN_SET),
            same(r#"{"t":["w"]}"#, DELETE_IN_SET),
        ],
        None,
    );
}

#[test]
fn an_edit_of_a_different_value_is_a_conflict() {
    assert_rows(
        &[
            (r#"{"a":{"x":2}}"#, SET, Some(r#"{"a":{"x":1}}"#), None),
            (r#"{"a":{"x":null}}"#, SET, Some(r#"{"a":{"x":1}}"#), None),
            (r#"{"a":{"x":{"y":1}}}"#, SET, Some(r#"{"a":{"x":1}}"#), None),
            (r#"{"a":{"x":2,"y":3}}"#, DELETE, Some(r#"{"a":{"y":3}}"#), None),
            (r#"{"a":{"x":null}}"#, DELETE, Some(r#"{"a":{}}"#), None),
        ],
        Some(r#"["a","x"]"#),
    );
    assert_rows(
        &[
            (
                r#"{"t":[{"id":8},{"id":7,"x":2}]}"#,
                SET_INSIDE,
                Some(r#"{"t":[{"id":8},{"id":7,"x":1}]}"#),
                None,
            ),
            (
                r#"{"t":[{"id":7,"x":2}]}"#,
                DELETE_INSIDE,
                Some(r#"{"t":[{"id":7}]}"#),
                None,
            ),
        ],
        Some(r#"["t",{"id":7},"x"]"#),
    );
}

#[test]
fn an_edit_of_a_different_element_is_a_conflict() {
    assert_rows(
        &[
            // The element does not move: `after` only counts for a new one.
            (
                r#"{"t":[{"id":8},{"id":7,"x":2}]}"#,
                SET_ELEMENT,
                Some(r#"{"t":[{"id":8},{"id":7,"x":1}]}"#),
                None,
            ),
            (
                r#"{"t":[{"id":8},{"id":7,"x":2}]}"#,
                DELETE_ELEMENT,
                Some(r#"{"t":[{"id":8}]}"#),
                None,
            ),
        ],
        Some(r#"["t",{"id":7}]"#),
    );
    assert_rows(
        &[(r#"{"t":["w","v"]}"#, DELETE_IN_SET, Some(r#"{"t":["w"]}"#), None)],
        Some(r#"["t",{"value":"v"}]"#),
    );
}

#[test]
fn a_value_of_another_kind_that_blocks_the_path_is_the_one_in_conflict() {
    assert_rows(
        &[
            (r#"{"a":2}"#, SET, Some(r#"{"a":{"x":1}}"#), None),
            (r#"{"a":null}"#, SET, Some(r#"{"a":{"x":1}}"#), None),
            (r#"{"a":["x"]}"#, SET, Some(r#"{"a":{"x":1}}"#), None),
            (r#"{"a":2}"#, DELETE, Some("{}"), None),
            (r#"{"a":[{"id":7}],"b":1}"#, DELETE, Some(r#"{"b":1}"#), None),
        ],
        Some(r#"["a"]"#),
    );
    assert_rows(
        &[
            (r#"{"t":"2"}"#, SET_INSIDE, Some(r#"{"t":[{"id":7,"x":1}]}"#), None),
            (
                r#"{"t":{"id":7}}"#,
                SET_ELEMENT,
                Some(r#"{"t":[{"id":7,"x":1}]}"#),
                None,
            ),
            (r#"{"t":{"v":1}}"#, SET_IN_SET, Some(r#"{"t":["v"]}"#), None),
            (r#"{"t":true}"#, DELETE_ELEMENT, Some("{}"), None),
        ],
        Some(r#"["t"]"#),
    );
}

#[test]
fn a_move_never_conflicts() {
    let moved = r#"{"t":[{"id":7},{"id":8}]}"#;
    assert_rows(
        &[
            (r#"{"t":[{"id":8},{"id":7}]}"#, MOVE, Some(moved), Some(moved)),
            (moved, MOVE, None, None),
            (r#"{"t":[{"id":8}]}"#, MOVE, None, None),
            ("{}", MOVE, None, None),
            (r#"{"t":"2"}"#, MOVE, None, None),
            (r#"{"t":{"id":7}}"#, MOVE, None, None),
            (r#"{"t":["v"]}"#, MOVE, None, None),
        ],
        None,
    );
    let both = format!("[{MOVE},{SET_INSIDE}]");
    let document = r#"{"t":[{"id":8},{"id":7,"x":2}]}"#;
    let older = merged(document, &both, UNKNOWN - 1);
    assert_eq!(
        result(document, &older),
        r#"{"t":[{"id":7,"x":2},{"id":8}]}"#,
        "the element moves, and the value inside is decided separately"
    );
    assert_eq!(older.conflicts.len(), 1);
}

#[test]
fn edits_that_the_same_value_blocks_are_one_conflict_with_their_combined_value() {
    let edits = r#"[{"op":"set","path":["a","x"],"value":1},{"op":"set","path":["b"],"value":3},
        {"op":"delete","path":["a","y"]},{"op":"set","path":["a","t",{"id":7},"z"],"value":2},
        {"op":"move","path":["a","t",{"id":7}],"after":null}]"#;
    let document = r#"{"a":"scalar"}"#;
    let newer = merged(document, edits, 1);
    assert_eq!(result(document, &newer), r#"{"a":{"t":[{"id":7,"z":2}],"x":1},"b":3}"#);
    assert_eq!(newer.conflicts.len(), 1);
    let conflict = &newer.conflicts[0];
    assert_eq!(text(&conflict.path), r#"["a"]"#);
    assert_eq!(conflict.client.value, Some(json(r#"{"t":[{"id":7,"z":2}],"x":1}"#)));
    assert_eq!(conflict.server.value, Some(json(r#""scalar""#)));
    let older = merged(document, edits, UNKNOWN - 1);
    assert_eq!(result(document, &older), r#"{"a":"scalar","b":3}"#);
    assert_eq!(
        older.conflicts[0].client.value, newer.conflicts[0].client.value,
        "the losing value is the whole that the edits build"
    );
}

#[test]
fn blocked_edits_that_build_the_blocking_value_do_nothing() {
    // The object blocks the deletion, and the other edit asks for that same object.
    let edits = r#"[{"op":"set","path":["a","x"],"value":1},{"op":"delete","path":["a",{"id":7}]}]"#;
    for at in [1, UNKNOWN - 1] {
        let merged = merged(r#"{"a":{"x":1}}"#, edits, at);
        assert_eq!((merged.edits.len(), merged.conflicts), (0, Vec::new()));
    }
}

#[test]
fn an_edit_inside_the_value_in_conflict_is_decided_together_with_it() {
    // The second edit turns the list that the first one extends into an object.
    let edits = r#"[{"op":"set","path":["a",{"value":"v"}],"value":"v"},{"op":"set","path":["a","x"],"value":1}]"#;
    for at in [1, UNKNOWN - 1] {
        let merged = merged(r#"{"a":["w"]}"#, edits, at);
        let conflicts: Vec<_> = merged.conflicts.iter().map(|c| text(&c.path)).collect();
        assert_eq!(conflicts, [r#"["a"]"#]);
        assert_eq!(
            merged.conflicts[0].client.value,
            Some(json(r#"{"x":1}"#)),
            "the value that the edits leave on the device"
        );
    }
}

#[test]
fn the_conflict_rules_are_tried_in_order() {
    let mut server = History::of(&json(r#"{"a":{"x":0}}"#));
    let edit = ops(r#"[{"op":"set","path":["a","x"],"value":2}]"#).remove(0);
    server.change(Some(&device("tablet")), &[(edit, ms(5))]);
    let edits = format!("[{SET}]");
    for (at, ranks, winner, rule) in [
        (6, [0, 0], "client", "newest"),
        (4, [0, 0], "server", "newest"),
        (5, [0, 0], "server", "server_preference"),
        (4, [2, 1], "client", "device_rank"),
        (6, [1, 2], "server", "device_rank"),
        (6, [1, 1], "client", "newest"),
    ] {
        let ranks = match ranks {
            [0, 0] => Ranks::new(),
            [phone, tablet] => Ranks::from([(device("phone"), phone), (device("tablet"), tablet)]),
        };
        let merged = merged_by(&server, &edits, at, &ranks);
        let conflict = &merged.conflicts[0];
        assert_eq!(
            (conflict.winner.as_str(), conflict.rule.as_str()),
            (winner, rule),
            "at {at}, {ranks:?}"
        );
        assert_eq!(conflict.server.device_id, Some(device("tablet")));
        assert_eq!(
            (conflict.server.modified_at, conflict.client.modified_at),
            (ms(5), ms(at))
        );
        assert_eq!(merged.edits.len(), usize::from(winner == "client"));
    }
}

#[test]
fn an_edit_is_not_concurrent_with_earlier_edits_of_the_same_device() {
    let mut server = History::of(&json(r#"{"a":{"x":0,"y":0}}"#));
    let edit = ops(r#"[{"op":"set","path":["a","x"],"value":2}]"#).remove(0);
    server.change(Some(&device("phone")), &[(edit, ms(5))]);
    for (at, is_applied) in [(6, true), (5, true), (4, false)] {
        let merged = merged_by(&server, &format!("[{SET}]"), at, &Ranks::new());
        assert_eq!(
            (merged.edits.len(), merged.conflicts.len()),
            (usize::from(is_applied), 0),
            "at {at}"
        );
    }
    let unknown = merged_by(
        &server,
        r#"[{"op":"set","path":["a","y"],"value":1}]"#,
        6,
        &Ranks::new(),
    );
    assert_eq!(
        unknown.conflicts[0].server.device_id, None,
        "a value without an author is not the device's own"
    );
    assert_eq!(unknown.conflicts[0].server.modified_at, ms(UNKNOWN));
}

#[test]
fn a_token_means_the_first_of_several_elements_with_its_name() {
    let document = r#"{"t":[{"id":7,"x":1},{"id":7,"x":2}]}"#;
    assert_eq!(merged(document, &format!("[{SET_INSIDE}]"), 1).conflicts, []);
    let deleted = merged(document, &format!("[{DELETE_ELEMENT}]"), 1);
    assert_eq!(deleted.conflicts[0].server.value, Some(json(r#"{"id":7,"x":1}"#)));
    assert_eq!(result(document, &deleted), r#"{"t":[{"id":7,"x":2}]}"#);
}
