//! Tests that diff, apply and merge preserve the order of lists, and that diffs of long lists stay small.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]
use coinolio_core::algebra::{Authored, Authors, Merged, Op, Ranks, Stamp, apply, diff, merge};
use coinolio_core::json::{Value, read};
use coinolio_core::time::Timestamp;

fn json(text: &str) -> Value {
    read(text.as_bytes()).expect("JSON")
}

fn merged(base: &str, server: &str, client: &str) -> Merged {
    let stamp = |at| {
        Authors::new(Stamp {
            device_id: None,
            at: Timestamp::from_millis(at),
        })
    };
    let (server, client) = (json(server), json(client));
    let (by_server, by_client) = (stamp(1), stamp(2));
    merge(
        &json(base),
        Authored {
            document: &server,
            authors: &by_server,
        },
        Authored {
            document: &client,
            authors: &by_client,
        },
        None,
        &Ranks::new(),
    )
}

fn transactions(ids: impl IntoIterator<Item = usize>) -> Value {
    let elements: Vec<String> = ids
        .into_iter()
        .map(|id| format!(r#"{{"id":"tx_{id}","amount":"{id}.5"}}"#))
        .collect();
    json(&format!(r#"{{"transactions":[{}]}}"#, elements.join(",")))
}

#[track_caller]
fn round_trip(from: &Value, to: &Value) -> Vec<Op> {
    let patch = diff(from, to);
    let mut patched = from.clone();
    apply(&mut patched, &patch);
    assert_eq!(&patched, to);
    patch
}

#[test]
fn a_prepend_to_50_000_elements_is_one_operation() {
    let patch = round_trip(&transactions(1..=50_000), &transactions(0..=50_000));
    assert_eq!(patch.len(), 1);
}

#[test]
fn a_move_among_50_000_elements_is_one_operation() {
    let moved = transactions((0..40_000).chain(40_001..50_000).chain([40_000]));
    assert_eq!(round_trip(&transactions(0..50_000), &moved).len(), 1);
    assert_eq!(round_trip(&moved, &transactions(0..50_000)).len(), 1);
}

#[test]
fn a_reversed_list_survives_diff_and_apply() {
    round_trip(&transactions(0..5_000), &transactions((0..5_000).rev()));
}

#[test]
fn an_element_inserted_by_the_client_stays_behind_its_predecessor() {
    let merged = merged(
        r#"{"l":["a","b"]}"#,
        r#"{"l":["x","a","b","y"]}"#,
        r#"{"l":["a","n","b","z"]}"#,
    );
    assert_eq!(merged.document, json(r#"{"l":["x","a","n","b","y","z"]}"#));
    assert!(merged.conflicts.is_empty());
}
