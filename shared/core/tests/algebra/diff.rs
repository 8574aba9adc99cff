//! `docs/MERGE.md`, "Operations and patches": the patches that `diff` makes.

use crate::generate::config;
use crate::support::{json, patched, text};
use coinolio_core::algebra::{Op, check_patch, diff};
use coinolio_core::json::{Object, Value};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::subsequence;

fn table(rows: &[(&str, &str, &str)]) {
    for (from, to, expected) in rows {
        assert_eq!(text(&diff(&json(from), &json(to))), *expected, "{from} -> {to}");
    }
}

fn keyed(ids: impl Iterator<Item = i64>) -> Value {
    let element = |id: i64| Value::Object(Object::from([("id".into(), id.into()), ("v".into(), (id % 7).into())]));
    Value::Object(Object::from([("l".into(), Value::List(ids.map(element).collect()))]))
}

#[test]
fn members_are_set_and_deleted_one_by_one() {
    table(&[
        (
            r#"{"a":{"x":1,"y":1},"b":1}"#,
            r#"{"a":{"x":2,"y":1},"b":1}"#,
            r#"[{"op":"set","path":["a","x"],"value":2}]"#,
        ),
        (
            r#"{"a":{"x":1}}"#,
            r#"{"a":{}}"#,
            r#"[{"op":"delete","path":["a","x"]}]"#,
        ),
        (
            "{}",
            r#"{"a":{"x":{"y":1}}}"#,
            r#"[{"op":"set","path":["a"],"value":{"x":{"y":1}}}]"#,
        ),
        (
            r#"{"a":1}"#,
            r#"{"a":{"x":1}}"#,
            r#"[{"op":"set","path":["a"],"value":{"x":1}}]"#,
        ),
        (
            r#"{"a":{"x":1}}"#,
            r#"{"a":[]}"#,
            r#"[{"op":"set","path":["a"],"value":[]}]"#,
        ),
    ]);
}

#[test]
fn elements_are_named_by_their_identity_or_by_their_whole_value() {
    table(&[
        (
            r#"{"l":[{"id":1,"v":1},{"id":2,"v":1}]}"#,
            r#"{"l":[{"id":1,"v":1},{"id":2,"v":2}]}"#,
            r#"[{"op":"set","path":["l",{"id":2},"v"],"value":2}]"#,
        ),
        (
            r#"{"l":[{"_id":"x","m":["a"]}]}"#,
            r#"{"l":[{"_id":"x","m":[]}]}"#,
            r#"[{"op":"delete","path":["l",{"_id":"x"},"m",{"value":"a"}]}]"#,
        ),
        (
            r#"{"l":[{"a":1},{"a":2}]}"#,
            r#"{"l":[{"a":1}]}"#,
            r#"[{"op":"delete","path":["l",{"value":{"a":2}}]}]"#,
        ),
    ]);
}

#[test]
fn an_odd_element_is_named_by_its_whole_value() {
    table(&[
        (
            r#"{"l":[{"id":1},{"id":2},{"a":1}]}"#,
            r#"{"l":[{"id":1},{"id":2},{"a":2},{"id":null}]}"#,
            concat!(
                r#"[{"op":"delete","path":["l",{"value":{"a":1}}]},"#,
                r#"{"op":"set","path":["l",{"value":{"a":2}}],"value":{"a":2},"after":{"id":2}},"#,
                r#"{"op":"set","path":["l",{"value":{"id":null}}],"value":{"id":null},"after":{"value":{"a":2}}}]"#
            ),
        ),
        (
            r#"{"l":[{"a":1},{"id":1},{"id":2}]}"#,
            r#"{"l":[{"id":1},{"a":1},{"id":2,"v":1}]}"#,
            concat!(
                r#"[{"op":"move","path":["l",{"value":{"a":1}}],"after":{"id":1}},"#,
                r#"{"op":"set","path":["l",{"id":2},"v"],"value":1}]"#
            ),
        ),
    ]);
}

#[test]
fn elements_with_the_same_name_are_numbered() {
    table(&[
        (
            r#"{"l":[{"id":5},{"id":5}]}"#,
            r#"{"l":[{"id":5},{"id":5,"v":1},{"id":5,"v":2}]}"#,
            concat!(
                r#"[{"op":"set","path":["l",{"id":5,"nth":1},"v"],"value":1},"#,
                r#"{"op":"set","path":["l",{"id":5,"nth":2}],"value":{"id":5,"v":2},"after":{"id":5,"nth":1}}]"#
            ),
        ),
        (
            r#"{"l":["a","b","a","a"]}"#,
            r#"{"l":["a","b"]}"#,
            r#"[{"op":"delete","path":["l",{"value":"a","nth":2}]},{"op":"delete","path":["l",{"value":"a","nth":1}]}]"#,
        ),
        // The elements with the same name stay, and the other moves.
        (
            r#"{"l":[{"id":5},{"id":5},{"id":6}]}"#,
            r#"{"l":[{"id":6},{"id":5},{"id":5}]}"#,
            r#"[{"op":"move","path":["l",{"id":6}],"after":null}]"#,
        ),
        (
            r#"{"l":["a","a","b","c","d"]}"#,
            r#"{"l":["b","c","d","a","a"]}"#,
            concat!(
                r#"[{"op":"move","path":["l",{"value":"b"}],"after":null},"#,
                r#"{"op":"move","path":["l",{"value":"c"}],"after":{"value":"b"}},"#,
                r#"{"op":"move","path":["l",{"value":"d"}],"after":{"value":"c"}}]"#
            ),
        ),
        // If they would have to move, their names would change on the way.
        (
            r#"{"l":["a","b","a","b"]}"#,
            r#"{"l":["b","b","a","a"]}"#,
            r#"[{"op":"set","path":["l"],"value":["b","b","a","a"]}]"#,
        ),
    ]);
}

#[test]
fn a_prepended_transaction_is_one_operation() {
    table(&[(
        r#"{"l":[{"id":1},{"id":2}]}"#,
        r#"{"l":[{"id":3,"v":1},{"id":1},{"id":2}]}"#,
        r#"[{"op":"set","path":["l",{"id":3}],"value":{"id":3,"v":1},"after":null}]"#,
    )]);
}

#[test]
fn an_inserted_element_names_its_predecessor() {
    table(&[(
        r#"{"l":["a","b"]}"#,
        r#"{"l":["a","c","b"]}"#,
        r#"[{"op":"set","path":["l",{"value":"c"}],"value":"c","after":{"value":"a"}}]"#,
    )]);
}

#[test]
fn a_move_is_one_operation() {
    table(&[
        (
            r#"{"l":[{"id":1},{"id":2},{"id":3}]}"#,
            r#"{"l":[{"id":3},{"id":1},{"id":2}]}"#,
            r#"[{"op":"move","path":["l",{"id":3}],"after":null}]"#,
        ),
        (
            r#"{"l":["a","b","c","d"]}"#,
            r#"{"l":["b","c","a","d"]}"#,
            r#"[{"op":"move","path":["l",{"value":"a"}],"after":{"value":"c"}}]"#,
        ),
    ]);
}

#[test]
fn an_element_that_moved_and_changed_is_a_move_and_an_edit() {
    let (from, to) = (
        json(r#"{"l":[{"id":1,"v":1},{"id":2},{"id":3}]}"#),
        json(r#"{"l":[{"id":2},{"id":3},{"id":1,"v":2}]}"#),
    );
    let patch = diff(&from, &to);
    assert_eq!(patch.len(), 2, "{}", text(&patch));
    assert!(patch.iter().any(|op| matches!(op, Op::Move { .. })));
    assert_eq!(patched(&from, &patch), to);
}

#[test]
fn a_prepend_to_50_000_elements_is_one_operation() {
    let (from, to) = (keyed(1..=50_000), keyed(0..=50_000));
    let patch = diff(&from, &to);
    assert_eq!(
        text(&patch),
        r#"[{"op":"set","path":["l",{"id":0}],"value":{"id":0,"v":0},"after":null}]"#
    );
    assert!(patched(&from, &patch) == to);
}

#[test]
fn a_move_over_50_000_elements_is_one_operation() {
    let (from, to) = (keyed(0..50_000), keyed((1..50_000).chain([0])));
    let patch = diff(&from, &to);
    assert_eq!(
        text(&patch),
        r#"[{"op":"move","path":["l",{"id":0}],"after":{"id":49999}}]"#
    );
    assert!(patched(&from, &patch) == to);
}

#[test]
fn reversing_a_long_list_moves_all_elements_but_one() {
    let (from, to) = (keyed(0..3_000), keyed((0..3_000).rev()));
    let patch = diff(&from, &to);
    assert_eq!(patch.len(), 2_999);
    assert!(patched(&from, &patch) == to);
}

/// Returns the length of a longest increasing subsequence, by trying each element as the last one.
fn longest_increasing(ranks: &[usize]) -> usize {
    let mut best = vec![1; ranks.len()];
    for last in 0..ranks.len() {
        for before in 0..last {
            if ranks[before] < ranks[last] {
                best[last] = best[last].max(best[before] + 1);
            }
        }
    }
    best.into_iter().max().unwrap_or(0)
}

proptest! {
    #![proptest_config(config(1_000))]

    #[test]
    fn a_diff_has_as_few_moves_as_possible(
        from in subsequence((0..9_i64).collect::<Vec<_>>(), 0..=9).prop_shuffle(),
        to in subsequence((0..9_i64).collect::<Vec<_>>(), 0..=9).prop_shuffle(),
    ) {
        let ranks: Vec<_> = to.iter().filter_map(|id| from.iter().position(|other| other == id)).collect();
        let (a, b) = (keyed(from.iter().copied()), keyed(to.iter().copied()));
        let patch = diff(&a, &b);
        prop_assert_eq!(&patched(&a, &patch), &b);
        let count = |wanted: fn(&Op) -> bool| patch.iter().filter(|op| wanted(op)).count();
        prop_assert_eq!(count(|op| matches!(op, Op::Move { .. })), ranks.len() - longest_increasing(&ranks));
        prop_assert_eq!(count(|op| matches!(op, Op::Set { .. })), to.len() - ranks.len());
        prop_assert_eq!(count(|op| matches!(op, Op::Delete { .. })), from.len() - ranks.len());
        prop_assert_eq!(diff(&a, &b), patch, "the same patch every time");
    }
}

proptest! {
    #![proptest_config(config(2_000))]

    #[test]
    fn lists_in_which_names_are_repeated_turn_into_each_other(
        from in vec(0..4_usize, 0..8), to in vec(0..4_usize, 0..8), kind in 0..3_usize
    ) {
        const ELEMENTS: [[&str; 4]; 3] = [
            [r#""a""#, r#""b""#, r#""c""#, r#""d""#],
            [r#"{"id":1}"#, r#"{"id":1,"v":1}"#, r#"{"id":2}"#, r#"{"id":3}"#],
            [r#"{"id":1}"#, r#"{"id":1,"v":1}"#, r#"{"v":1}"#, r#"{"id":2}"#],
        ];
        let list = |which: &[usize]| {
            let elements: Vec<_> = which.iter().map(|which| ELEMENTS[kind][*which]).collect();
            json(&format!(r#"{{"l":[{}]}}"#, elements.join(",")))
        };
        let (from, to) = (list(&from), list(&to));
        let patch = diff(&from, &to);
        prop_assert_eq!(check_patch(&patch), Ok(()), "{}", text(&patch));
        let result = patched(&from, &patch);
        prop_assert_eq!(&result, &to, "{} -> {}: {} gave {}", text(&from), text(&to), text(&patch), text(&result));
    }
}

#[test]
fn many_elements_with_the_same_name_are_added_and_deleted_in_reasonable_time() {
    let list = |count: usize| json(&format!(r#"{{"l":[{}]}}"#, vec![r#"{"q":1}"#; count].join(",")));
    let (few, many) = (list(1), list(30_000));
    for (from, to) in [(&few, &many), (&many, &few)] {
        let patch = diff(from, to);
        assert_eq!(patch.len(), 29_999);
        assert!(patched(from, &patch) == *to);
    }
}
