//! `docs/MERGE.md`: "Author and time", "The conflict rules" and "Effective time".

use crate::support::{History, device, json, lines, merge_at, ms, ops, path, text, unknown};
use coinolio_core::algebra::{Merged, Ranks, Stamp, merge};
use coinolio_core::json::Value;
use coinolio_core::time::Timestamp;

/// Builds a history from changes: a device, a time and a patch each.
fn history(base: &str, changes: &[(&str, i64, &str)]) -> History {
    let mut history = History::of(&json(base));
    for (by, at, patch) in changes {
        let edits: Vec<_> = ops(patch).into_iter().map(|op| (op, ms(*at))).collect();
        history.change(Some(&device(by)), &edits);
    }
    history
}

fn stamp(by: &str, at: i64) -> Stamp {
    Stamp {
        device_id: Some(device(by)),
        at: ms(at),
    }
}

fn newest(history: &History, at: &str, own: &str) -> Stamp {
    history.authors.newest(&path(at), Some(&device(own)))
}

#[test]
fn recording_a_change_applies_it() {
    let history = history(
        r#"{"a":1,"l":["x"]}"#,
        &[
            ("tablet", 1, r#"[{"op":"set","path":["b","c"],"value":2}]"#),
            (
                "laptop",
                2,
                r#"[{"op":"delete","path":["a"]},{"op":"set","path":["l",{"value":"y"}],"value":"y","after":null}]"#,
            ),
        ],
    );
    assert_eq!(text(&history.document), r#"{"b":{"c":2},"l":["y","x"]}"#);
}

#[test]
fn a_value_that_no_change_altered_has_the_unknown_author() {
    let history = history(
        r#"{"a":1,"b":1}"#,
        &[("tablet", 1, r#"[{"op":"set","path":["a"],"value":2}]"#)],
    );
    assert_eq!(newest(&history, r#"["b"]"#, "phone"), unknown());
    assert_eq!(newest(&history, r#"["a"]"#, "phone"), stamp("tablet", 1));
}

#[test]
fn the_author_of_a_value_is_that_of_the_last_change_that_altered_it() {
    let twice = r#"{"a":1}"#;
    let history = history(
        twice,
        &[
            ("tablet", 9, r#"[{"op":"set","path":["a"],"value":2}]"#),
            ("laptop", 5, r#"[{"op":"set","path":["a"],"value":3}]"#),
        ],
    );
    assert_eq!(
        newest(&history, r#"["a"]"#, "phone"),
        stamp("laptop", 5),
        "the last change, whatever its clock says"
    );
    assert_eq!(
        newest(&history, r#"["a"]"#, "laptop"),
        stamp("laptop", 5),
        "the tablet's value is gone"
    );
}

#[test]
fn an_operation_that_covers_an_equal_value_does_not_become_its_author() {
    let history = history(
        r#"{"a":{"x":1,"y":1},"l":[{"id":1,"v":1,"w":1}]}"#,
        &[
            (
                "tablet",
                1,
                r#"[{"op":"set","path":["a","x"],"value":2},{"op":"set","path":["l",{"id":1},"v"],"value":2}]"#,
            ),
            (
                "laptop",
                2,
                r#"[{"op":"set","path":["a"],"value":{"x":2.0,"y":5}},
                    {"op":"set","path":["l",{"id":1}],"value":{"id":1,"v":2,"w":5}}]"#,
            ),
        ],
    );
    assert_eq!(newest(&history, r#"["a","x"]"#, "phone"), stamp("tablet", 1));
    assert_eq!(newest(&history, r#"["a","y"]"#, "phone"), stamp("laptop", 2));
    assert_eq!(newest(&history, r#"["l",{"id":1},"v"]"#, "phone"), stamp("tablet", 1));
    assert_eq!(newest(&history, r#"["l",{"id":1},"w"]"#, "phone"), stamp("laptop", 2));
}

#[test]
fn a_later_operation_of_the_same_change_that_covers_an_equal_value_does_not_become_its_author() {
    let mut history = History::of(&json(r#"{"a":{"x":1,"y":1},"l":[{"id":1,"v":1,"w":1},{"id":2}]}"#));
    let patch = r#"[{"op":"set","path":["a","x"],"value":2},
        {"op":"set","path":["a"],"value":{"x":2,"y":5}},
        {"op":"set","path":["l",{"id":1},"v"],"value":2},
        {"op":"move","path":["l",{"id":1}],"after":{"id":2}},
        {"op":"set","path":["l",{"id":1}],"value":{"id":1,"v":2,"w":5}}]"#;
    let edits: Vec<_> = ops(patch).into_iter().zip((1..).map(ms)).collect();
    history.change(Some(&device("tablet")), &edits);
    assert_eq!(newest(&history, r#"["a","x"]"#, "phone"), stamp("tablet", 1));
    assert_eq!(newest(&history, r#"["a","y"]"#, "phone"), stamp("tablet", 2));
    assert_eq!(newest(&history, r#"["l",{"id":1},"v"]"#, "phone"), stamp("tablet", 3));
    assert_eq!(newest(&history, r#"["l",{"id":1},"w"]"#, "phone"), stamp("tablet", 5));
}

#[test]
fn the_later_of_two_changes_with_the_same_time_is_the_newest() {
    let history = history(
        r#"{"a":{"x":1,"y":1}}"#,
        &[
            ("tablet", 5, r#"[{"op":"set","path":["a","y"],"value":2}]"#),
            ("laptop", 5, r#"[{"op":"set","path":["a","x"],"value":2}]"#),
        ],
    );
    assert_eq!(newest(&history, r#"["a"]"#, "phone"), stamp("laptop", 5));
}

#[test]
fn setting_an_equal_value_alters_nothing() {
    let history = history(
        r#"{"a":1,"l":["x"]}"#,
        &[(
            "tablet",
            1,
            r#"[{"op":"set","path":["a"],"value":1.0},{"op":"delete","path":["b"]},{"op":"set","path":["l",{"value":"x"}],"value":"x"}]"#,
        )],
    );
    for at in [r#"["a"]"#, r#"["b"]"#, r#"["l"]"#, r#"["l",{"value":"x"}]"#] {
        assert_eq!(newest(&history, at, "phone"), unknown(), "{at}");
    }
}

#[test]
fn the_newest_alteration_inside_a_value_by_another_device_counts() {
    let history = history(
        r#"{"a":{"x":1,"y":1,"z":1}}"#,
        &[
            ("tablet", 5, r#"[{"op":"set","path":["a","x"],"value":2}]"#),
            ("laptop", 3, r#"[{"op":"set","path":["a","y"],"value":2}]"#),
            ("phone", 9, r#"[{"op":"set","path":["a","z"],"value":2}]"#),
        ],
    );
    assert_eq!(newest(&history, r#"["a"]"#, "phone"), stamp("tablet", 5));
    assert_eq!(newest(&history, r#"["a"]"#, "tablet"), stamp("phone", 9));
    assert_eq!(
        newest(&history, r#"["a","z"]"#, "phone"),
        stamp("phone", 9),
        "no other device altered it"
    );
    assert_eq!(history.authors.newest(&path(r#"["a"]"#), None), stamp("phone", 9));
}

#[test]
fn deleting_or_replacing_an_object_alters_everything_in_it() {
    for patch in [
        r#"[{"op":"delete","path":["a"]}]"#,
        r#"[{"op":"set","path":["a"],"value":5}]"#,
        r#"[{"op":"set","path":["a"],"value":[]}]"#,
    ] {
        let history = history(
            r#"{"a":{"x":{"y":1}}}"#,
            &[
                ("laptop", 1, r#"[{"op":"set","path":["a","x","y"],"value":2}]"#),
                ("tablet", 2, patch),
            ],
        );
        for at in [r#"["a"]"#, r#"["a","x"]"#, r#"["a","x","y"]"#] {
            assert_eq!(newest(&history, at, "phone"), stamp("tablet", 2), "{at} after {patch}");
        }
    }
}

#[test]
fn the_change_that_sets_a_new_object_is_the_author_of_everything_in_it() {
    let history = history(
        "{}",
        &[(
            "tablet",
            1,
            r#"[{"op":"set","path":["l"],"value":[{"id":1,"v":{"w":1}}]}]"#,
        )],
    );
    for at in [
        r#"["l"]"#,
        r#"["l",{"id":1}]"#,
        r#"["l",{"id":1},"v"]"#,
        r#"["l",{"id":1},"v","w"]"#,
    ] {
        assert_eq!(newest(&history, at, "phone"), stamp("tablet", 1), "{at}");
    }
}

#[test]
fn a_move_does_not_alter_the_element() {
    let history = history(
        r#"{"l":[{"id":1,"v":1},{"id":2}]}"#,
        &[
            ("tablet", 1, r#"[{"op":"set","path":["l",{"id":1},"v"],"value":2}]"#),
            ("laptop", 5, r#"[{"op":"move","path":["l",{"id":1}],"after":{"id":2}}]"#),
        ],
    );
    assert_eq!(newest(&history, r#"["l",{"id":1}]"#, "phone"), stamp("tablet", 1));
}

#[test]
fn a_move_alters_the_list() {
    let history = history(
        r#"{"l":[{"id":1},{"id":2}]}"#,
        &[("tablet", 5, r#"[{"op":"move","path":["l",{"id":1}],"after":{"id":2}}]"#)],
    );
    assert_eq!(newest(&history, r#"["l"]"#, "phone"), stamp("tablet", 5));
}

fn decided(server: (&str, i64), client: i64, ranks: &[(&str, u8)]) -> Merged {
    let base = json(r#"{"a":1}"#);
    let on_server = History::of(&base).become_at(&json(r#"{"a":2}"#), server.0, server.1);
    let on_client = History::of(&base).become_at(&json(r#"{"a":3}"#), "phone", client);
    let ranks: Ranks = ranks.iter().map(|(name, rank)| (device(name), *rank)).collect();
    merge(
        &base,
        on_server.authored(),
        on_client.authored(),
        Some(&device("phone")),
        &ranks,
    )
}

#[test]
fn device_rank_decides_before_time() {
    for (ranks, server_at, client_at, winner) in [
        ([("phone", 10), ("tablet", 5)], 9, 1, "client"),
        ([("phone", 5), ("tablet", 10)], 1, 9, "server"),
        ([("phone", 100), ("tablet", 0)], 1, 1, "client"),
    ] {
        let merged = decided(("tablet", server_at), client_at, &ranks);
        let value = if winner == "client" { 3 } else { 2 };
        assert_eq!(text(&merged.document), format!(r#"{{"a":{value}}}"#));
        assert_eq!(
            lines(&merged.conflicts),
            [format!(r#"["a"] client=3 server=2: {winner}, device_rank"#)]
        );
    }
}

#[test]
fn the_newest_edit_wins_if_ranks_are_equal_or_one_is_missing() {
    for ranks in [
        &[][..],
        &[("phone", 5)],
        &[("tablet", 5)],
        &[("phone", 7), ("tablet", 7)],
        &[("laptop", 9)],
    ] {
        assert_eq!(
            lines(&decided(("tablet", 1), 2, ranks).conflicts),
            [r#"["a"] client=3 server=2: client, newest"#]
        );
        assert_eq!(
            lines(&decided(("tablet", 2), 1, ranks).conflicts),
            [r#"["a"] client=3 server=2: server, newest"#]
        );
    }
}

#[test]
fn the_servers_value_stays_if_times_are_equal() {
    let merged = decided(("tablet", 2), 2, &[]);
    assert_eq!(text(&merged.document), r#"{"a":2}"#);
    assert_eq!(
        lines(&merged.conflicts),
        [r#"["a"] client=3 server=2: server, server_preference"#]
    );
}

#[test]
fn a_conflict_names_both_devices_and_both_times() {
    let merged = decided(("tablet", 5), 7, &[]);
    let [conflict] = merged.conflicts.as_slice() else {
        panic!("{:?}", merged.conflicts)
    };
    assert_eq!(
        (conflict.server.device_id.clone(), conflict.server.modified_at),
        (Some(device("tablet")), ms(5))
    );
    assert_eq!(
        (conflict.client.device_id.clone(), conflict.client.modified_at),
        (Some(device("phone")), ms(7))
    );
}

#[test]
fn an_edit_is_not_concurrent_with_earlier_edits_of_the_same_device() {
    for (server_at, client_at, value) in [(1, 2, 3), (2, 1, 2), (2, 2, 3)] {
        let merged = decided(("phone", server_at), client_at, &[("phone", 5)]);
        assert!(merged.conflicts.is_empty(), "the same device");
        assert_eq!(
            text(&merged.document),
            format!(r#"{{"a":{value}}}"#),
            "server at {server_at}, client at {client_at}"
        );
    }
}

#[test]
fn an_edit_is_concurrent_with_later_edits_of_another_device() {
    let base = json(r#"{"a":{"x":1,"y":1}}"#);
    let server = history(
        &text(&base),
        &[
            ("phone", 9, r#"[{"op":"set","path":["a","x"],"value":2}]"#),
            ("tablet", 3, r#"[{"op":"set","path":["a","y"],"value":2}]"#),
        ],
    );
    let client = history(&text(&base), &[("phone", 5, r#"[{"op":"delete","path":["a"]}]"#)]);
    let merged = merge(
        &base,
        server.authored(),
        client.authored(),
        Some(&device("phone")),
        &Ranks::new(),
    );
    assert_eq!(
        lines(&merged.conflicts),
        [r#"["a"] client=deleted server={"x":2,"y":2}: client, newest"#]
    );
    assert_eq!(
        merged.conflicts[0].server.modified_at,
        ms(3),
        "the newest alteration by another device"
    );
}

#[test]
fn the_clients_time_of_an_object_is_that_of_its_newest_edit_inside_it() {
    let base = json(r#"{"a":{"x":1,"y":1}}"#);
    let mut client = History::of(&base);
    let edits = ops(r#"[{"op":"set","path":["a","x"],"value":2},{"op":"set","path":["a","y"],"value":2}]"#);
    let edits: Vec<_> = edits.into_iter().zip([ms(7), ms(4)]).collect();
    client.change(Some(&device("phone")), &edits);
    let server = history(&text(&base), &[("tablet", 6, r#"[{"op":"delete","path":["a"]}]"#)]);
    let merged = merge(
        &base,
        server.authored(),
        client.authored(),
        Some(&device("phone")),
        &Ranks::new(),
    );
    assert_eq!(text(&merged.document), r#"{"a":{"x":2,"y":2}}"#);
    assert_eq!(merged.conflicts[0].client.modified_at, ms(7));
}

#[test]
fn operations_of_the_same_change_have_their_own_times() {
    let base = json(r#"{"x":1,"y":1}"#);
    let mut client = History::of(&base);
    let edits = ops(r#"[{"op":"set","path":["x"],"value":2},{"op":"set","path":["y"],"value":2}]"#);
    let edits: Vec<_> = edits.into_iter().zip([ms(1), ms(9)]).collect();
    client.change(Some(&device("phone")), &edits);
    let server = History::of(&base).become_at(&json(r#"{"x":3,"y":3}"#), "tablet", 5);
    let merged = merge(
        &base,
        server.authored(),
        client.authored(),
        Some(&device("phone")),
        &Ranks::new(),
    );
    assert_eq!(text(&merged.document), r#"{"x":3,"y":2}"#);
}

#[test]
fn the_effective_time_corrects_the_devices_clock_and_is_not_later_than_the_receipt() {
    for (modified, sent, received, effective) in [
        (100, 200, 1_000, 900),
        (100, 200, 200, 100),
        (2_000, 2_500, 1_000, 500),
        (300, 200, 1_000, 1_000),
        (200, 200, 1_000, 1_000),
    ] {
        assert_eq!(
            Timestamp::effective(ms(modified), ms(sent), ms(received)),
            ms(effective),
            "{modified} {sent} {received}"
        );
    }
}

#[test]
fn equal_edits_do_not_conflict_whatever_their_times() {
    for (server, client) in [(1, 2), (2, 1), (1, 1)] {
        let merged = merge_at(
            &json(r#"{"a":1}"#),
            (&json(r#"{"a":{"x":1}}"#), server),
            (&json(r#"{"a":{"x":1.0}}"#), client),
        );
        assert!(merged.conflicts.is_empty());
        assert!(merged.document == json(r#"{"a":{"x":1}}"#) && matches!(merged.document, Value::Object(_)));
    }
}
