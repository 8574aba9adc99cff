//! `docs/MERGE.md`, law 11: a squashed run of operations does the same to every document.

use crate::generate::{Text, config, document, operation, pair};
use crate::support::{json, ops, patched, text};
use coinolio_core::algebra::{Op, diff, squash};
use coinolio_core::json::Value;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

fn squashed(run: &str) -> String {
    text(&squash(ops(run)))
}

/// Checks rows of a run and the run that is left of it.
fn table(rows: &[(&str, &str)]) {
    for (run, expected) in rows {
        assert_eq!(squashed(run), text(&ops(expected)), "{run}");
        assert_eq!(squashed(expected), text(&ops(expected)), "{run}");
    }
}

fn unchanged(runs: &[&str]) {
    for run in runs {
        assert_eq!(squashed(run), text(&ops(run)));
    }
}

#[test]
fn forty_rewrites_of_one_value_are_one_operation() {
    for path in [
        r#"["prices","btc"]"#,
        r#"["assets",{"id":"btc"},"price"]"#,
        r#"["assets",{"id":"btc"}]"#,
    ] {
        let value = |n: usize| match path.ends_with("}]") {
            true => format!(r#"{{"id":"btc","price":{n}}}"#),
            false => n.to_string(),
        };
        let rewrites: Vec<_> = (0..40)
            .map(|n| format!(r#"{{"op":"set","path":{path},"value":{}}}"#, value(n)))
            .collect();
        assert_eq!(
            squashed(&format!("[{}]", rewrites.join(","))),
            format!("[{}]", rewrites[39])
        );
    }
}

#[test]
fn refreshes_of_many_values_are_as_many_operations_as_there_are_values() {
    let refresh = |round: usize| {
        let set = move |n: usize| format!(r#"{{"op":"set","path":["assets",{{"id":{n}}},"price"],"value":{round}}}"#);
        (0..50).map(set).collect::<Vec<_>>()
    };
    let run: Vec<_> = (0..20).flat_map(refresh).collect();
    assert_eq!(
        squashed(&format!("[{}]", run.join(","))),
        format!("[{}]", refresh(19).join(","))
    );
}

#[test]
fn a_value_that_is_written_again_or_above_or_deleted_is_left_out() {
    table(&[
        (
            r#"[{"op":"set","path":["a"],"value":1},{"op":"set","path":["b"],"value":1},{"op":"set","path":["a"],"value":2}]"#,
            r#"[{"op":"set","path":["a"],"value":2},{"op":"set","path":["b"],"value":1}]"#,
        ),
        (
            r#"[{"op":"set","path":["a","b","c"],"value":1},{"op":"delete","path":["a","b","d"]},{"op":"set","path":["a"],"value":{}}]"#,
            r#"[{"op":"set","path":["a"],"value":{}}]"#,
        ),
        (
            r#"[{"op":"set","path":["a","b"],"value":1},{"op":"set","path":["c"],"value":1},{"op":"delete","path":["a"]}]"#,
            r#"[{"op":"set","path":["c"],"value":1},{"op":"delete","path":["a"]}]"#,
        ),
        (
            r#"[{"op":"delete","path":["a"]},{"op":"set","path":["a"],"value":1}]"#,
            r#"[{"op":"set","path":["a"],"value":1}]"#,
        ),
        (
            r#"[{"op":"delete","path":["a"]},{"op":"delete","path":["a","b"]},{"op":"delete","path":["a"]}]"#,
            r#"[{"op":"delete","path":["a"]}]"#,
        ),
        (
            r#"[{"op":"set","path":["a"],"value":5},{"op":"delete","path":["a","b"]},{"op":"set","path":["a","b"],"value":1}]"#,
            r#"[{"op":"set","path":["a"],"value":5},{"op":"set","path":["a","b"],"value":1}]"#,
        ),
        (
            r#"[{"op":"set","path":["l",{"id":1}],"value":{"id":1}},{"op":"move","path":["l",{"id":2}],"after":{"id":1}},
                {"op":"delete","path":["l"]}]"#,
            r#"[{"op":"delete","path":["l"]}]"#,
        ),
    ]);
}

#[test]
fn an_element_that_is_added_and_deleted_is_left_out_if_its_list_is_there_anyway() {
    let (first, added, deleted) = (
        r#"{"op":"set","path":["l",{"id":1}],"value":{"id":1}}"#,
        r#"{"op":"set","path":["l",{"id":2}],"value":{"id":2,"v":1},"after":{"id":1}}"#,
        r#"{"op":"delete","path":["l",{"id":2}]}"#,
    );
    table(&[
        (&format!("[{first},{added},{deleted}]"), &format!("[{first},{deleted}]")),
        (
            &format!(
                r#"[{first},{added},{{"op":"set","path":["l",{{"id":2}},"v"],"value":2}},{deleted},{added},{deleted}]"#
            ),
            &format!("[{first},{deleted},{deleted}]"),
        ),
    ]);
    // Without the first operation, the list would not be there.
    unchanged(&[&format!("[{added},{deleted}]")]);
}

#[test]
fn an_element_that_others_were_put_behind_stays_as_long_as_they_do() {
    let (one, two, three, deleted) = (
        r#"{"op":"set","path":["l",{"id":1}],"value":{"id":1}}"#,
        r#"{"op":"set","path":["l",{"id":2}],"value":{"id":2},"after":null}"#,
        r#"{"op":"set","path":["l",{"id":3}],"value":{"id":3},"after":{"id":2}}"#,
        r#"{"op":"delete","path":["l",{"id":2}]}"#,
    );
    unchanged(&[&format!("[{one},{two},{three},{deleted}]")]);
    let gone = r#"{"op":"delete","path":["l",{"id":3}]}"#;
    table(&[(
        &format!("[{one},{two},{three},{deleted},{gone}]"),
        &format!("[{one},{deleted},{gone}]"),
    )]);
}

#[test]
fn a_rewritten_element_stays_where_it_was_first_put() {
    table(&[
        (
            r#"[{"op":"set","path":["l",{"id":1}],"value":{"id":1},"after":null},
            {"op":"set","path":["l",{"id":2}],"value":{"id":2},"after":null},
            {"op":"set","path":["l",{"id":1}],"value":{"id":1,"v":1},"after":{"id":2}}]"#,
            r#"[{"op":"set","path":["l",{"id":1}],"value":{"id":1,"v":1},"after":null},
            {"op":"set","path":["l",{"id":2}],"value":{"id":2},"after":null}]"#,
        ),
        (
            r#"[{"op":"set","path":["l",{"id":1},"v"],"value":1},{"op":"set","path":["l",{"id":2},"v"],"value":1},
            {"op":"set","path":["l",{"id":1}],"value":{"id":1,"v":2},"after":null}]"#,
            r#"[{"op":"set","path":["l",{"id":1}],"value":{"id":1,"v":2}},{"op":"set","path":["l",{"id":2},"v"],"value":1}]"#,
        ),
    ]);
}

#[test]
fn a_move_to_the_front_is_left_out_if_the_element_moves_again_or_is_deleted() {
    let front = r#"{"op":"move","path":["l",{"id":1}],"after":null}"#;
    let behind = r#"{"op":"move","path":["l",{"id":1}],"after":{"id":2}}"#;
    let deleted = r#"{"op":"delete","path":["l",{"id":1}]}"#;
    table(&[
        (&format!("[{front},{front}]"), &format!("[{front}]")),
        (&format!("[{front},{behind}]"), &format!("[{behind}]")),
        (&format!("[{front},{deleted}]"), &format!("[{deleted}]")),
    ]);
    // If two elements have the name, the second operation is about the other one.
    unchanged(&[
        &format!("[{behind},{front}]"),
        &format!("[{behind},{behind}]"),
        &format!("[{behind},{deleted}]"),
        &format!("[{deleted},{deleted}]"),
    ]);
}

#[test]
fn an_operation_that_something_else_depends_on_stays() {
    unchanged(&[
        // The parents of what is deleted.
        r#"[{"op":"set","path":["a","b"],"value":1},{"op":"delete","path":["a","b"]}]"#,
        // The kind of the value in between.
        r#"[{"op":"set","path":["a","b"],"value":1},{"op":"set","path":["a",{"id":1}],"value":{"id":1}},{"op":"set","path":["a","b"],"value":2}]"#,
        // The position of the new element.
        r#"[{"op":"delete","path":["l",{"id":1}]},{"op":"set","path":["l",{"id":1}],"value":{"id":1}}]"#,
        // The name of the element in between.
        r#"[{"op":"set","path":["l",{"id":1},"uuid"],"value":1},{"op":"move","path":["l",{"uuid":1}],"after":null},
            {"op":"set","path":["l",{"id":1},"uuid"],"value":2}]"#,
        r#"[{"op":"set","path":["l",{"id":1},"v"],"value":1},{"op":"delete","path":["l",{"value":{"id":1,"v":1}}]},
            {"op":"set","path":["l",{"id":1},"v"],"value":2}]"#,
        r#"[{"op":"set","path":["l",{"id":1},"uuid"],"value":1},
            {"op":"set","path":["l",{"id":2}],"value":{"id":2},"after":{"uuid":1}},
            {"op":"set","path":["l",{"id":1},"uuid"],"value":2}]"#,
    ]);
}

/// Values that collide: elements with the same names, names of several forms, and values of several kinds.
const VALUES: [&str; 12] = [
    "1",
    "null",
    "{}",
    r#"{"a":1}"#,
    r#"{"a":{"b":1},"b":2}"#,
    "[]",
    r#"[{"id":1},{"id":2},{"id":1,"a":1}]"#,
    r#"[{"id":2,"uuid":1},{"id":1,"uuid":1},{"a":1}]"#,
    r#"["x","y","x"]"#,
    r#"[{"a":1},{"a":1},{"id":1}]"#,
    r#"[{"id":1,"l":[{"id":1},{"id":2,"a":1}]},{"id":1,"l":[{"id":2}]}]"#,
    r#"{"l":[{"id":1,"a":{"b":1}}]}"#,
];

const ELEMENTS: [(&str, &str); 16] = [
    (r#"{"id":1}"#, r#"{"id":1}"#),
    (r#"{"id":1}"#, r#"{"id":1,"a":2}"#),
    (r#"{"id":1}"#, r#"{"id":1,"uuid":1}"#),
    (r#"{"id":2}"#, r#"{"id":2}"#),
    (r#"{"id":2}"#, r#"{"id":2,"l":[{"id":1}]}"#),
    (r#"{"value":{"a":1}}"#, r#"{"a":1}"#),
    (r#"{"id":1,"nth":1}"#, r#"{"id":1,"a":3}"#),
    (r#"{"id":1,"nth":2}"#, r#"{"id":1}"#),
    (r#"{"value":{"a":1},"nth":1}"#, r#"{"a":1}"#),
    (r#"{"id":3}"#, r#"{"id":3,"uuid":2}"#),
    (r#"{"uuid":1}"#, r#"{"uuid":1,"id":1}"#),
    (r#"{"uuid":1}"#, r#"{"uuid":1,"id":3}"#),
    (r#"{"value":"x"}"#, r#""x""#),
    (r#"{"value":"y"}"#, r#""y""#),
    (r#"{"value":{"a":1}}"#, r#"{"a":1}"#),
    (r#"{"value":{"id":1,"a":1}}"#, r#"{"id":1,"a":1}"#),
];

/// A document of few values.
fn colliding_document() -> impl Strategy<Value = Value> {
    let member = (select(&["a", "l", "l"][..]), select(&VALUES[..]));
    vec(member, 0..3).prop_map(|members| {
        Value::Object(
            members
                .into_iter()
                .map(|(name, value)| (name.into(), json(value)))
                .collect(),
        )
    })
}

/// An operation on few paths. Most elements are named by one field, so that there is something to squash.
fn colliding_operation(fields: std::ops::Range<usize>) -> impl Strategy<Value = Op> {
    let step = (
        select(&["a", "l", "l", "b"][..]),
        proptest::option::weighted(0.6, fields.clone()),
    );
    let after = proptest::option::weighted(0.7, proptest::option::weighted(0.7, fields));
    (vec(step, 1..4), 0..8_u8, select(&VALUES[..]), after).prop_map(|(steps, kind, value, after)| {
        let mut path = Vec::new();
        let mut named = None;
        for (name, element) in steps {
            path.push(format!("{name:?}"));
            named = element.map(|which| ELEMENTS[which]);
            if let Some((token, _)) = named {
                path.push(token.into());
                if token.contains("value") {
                    break;
                }
            }
        }
        let path = path.join(",");
        let after = after.map(|after| after.map_or("null", |which| ELEMENTS[which].0));
        let suffix = after.map_or(String::new(), |after| format!(r#","after":{after}"#));
        crate::support::op(&match (kind, named) {
            (0..=1, _) => format!(r#"{{"op":"delete","path":[{path}]}}"#),
            (2..=3, Some(_)) => format!(r#"{{"op":"move","path":[{path}],"after":{}}}"#, after.unwrap_or("null")),
            (_, Some((_, value))) => format!(r#"{{"op":"set","path":[{path}],"value":{value}{suffix}}}"#),
            (_, None) => format!(r#"{{"op":"set","path":[{path}],"value":{value}}}"#),
        })
    })
}

fn assert_law(documents: &[Value], run: &[Op]) -> Result<(), TestCaseError> {
    let squashed = squash(run.to_vec());
    for document in documents {
        let (whole, short) = (patched(document, run), patched(document, &squashed));
        prop_assert_eq!(
            &whole,
            &short,
            "{} squashed to {} on {}: {} and {}",
            text(run),
            text(&squashed),
            text(document),
            text(&whole),
            text(&short)
        );
    }
    prop_assert!(squashed.len() <= run.len());
    let again = squash(squashed.clone());
    prop_assert_eq!(text(&again), text(&squashed), "of {}", text(run));
    Ok(())
}

proptest! {
    #![proptest_config(config(3_000))]

    #[test]
    fn law_11_a_squashed_run_does_the_same_to_every_document(
        documents in vec(colliding_document(), 6), run in vec(colliding_operation(0..9), 1..14)
    ) {
        assert_law(&documents, &run)?;
    }

    #[test]
    fn law_11_holds_if_all_names_have_the_same_form(
        documents in vec(colliding_document(), 6), run in vec(colliding_operation(0..5), 1..14)
    ) {
        assert_law(&documents, &run)?;
    }

    #[test]
    fn law_11_holds_if_elements_have_several_names(
        documents in vec(colliding_document(), 6), run in vec(colliding_operation(0..ELEMENTS.len()), 1..14)
    ) {
        assert_law(&documents, &run)?;
    }

    #[test]
    fn law_11_holds_for_any_operations(
        documents in vec(document(), 3), other in colliding_document(), run in vec(operation(), 1..14)
    ) {
        let documents: Vec<_> = documents.into_iter().chain([other, Value::empty_object()]).collect();
        assert_law(&documents, &run)?;
    }

    #[test]
    fn law_11_holds_for_the_patches_between_versions_of_a_document(
        versions in vec(pair(), 2..5), other in document()
    ) {
        // From each version to its successor, and back and forth between unrelated ones.
        let versions: Vec<Text> = versions.into_iter().flat_map(|(from, to)| [from, to]).collect();
        let steps = versions.windows(2).flat_map(|pair| diff(&pair[0].0, &pair[1].0));
        let run: Vec<Op> = steps.collect();
        let squashed = squash(run.clone());
        prop_assert_eq!(&patched(&versions[0].0, &squashed), &versions[versions.len() - 1].0);
        assert_law(&[other, versions[0].0.clone()], &run)?;
    }
}
