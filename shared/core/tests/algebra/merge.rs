//! `docs/MERGE.md`, "Merge": every pair of operations, and a table for each sentence.

use crate::model::find;
use crate::support::{History, device, json, lines, merge_at, merge_texts, op, patched, path, text, unordered};
use coinolio_core::algebra::{Ranks, Rule, Winner, diff, merge};
use coinolio_core::json::Value;

const BASE: &str = r#"{"a":{"x":1,"y":1},"l":[{"id":1,"v":1},{"id":2,"v":1},{"id":3,"v":1}],"z":0}"#;

/// Operations inside and around an object.
const ON_OBJECT: [&str; 8] = [
    r#"{"op":"set","path":["a","x"],"value":2}"#,
    r#"{"op":"set","path":["a","x"],"value":3}"#,
    r#"{"op":"delete","path":["a","x"]}"#,
    r#"{"op":"set","path":["a","x"],"value":{"k":1}}"#,
    r#"{"op":"delete","path":["a"]}"#,
    r#"{"op":"set","path":["a"],"value":5}"#,
    r#"{"op":"set","path":["a","n"],"value":7}"#,
    r#"{"op":"set","path":["z"],"value":1}"#,
];

/// The conflict of each pair of operations: `x` or `a` for the path that ends in this name, `.` for no conflict.
///
/// Row by row, operation `i` is paired with operations `i`, `i + 1` and so on.
const OBJECT_PAIRS: [&str; 8] = [".xxxaa..", ".xxaa..", ".xaa..", ".aa..", ".aa.", ".a.", "..", "."];

/// Operations inside and around a keyed list.
const ON_LIST: [&str; 11] = [
    r#"{"op":"set","path":["l",{"id":2},"v"],"value":2}"#,
    r#"{"op":"set","path":["l",{"id":2},"v"],"value":3}"#,
    r#"{"op":"delete","path":["l",{"id":2}]}"#,
    r#"{"op":"move","path":["l",{"id":2}],"after":null}"#,
    r#"{"op":"move","path":["l",{"id":2}],"after":{"id":3}}"#,
    r#"{"op":"set","path":["l",{"id":4}],"value":{"id":4,"v":1},"after":{"id":1}}"#,
    r#"{"op":"set","path":["l",{"id":4}],"value":{"id":4,"v":2}}"#,
    r#"{"op":"delete","path":["l"]}"#,
    r#"{"op":"set","path":["l"],"value":5}"#,
    r#"{"op":"set","path":["l"],"value":[10,20]}"#,
    r#"{"op":"set","path":["l"],"value":[]}"#,
];

/// The same for [`ON_LIST`]: `v` is the edited element's member, `e` the element, `n` the new element and `l` the list.
const LIST_PAIRS: [&str; 11] = [
    ".ve....llle",
    ".e....llle",
    ".....lll.",
    "....lll.",
    "...lll.",
    ".nlll.",
    ".lll.",
    ".lll",
    ".ll",
    ".l",
    ".",
];

fn path_of(letter: char) -> Option<&'static str> {
    match letter {
        'x' => Some(r#"["a","x"]"#),
        'a' => Some(r#"["a"]"#),
        'v' => Some(r#"["l",{"id":2},"v"]"#),
        'e' => Some(r#"["l",{"id":2}]"#),
        'n' => Some(r#"["l",{"id":4}]"#),
        'l' => Some(r#"["l"]"#),
        _ => None,
    }
}

fn check(server_op: &str, client_op: &str, conflict: Option<&str>) {
    let base = json(BASE);
    let server = patched(&base, [&op(server_op)]);
    let client = patched(&base, [&op(client_op)]);
    let context = format!("server {server_op}, client {client_op}");
    for (server_at, client_at) in [(1, 2), (2, 1), (1, 1)] {
        let merged = merge_at(&base, (&server, server_at), (&client, client_at));
        let Some(conflict_path) = conflict else {
            assert_eq!(lines(&merged.conflicts), Vec::<String>::new(), "{context}");
            let both = patched(&server, &diff(&base, &client));
            assert_eq!(text(&unordered(&merged.document)), text(&unordered(&both)), "{context}");
            continue;
        };
        let [record] = merged.conflicts.as_slice() else {
            panic!("{context}: {:?}", lines(&merged.conflicts))
        };
        let (winner, rule) = match client_at - server_at {
            1 => (Winner::Client, Rule::Newest),
            -1 => (Winner::Server, Rule::Newest),
            _ => (Winner::Server, Rule::ServerPreference),
        };
        assert_eq!(
            (text(&record.path).as_str(), record.winner, record.rule),
            (conflict_path, winner, rule),
            "{context}"
        );
        let at = |document: &Value| find(document, path(conflict_path).tokens()).cloned();
        assert_eq!(record.client.value, at(&client), "{context}");
        assert_eq!(record.server.value, at(&server), "{context}");
        let winning = if winner == Winner::Client {
            at(&client)
        } else {
            at(&server)
        };
        assert_eq!(at(&merged.document), winning, "{context}");
    }
}

fn check_pairs(operations: &[&str], pairs: &[&str]) {
    for (i, row) in pairs.iter().enumerate() {
        assert_eq!(row.len(), operations.len() - i, "a full row");
        for (offset, letter) in row.chars().enumerate() {
            let (one, other) = (operations[i], operations[i + offset]);
            check(one, other, path_of(letter));
            check(other, one, path_of(letter));
        }
    }
}

#[test]
fn every_pair_of_operations_on_an_object_conflicts_or_merges() {
    check_pairs(&ON_OBJECT, &OBJECT_PAIRS);
}

#[test]
fn every_pair_of_operations_on_a_list_conflicts_or_merges() {
    check_pairs(&ON_LIST, &LIST_PAIRS);
}

#[test]
fn operations_on_separate_paths_never_conflict() {
    for one in ON_OBJECT {
        for other in ON_LIST {
            check(one, other, None);
            check(other, one, None);
        }
    }
}

struct Row {
    base: &'static str,
    server: &'static str,
    client: &'static str,
    merged: &'static str,
    conflicts: &'static [&'static str],
}

/// Checks each row; the client's edits are newer.
fn table(rows: &[Row]) {
    for row in rows {
        let merged = merge_texts(row.base, row.server, row.client);
        let context = format!("base {}, server {}, client {}", row.base, row.server, row.client);
        assert_eq!(text(&merged.document), row.merged, "{context}");
        assert_eq!(lines(&merged.conflicts), row.conflicts, "{context}");
    }
}

#[test]
fn a_value_that_only_one_side_changed_comes_from_that_side() {
    table(&[
        Row {
            base: r#"{"a":1,"b":1,"c":1}"#,
            server: r#"{"a":2,"b":1}"#,
            client: r#"{"a":1,"b":2,"c":1,"d":[]}"#,
            merged: r#"{"a":2,"b":2,"d":[]}"#,
            conflicts: &[],
        },
        Row {
            base: r#"{"a":{"x":{"y":1},"z":1}}"#,
            server: r#"{"a":{"x":{"y":2},"z":1}}"#,
            client: r#"{"a":{"x":{"y":1},"z":2}}"#,
            merged: r#"{"a":{"x":{"y":2},"z":2}}"#,
            conflicts: &[],
        },
    ]);
}

#[test]
fn the_same_value_on_both_sides_is_not_a_conflict() {
    table(&[
        Row {
            base: r#"{"a":1}"#,
            server: r#"{"a":{"l":[{"id":1}]}}"#,
            client: r#"{"a":{"l":[{"id":1.0}]}}"#,
            merged: r#"{"a":{"l":[{"id":1}]}}"#,
            conflicts: &[],
        },
        Row {
            base: r#"{"a":1,"l":["x","y"]}"#,
            server: r#"{"l":["y"]}"#,
            client: r#"{"l":["y"]}"#,
            merged: r#"{"l":["y"]}"#,
            conflicts: &[],
        },
        Row {
            base: r#"{"p":[1,2]}"#,
            server: r#"{"p":[2,1]}"#,
            client: r#"{"p":[2,1]}"#,
            merged: r#"{"p":[2,1]}"#,
            conflicts: &[],
        },
    ]);
}

#[test]
fn objects_that_both_added_merge_inside() {
    for base in ["{}", r#"{"a":5}"#, r#"{"a":null}"#, r#"{"a":["x"]}"#, r#"{"a":[]}"#] {
        table(&[Row {
            base,
            server: r#"{"a":{"s":1,"both":1,"o":{"p":1}}}"#,
            client: r#"{"a":{"c":1,"both":2,"o":{"q":1}}}"#,
            merged: r#"{"a":{"both":2,"c":1,"o":{"p":1,"q":1},"s":1}}"#,
            conflicts: &[r#"["a","both"] client=2 server=1: client, newest"#],
        }]);
    }
}

#[test]
fn lists_that_both_added_merge_inside() {
    for base in ["{}", r#"{"l":5}"#, r#"{"l":{"x":1}}"#, r#"{"l":[]}"#, r#"{"l":[1]}"#] {
        table(&[
            Row {
                base,
                server: r#"{"l":[{"id":1,"v":1},{"id":2}]}"#,
                client: r#"{"l":[{"id":1,"w":1},{"id":3}]}"#,
                merged: r#"{"l":[{"id":1,"v":1,"w":1},{"id":2},{"id":3}]}"#,
                conflicts: &[],
            },
            Row {
                base,
                server: r#"{"l":["a","b"]}"#,
                client: r#"{"l":["b","c"]}"#,
                merged: r#"{"l":["a","b","c"]}"#,
                conflicts: &[],
            },
        ]);
    }
}

#[test]
fn a_base_list_of_another_kind_than_the_sides_counts_as_empty() {
    table(&[Row {
        base: r#"{"l":[{"id":1},"x"]}"#,
        server: r#"{"l":[{"id":1},{"id":2}]}"#,
        client: r#"{"l":[{"id":2}]}"#,
        merged: r#"{"l":[{"id":1},{"id":2}]}"#,
        conflicts: &[],
    }]);
}

#[test]
fn an_object_and_a_list_added_at_the_same_path_conflict() {
    table(&[Row {
        base: "{}",
        server: r#"{"a":{}}"#,
        client: r#"{"a":[]}"#,
        merged: r#"{"a":[]}"#,
        conflicts: &[r#"["a"] client=[] server={}: client, newest"#],
    }]);
}

#[test]
fn deleting_a_value_that_the_other_side_edited_inside_is_one_conflict() {
    table(&[
        Row {
            base: r#"{"a":{"x":{"y":1},"z":1}}"#,
            server: r#"{"a":{"x":{"y":2},"z":2}}"#,
            client: "{}",
            merged: "{}",
            conflicts: &[r#"["a"] client=deleted server={"x":{"y":2},"z":2}: client, newest"#],
        },
        Row {
            base: r#"{"a":{"x":{"y":1},"z":1}}"#,
            server: "{}",
            client: r#"{"a":{"x":{}}}"#,
            merged: r#"{"a":{"x":{}}}"#,
            conflicts: &[r#"["a"] client={"x":{}} server=deleted: client, newest"#],
        },
        Row {
            base: r#"{"l":[{"id":1,"v":1},{"id":2}]}"#,
            server: r#"{"l":[{"id":2}]}"#,
            client: r#"{"l":[{"id":1,"v":2},{"id":2}]}"#,
            merged: r#"{"l":[{"id":1,"v":2},{"id":2}]}"#,
            conflicts: &[r#"["l",{"id":1}] client={"id":1,"v":2} server=deleted: client, newest"#],
        },
        Row {
            base: r#"{"l":[{"id":1,"v":1}]}"#,
            server: r#"{"l":[{"id":1,"v":2}]}"#,
            client: r#"{"l":[]}"#,
            merged: r#"{"l":[]}"#,
            conflicts: &[r#"["l",{"id":1}] client=deleted server={"id":1,"v":2}: client, newest"#],
        },
    ]);
}

#[test]
fn deleting_a_value_that_the_other_side_did_not_change_is_not_a_conflict() {
    table(&[Row {
        base: r#"{"a":{"x":1},"l":[{"id":1}],"b":1}"#,
        server: r#"{"l":[{"id":1}],"b":1}"#,
        client: r#"{"a":{"x":1},"l":[]}"#,
        merged: r#"{"l":[]}"#,
        conflicts: &[],
    }]);
}

#[test]
fn deleting_the_same_value_on_both_sides_is_not_a_conflict() {
    table(&[Row {
        base: r#"{"a":1,"l":[{"id":1},{"id":2}],"s":["a","b"]}"#,
        server: r#"{"l":[{"id":2}],"s":["a"]}"#,
        client: r#"{"l":[{"id":2}],"s":["a"]}"#,
        merged: r#"{"l":[{"id":2}],"s":["a"]}"#,
        conflicts: &[],
    }]);
}

#[test]
fn an_object_list_conflicts_as_a_whole_if_both_sides_replace_the_same_element() {
    table(&[
        Row {
            base: r#"{"l":[{"a":1},{"b":1}]}"#,
            server: r#"{"l":[{"a":2},{"b":1}]}"#,
            client: r#"{"l":[{"a":3},{"b":1},{"c":1}]}"#,
            merged: r#"{"l":[{"a":3},{"b":1},{"c":1}]}"#,
            conflicts: &[r#"["l"] client=[{"a":3},{"b":1},{"c":1}] server=[{"a":2},{"b":1}]: client, newest"#],
        },
        Row {
            base: r#"{"l":[{"a":1},{"b":1}]}"#,
            server: r#"{"l":[{"a":2},{"b":2}]}"#,
            client: r#"{"l":[{"a":2},{"b":3}]}"#,
            merged: r#"{"l":[{"a":2},{"b":3}]}"#,
            conflicts: &[r#"["l"] client=[{"a":2},{"b":3}] server=[{"a":2},{"b":2}]: client, newest"#],
        },
    ]);
}

#[test]
fn an_edit_that_both_sides_made_to_an_object_list_is_not_a_conflict() {
    table(&[
        Row {
            base: r#"{"l":[{"a":1},{"b":1},{"c":1}]}"#,
            server: r#"{"l":[{"a":2},{"b":2},{"c":1}]}"#,
            client: r#"{"l":[{"a":2},{"b":1},{"c":2}]}"#,
            merged: r#"{"l":[{"a":2},{"b":2},{"c":2}]}"#,
            conflicts: &[],
        },
        Row {
            base: r#"{"l":[{"a":1},{"b":1},{"c":1}]}"#,
            server: r#"{"l":[{"a":2},{"b":1},{"c":2}]}"#,
            client: r#"{"l":[{"a":2},{"b":2},{"c":1}]}"#,
            merged: r#"{"l":[{"a":2},{"b":2},{"c":2}]}"#,
            conflicts: &[],
        },
        Row {
            base: r#"{"l":[{"a":1}]}"#,
            server: r#"{"l":[{"a":2},{"a":9}]}"#,
            client: r#"{"l":[{"a":2},{"a":3}]}"#,
            merged: r#"{"l":[{"a":2},{"a":3},{"a":9}]}"#,
            conflicts: &[],
        },
        Row {
            base: r#"{"l":[{"a":1},{"b":1}]}"#,
            server: r#"{"l":[{"a":2},{"b":2}]}"#,
            client: r#"{"l":[{"a":2}]}"#,
            merged: r#"{"l":[{"a":2},{"b":2}]}"#,
            conflicts: &[],
        },
    ]);
}

#[test]
fn an_object_list_merges_if_no_element_was_replaced_by_both_sides() {
    table(&[
        Row {
            base: r#"{"l":[{"a":1},{"b":1}]}"#,
            server: r#"{"l":[{"a":2},{"b":1}]}"#,
            client: r#"{"l":[{"a":1},{"b":2}]}"#,
            merged: r#"{"l":[{"a":2},{"b":2}]}"#,
            conflicts: &[],
        },
        Row {
            base: r#"{"l":[{"a":1}]}"#,
            server: r#"{"l":[{"a":2}]}"#,
            client: r#"{"l":[{"a":2},{"a":3}]}"#,
            merged: r#"{"l":[{"a":2},{"a":3}]}"#,
            conflicts: &[],
        },
        Row {
            base: r#"{"l":[{"a":1}]}"#,
            server: r#"{"l":[]}"#,
            client: r#"{"l":[{"a":3}]}"#,
            merged: r#"{"l":[{"a":3}]}"#,
            conflicts: &[],
        },
    ]);
}

#[test]
fn a_string_list_never_conflicts() {
    table(&[Row {
        base: r#"{"l":["a","b"]}"#,
        server: r#"{"l":["x","b"]}"#,
        client: r#"{"l":["y","b"]}"#,
        merged: r#"{"l":["y","x","b"]}"#,
        conflicts: &[],
    }]);
}

#[test]
fn lists_without_a_kind_in_common_are_one_conflict() {
    table(&[
        Row {
            base: r#"{"l":[]}"#,
            server: r#"{"l":[{"id":1}]}"#,
            client: r#"{"l":["a"]}"#,
            merged: r#"{"l":["a"]}"#,
            conflicts: &[r#"["l"] client=["a"] server=[{"id":1}]: client, newest"#],
        },
        Row {
            base: r#"{"l":[{"id":1}]}"#,
            server: r#"{"l":[{"id":1},{"id":2}]}"#,
            client: r#"{"l":[{"id":1},"x"]}"#,
            merged: r#"{"l":[{"id":1},"x"]}"#,
            conflicts: &[r#"["l"] client=[{"id":1},"x"] server=[{"id":1},{"id":2}]: client, newest"#],
        },
        Row {
            base: r#"{"l":[{"_id":1}]}"#,
            server: r#"{"l":[{"_id":1,"id":7}]}"#,
            client: r#"{"l":[{"_id":1,"v":1}]}"#,
            merged: r#"{"l":[{"_id":1,"v":1}]}"#,
            conflicts: &[r#"["l"] client=[{"_id":1,"v":1}] server=[{"_id":1,"id":7}]: client, newest"#],
        },
    ]);
}

#[test]
fn an_opaque_list_that_one_side_emptied_and_the_other_changed_is_a_conflict() {
    table(&[Row {
        base: r#"{"p":[1,2]}"#,
        server: r#"{"p":[1,3]}"#,
        client: r#"{"p":[]}"#,
        merged: r#"{"p":[]}"#,
        conflicts: &[r#"["p"] client=[] server=[1,3]: client, newest"#],
    }]);
}

#[test]
fn the_identity_1_and_the_identity_string_1_name_two_elements() {
    table(&[Row {
        base: r#"{"l":[]}"#,
        server: r#"{"l":[{"id":1,"v":1}]}"#,
        client: r#"{"l":[{"id":"1","v":2}]}"#,
        merged: r#"{"l":[{"id":1,"v":1},{"id":"1","v":2}]}"#,
        conflicts: &[],
    }]);
}

#[test]
fn edits_beside_a_conflict_are_merged() {
    table(&[Row {
        base: r#"{"l":[{"id":1,"v":1,"w":1,"u":1}]}"#,
        server: r#"{"l":[{"id":1,"v":2,"w":2,"u":1}]}"#,
        client: r#"{"l":[{"id":1,"v":3,"w":1}]}"#,
        merged: r#"{"l":[{"id":1,"v":3,"w":2}]}"#,
        conflicts: &[r#"["l",{"id":1},"v"] client=3 server=2: client, newest"#],
    }]);
}

#[test]
fn conflicts_are_in_document_order() {
    table(&[Row {
        base: r#"{"a":1,"b":{"c":1},"l":[{"id":1,"v":1},{"id":2,"v":1}]}"#,
        server: r#"{"a":2,"b":{"c":2},"l":[{"id":2,"v":2},{"id":1,"v":2}]}"#,
        client: r#"{"a":3,"b":{"c":3},"l":[{"id":1,"v":3},{"id":2,"v":3}]}"#,
        merged: r#"{"a":3,"b":{"c":3},"l":[{"id":2,"v":3},{"id":1,"v":3}]}"#,
        conflicts: &[
            r#"["a"] client=3 server=2: client, newest"#,
            r#"["b","c"] client=3 server=2: client, newest"#,
            r#"["l",{"id":2},"v"] client=3 server=2: client, newest"#,
            r#"["l",{"id":1},"v"] client=3 server=2: client, newest"#,
        ],
    }]);
}

#[test]
fn names_that_look_like_paths_are_names() {
    table(&[Row {
        base: r##"{"a.b":1,"a":{"b":1},"x/~":{"":1},"# @":1}"##,
        server: r##"{"a.b":2,"a":{"b":1},"x/~":{"":2},"# @":1}"##,
        client: r##"{"a.b":1,"a":{"b":2},"x/~":{"":3},"# @":1}"##,
        merged: r##"{"# @":1,"a":{"b":2},"a.b":2,"x/~":{"":3}}"##,
        conflicts: &[r#"["x/~",""] client=3 server=2: client, newest"#],
    }]);
}

#[test]
fn a_long_list_merges_element_by_element() {
    let list = |edits: &dyn Fn(i64) -> i64, ids: &mut dyn Iterator<Item = i64>| {
        let elements: Vec<_> = ids.map(|id| format!(r#"{{"id":{id},"v":{}}}"#, edits(id))).collect();
        json(&format!(r#"{{"l":[{}]}}"#, elements.join(",")))
    };
    let base = list(&|_| 0, &mut (0..20_000));
    let server = list(&|id| i64::from(id % 2 == 0), &mut (0..20_000));
    let client = list(&|id| i64::from(id % 2 == 1), &mut (-1_000..20_000));
    let on_server = History::of(&base).become_at(&server, "tablet", 1);
    let on_client = History::of(&base).become_at(&client, "phone", 2);
    let merged = merge(
        &base,
        on_server.authored(),
        on_client.authored(),
        Some(&device("phone")),
        &Ranks::new(),
    );
    assert!(merged.conflicts.is_empty());
    let both = list(&|id| i64::from(id >= 0), &mut (-1_000..20_000));
    assert!(merged.document == both);
}

#[test]
fn an_element_that_both_sides_added_is_one_conflict_if_something_in_it_differs() {
    for base in [r#"{"l":[]}"#, "{}", r#"{"l":[{"id":4}]}"#, r#"{"l":5}"#] {
        let first = if base.contains("4") { r#"{"id":4},"# } else { "" };
        let list = |elements: &str| format!(r#"{{"l":[{first}{elements}]}}"#);
        let server = list(r#"{"id":5,"type":"buy","amount":1,"fee":2},{"id":6,"a":1}"#);
        let client = list(r#"{"id":5,"type":"sell","amount":1,"note":"x"},{"id":6,"b":1}"#);
        let merged = merge_texts(base, &server, &client);
        assert_eq!(
            text(&merged.document),
            list(r#"{"amount":1,"id":5,"note":"x","type":"sell"},{"a":1,"b":1,"id":6}"#)
        );
        assert_eq!(
            lines(&merged.conflicts),
            [concat!(
                r#"["l",{"id":5}] client={"amount":1,"id":5,"note":"x","type":"sell"} "#,
                r#"server={"amount":1,"fee":2,"id":5,"type":"buy"}: client, newest"#
            )]
        );
        let other_way = merge_texts(base, &client, &server);
        assert_eq!(
            text(&other_way.document),
            list(r#"{"amount":1,"fee":2,"id":5,"type":"buy"},{"a":1,"b":1,"id":6}"#)
        );
    }
}

#[test]
fn an_element_that_both_sides_added_is_one_conflict_if_something_differs_deep_inside() {
    for (one, other) in [
        (r#""a":{"b":1}"#, r#""a":{"b":2}"#),
        (r#""a":{"b":1}"#, r#""a":5"#),
        (r#""a":[1,2]"#, r#""a":[1,3]"#),
        (r#""a":[{"id":1,"v":1}]"#, r#""a":[{"id":2},{"id":1,"v":2}]"#),
        (r#""a":["x"]"#, r#""a":[{"id":1}]"#),
        (r#""a":null"#, r#""a":{}"#),
    ] {
        let list = |members: &str| format!(r#"{{"l":[{{"id":5,{members}}}]}}"#);
        let merged = merge_texts(r#"{"l":[]}"#, &list(one), &list(other));
        assert_eq!(merged.document, json(&list(other)), "{one} and {other}");
        assert_eq!(merged.conflicts.len(), 1);
        assert_eq!(text(&merged.conflicts[0].path), r#"["l",{"id":5}]"#);
    }
    for (one, other, both) in [
        (r#""a":{"b":1}"#, r#""a":{"c":2}"#, r#""a":{"b":1,"c":2}"#),
        (r#""a":["x"]"#, r#""a":["y"]"#, r#""a":["x","y"]"#),
        (r#""a":[]"#, r#""a":[{"id":1}]"#, r#""a":[{"id":1}]"#),
        (r#""a":1"#, r#""a":1.0"#, r#""a":1"#),
    ] {
        let list = |members: &str| format!(r#"{{"l":[{{"id":5,{members}}}]}}"#);
        let merged = merge_texts(r#"{"l":[]}"#, &list(one), &list(other));
        assert_eq!(merged.document, json(&list(both)), "{one} and {other}");
        assert!(merged.conflicts.is_empty());
    }
}

/// A list of 100 transactions, of which one is replaced by `odd`, and the elements of `more` behind it.
fn transactions(odd: &str, more: &str) -> Value {
    let mut all: Vec<String> = (0..100).map(|id| format!(r#"{{"id":"tx_{id}","v":1}}"#)).collect();
    all[50] = odd.to_owned();
    json(&format!(r#"{{"transactions":[{}{more}]}}"#, all.join(",")))
}

#[test]
fn additions_on_both_sides_stay_although_one_element_is_odd() {
    for odd in [
        r#"{"v":1}"#,
        r#"{"id":null,"v":1}"#,
        r#"{"id":"tx_1","v":2}"#,
        r#"{"id":{"new":true},"v":1}"#,
        "{}",
    ] {
        for (one, other) in [
            (r#",{"id":"p","v":1}"#, r#",{"id":"t","v":1}"#),
            (r#",{"v":7}"#, r#",{"v":8}"#),
            (r#",{"id":null}"#, r#",{"id":"t","v":1}"#),
            (r#",{"id":"tx_2","v":3}"#, r#",{"id":"tx_3","v":3}"#),
        ] {
            let base = transactions(odd, "");
            let (server, client) = (transactions(odd, one), transactions(odd, other));
            for (server_at, client_at) in [(1, 2), (2, 1), (1, 1)] {
                let merged = merge_at(&base, (&server, server_at), (&client, client_at));
                assert_eq!(
                    lines(&merged.conflicts),
                    Vec::<String>::new(),
                    "{odd}, {one} and {other}"
                );
                assert_eq!(merged.document, transactions(odd, &format!("{one}{other}")));
            }
        }
    }
}

#[test]
fn edits_on_both_sides_stay_although_one_element_is_odd() {
    for odd in [r#"{"v":1}"#, r#"{"id":null,"v":1}"#, r#"{"id":"tx_1","v":2}"#] {
        let base = transactions(odd, "");
        let edited = |id: usize| {
            let set = format!(r#"{{"op":"set","path":["transactions",{{"id":"tx_{id}"}},"v"],"value":9}}"#);
            patched(&base, [&op(&set)])
        };
        let merged = merge_at(&base, (&edited(7), 1), (&edited(8), 2));
        assert!(merged.conflicts.is_empty());
        let both = [7, 8].map(|id| {
            op(&format!(
                r#"{{"op":"set","path":["transactions",{{"id":"tx_{id}"}},"v"],"value":9}}"#
            ))
        });
        assert_eq!(merged.document, patched(&base, &both));
    }
}

#[test]
fn elements_with_the_same_name_merge_by_their_order() {
    table(&[
        Row {
            base: r#"{"l":[{"id":5,"v":1,"w":1},{"id":5,"v":2,"w":2}]}"#,
            server: r#"{"l":[{"id":5,"v":7,"w":1},{"id":5,"v":2,"w":2}]}"#,
            client: r#"{"l":[{"id":5,"v":1,"w":1},{"id":5,"v":8,"w":2}]}"#,
            merged: r#"{"l":[{"id":5,"v":7,"w":1},{"id":5,"v":8,"w":2}]}"#,
            conflicts: &[],
        },
        Row {
            base: r#"{"l":[{"id":5,"v":1},{"id":5,"v":2}]}"#,
            server: r#"{"l":[{"id":5,"v":1},{"id":5,"v":3}]}"#,
            client: r#"{"l":[{"id":5,"v":1},{"id":5,"v":4}]}"#,
            merged: r#"{"l":[{"id":5,"v":1},{"id":5,"v":4}]}"#,
            conflicts: &[r#"["l",{"id":5,"nth":1},"v"] client=4 server=3: client, newest"#],
        },
        Row {
            base: r#"{"l":[{"q":1},{"q":1}]}"#,
            server: r#"{"l":[{"q":1},{"q":1},{"q":2}]}"#,
            client: r#"{"l":[{"q":1}]}"#,
            merged: r#"{"l":[{"q":1},{"q":2}]}"#,
            conflicts: &[],
        },
        Row {
            base: r#"{"l":["a","b"]}"#,
            server: r#"{"l":["a","b","a"]}"#,
            client: r#"{"l":["a","b","c"]}"#,
            merged: r#"{"l":["a","b","a","c"]}"#,
            conflicts: &[],
        },
    ]);
}

#[test]
fn elements_with_the_same_name_have_the_same_order_in_the_merged_list() {
    // The server moved 6 to the front, and the client moved it to the end.
    let merged = merge_texts(
        r#"{"l":[{"id":5,"v":1},{"id":6},{"id":5,"v":2}]}"#,
        r#"{"l":[{"id":6},{"id":5,"v":1},{"id":5,"v":3}]}"#,
        r#"{"l":[{"id":5,"v":4},{"id":5,"v":2},{"id":6}]}"#,
    );
    assert!(merged.conflicts.is_empty());
    assert_eq!(
        text(&merged.document),
        r#"{"l":[{"id":6},{"id":5,"v":4},{"id":5,"v":3}]}"#
    );
}
