//! Section 3, a base that retention has removed: every kind of edit against everything that may stand in its place.

use crate::support::{Copy, device, json, ms, ops, patched, text};
use coinolio_core::algebra::{Op, Ranks, Settled, Winner, settle};
use coinolio_core::time::Timestamp;

/// What nobody altered has no author and this time.
const UNKNOWN: i64 = -1_000;

/// The edits of the phone at `at`, held against a document that nobody altered as far as is known.
fn settled(document: &str, edits: &str, at: i64) -> Settled {
    settled_by(&Copy::of(&json(document)), edits, at, &Ranks::new())
}

fn settled_by(server: &Copy, edits: &str, at: i64, ranks: &Ranks) -> Settled {
    let edits = ops(edits);
    let edits: Vec<(&Op, Timestamp)> = edits.iter().map(|op| (op, ms(at))).collect();
    settle(server.device(), &edits, &device("phone"), ranks)
}

fn result(document: &str, settled: &Settled) -> String {
    text(&patched(&json(document), settled.edits.iter().map(|(op, _)| op)))
}

/// A document, one edit, and what comes of it where it is newer than all that is known, and where it is older;
/// `None` where the document stays as it is.
type Row = (&'static str, &'static str, Option<&'static str>, Option<&'static str>);

/// Asserts each row; the conflict, where there is one, is at `path` in both cases, and of the winner's value.
fn assert_rows(rows: &[Row], path: Option<&str>) {
    for (document, edit, newer, older) in rows {
        for (at, expected, winner) in [(1, newer, Winner::Client), (UNKNOWN - 1, older, Winner::Server)] {
            let what = format!("{edit} on {document} at {at}");
            let settled = settled(document, &format!("[{edit}]"), at);
            assert_eq!(
                result(document, &settled),
                text(&json(expected.unwrap_or(document))),
                "{what}"
            );
            let conflicts: Vec<_> = settled.conflicts.iter().map(|c| (text(&c.path), c.winner)).collect();
            let path = path.map(|path| (path.to_owned(), winner));
            assert_eq!(conflicts, Vec::from_iter(path), "{what}");
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
fn a_place_that_holds_nothing_is_set() {
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
fn what_a_place_holds_already_is_nothing() {
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
fn another_value_in_the_place_is_a_conflict() {
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
    assert_rows(
        &[
            // Its place stays: an `after` counts only for a new element.
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
fn a_value_of_another_kind_in_the_path_is_the_one_in_conflict() {
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
    let older = settled(document, &both, UNKNOWN - 1);
    assert_eq!(
        result(document, &older),
        r#"{"t":[{"id":7,"x":2},{"id":8}]}"#,
        "moved, and what is inside decided apart"
    );
    assert_eq!(older.conflicts.len(), 1);
}

#[test]
fn edits_through_one_value_of_another_kind_are_one_conflict_of_all_that_they_make() {
    let edits = r#"[{"op":"set","path":["a","x"],"value":1},{"op":"set","path":["b"],"value":3},
        {"op":"delete","path":["a","y"]},{"op":"set","path":["a","t",{"id":7},"z"],"value":2},
        {"op":"move","path":["a","t",{"id":7}],"after":null}]"#;
    let document = r#"{"a":"scalar"}"#;
    let newer = settled(document, edits, 1);
    assert_eq!(result(document, &newer), r#"{"a":{"t":[{"id":7,"z":2}],"x":1},"b":3}"#);
    assert_eq!(newer.conflicts.len(), 1);
    let conflict = &newer.conflicts[0];
    assert_eq!(text(&conflict.path), r#"["a"]"#);
    assert_eq!(conflict.client.value, Some(json(r#"{"t":[{"id":7,"z":2}],"x":1}"#)));
    assert_eq!(conflict.server.value, Some(json(r#""scalar""#)));
    let older = settled(document, edits, UNKNOWN - 1);
    assert_eq!(result(document, &older), r#"{"a":"scalar","b":3}"#);
    assert_eq!(
        older.conflicts[0].client.value, newer.conflicts[0].client.value,
        "and can be brought back"
    );
}

#[test]
fn edits_through_a_value_of_another_kind_that_make_that_value_are_done_already() {
    // The deletion goes through an object that the other edit asks for.
    let edits = r#"[{"op":"set","path":["a","x"],"value":1},{"op":"delete","path":["a",{"id":7}]}]"#;
    for at in [1, UNKNOWN - 1] {
        let settled = settled(r#"{"a":{"x":1}}"#, edits, at);
        assert_eq!((settled.edits.len(), settled.conflicts), (0, Vec::new()));
    }
}

#[test]
fn an_edit_that_goes_through_the_value_in_conflict_is_decided_with_it() {
    // No document holds both: the second edit makes an object of the list that the first went into.
    let edits = r#"[{"op":"set","path":["a",{"value":"v"}],"value":"v"},{"op":"set","path":["a","x"],"value":1}]"#;
    for at in [1, UNKNOWN - 1] {
        let settled = settled(r#"{"a":["w"]}"#, edits, at);
        let conflicts: Vec<_> = settled.conflicts.iter().map(|c| text(&c.path)).collect();
        assert_eq!(conflicts, [r#"["a"]"#]);
        assert_eq!(
            settled.conflicts[0].client.value,
            Some(json(r#"{"x":1}"#)),
            "what the device itself held"
        );
    }
}

#[test]
fn the_rules_decide_in_their_order() {
    let mut server = Copy::of(&json(r#"{"a":{"x":0}}"#));
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
        let settled = settled_by(&server, &edits, at, &ranks);
        let conflict = &settled.conflicts[0];
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
        assert_eq!(settled.edits.len(), usize::from(winner == "client"));
    }
}

#[test]
fn what_the_same_device_altered_is_not_concurrent() {
    let mut server = Copy::of(&json(r#"{"a":{"x":0,"y":0}}"#));
    let edit = ops(r#"[{"op":"set","path":["a","x"],"value":2}]"#).remove(0);
    server.change(Some(&device("phone")), &[(edit, ms(5))]);
    for (at, stands) in [(6, true), (5, true), (4, false)] {
        let settled = settled_by(&server, &format!("[{SET}]"), at, &Ranks::new());
        assert_eq!(
            (settled.edits.len(), settled.conflicts.len()),
            (usize::from(stands), 0),
            "at {at}"
        );
    }
    let unknown = settled_by(
        &server,
        r#"[{"op":"set","path":["a","y"],"value":1}]"#,
        6,
        &Ranks::new(),
    );
    assert_eq!(
        unknown.conflicts[0].server.device_id, None,
        "what nobody altered is nobody's own"
    );
    assert_eq!(unknown.conflicts[0].server.modified_at, ms(UNKNOWN));
}

#[test]
fn of_elements_of_one_name_the_first_is_meant() {
    let document = r#"{"t":[{"id":7,"x":1},{"id":7,"x":2}]}"#;
    assert_eq!(settled(document, &format!("[{SET_INSIDE}]"), 1).conflicts, []);
    let deleted = settled(document, &format!("[{DELETE_ELEMENT}]"), 1);
    assert_eq!(deleted.conflicts[0].server.value, Some(json(r#"{"id":7,"x":1}"#)));
    assert_eq!(result(document, &deleted), r#"{"t":[{"id":7,"x":2}]}"#);
}
