//! v2: a device that received no answer repeats its request.

use crate::fixture::{Event, Watched, body, everything, portfolio, refusal, send, set, sync, wire};
use coinolio_core::error::Code;
use coinolio_core::wire::Outcome;
use serde_json::json;

#[test]
fn a_repeated_edit_has_one_effect_and_the_same_answer() {
    let log = portfolio();
    let mut request = body("phone", "s1", 1, &[set("a", 1, 5)], 6);
    let first = sync(&log, &request, 6);
    log.requests();
    request["sent_at"] = json!("2026-02-01T00:00:00Z");
    let again = sync(&log, &request, 50);
    assert_eq!(log.requests(), ["since"]);
    assert_eq!(again.answer, first.answer);
    assert!(again.report.repeated && !first.report.repeated);
    assert_eq!(everything(&log.log).len(), 2);
}

#[test]
fn a_repeated_creation_has_one_effect() {
    let log = Watched::default();
    let request = body("phone", "s1", 0, &[set("a", 1, 5)], 6);
    let first = sync(&log, &request, 6);
    assert_eq!(sync(&log, &request, 7).answer, first.answer);
    assert_eq!(everything(&log.log).len(), 1);
}

#[test]
fn a_repeated_merge_is_answered_with_its_conflicts() {
    let log = portfolio();
    sync(
        &log,
        &body("tablet", "t1", 1, &[set("assets.btc.amount", "2.0", 5)], 5),
        5,
    );
    let request = body(
        "phone",
        "s1",
        1,
        &[set("assets.btc.amount", "3.0", 4), set("a", 1, 4)],
        6,
    );
    let first = sync(&log, &request, 6);
    assert_eq!(first.answer.conflicts.len(), 1);
    let again = sync(&log, &request, 60);
    assert_eq!(again.answer, first.answer);
    assert_eq!(again.report.conflicts, 0, "the conflict is not new");
    assert_eq!(everything(&log.log).len(), 3);
}

#[test]
fn a_repetition_after_others_wrote_brings_the_device_to_the_head() {
    let log = portfolio();
    let request = body(
        "phone",
        "s1",
        1,
        &[set("assets.btc.amount", "3.0", 4), set("a", 1, 4)],
        6,
    );
    sync(&log, &request, 6);
    sync(&log, &body("tablet", "t1", 2, &[set("a", 2, 7), set("b", 1, 7)], 7), 7);
    log.requests();
    let again = sync(&log, &request, 1_000);
    assert_eq!(
        log.requests(),
        ["since"],
        "edits that were accepted unchanged need no document"
    );
    assert_eq!((again.answer.version, again.answer.outcome), (3, Outcome::Merged));

    let merged = body("watch", "w1", 2, &[set("a", 3, 5), set("c", 1, 5)], 8);
    sync(&log, &merged, 8);
    sync(&log, &body("tablet", "t2", 4, &[set("c", 2, 9)], 9), 9);
    let again = sync(&log, &merged, 1_000);
    assert_eq!((again.answer.version, again.answer.conflicts.len()), (5, 1));
    assert_eq!(wire(&again.answer.conflicts)[0]["version"], 4);
    assert_eq!(everything(&log.log).len(), 5);
}

#[test]
fn a_sync_id_reused_for_another_request_is_refused() {
    let log = portfolio();
    let request = body("phone", "s1", 1, &[set("a", 1, 5)], 6);
    sync(&log, &request, 6);
    sync(&log, &body("tablet", "t1", 2, &[set("b", 1, 7)], 7), 7);
    for other in [
        body("phone", "s1", 1, &[set("a", 2, 5)], 6),
        body("phone", "s1", 1, &[set("a", 1, 4)], 6),
        body("phone", "s1", 1, &[set("a", 1, 5), set("b", 1, 5)], 6),
        body("tablet", "s1", 1, &[set("a", 1, 5)], 6),
        body("phone", "s1", 0, &[set("a", 1, 5)], 6),
        body("phone", "s1", 1, &[], 6),
    ] {
        assert_eq!(refusal(&log, &other, 8), Code::Invalid, "{other}");
    }
}

#[test]
fn a_repetition_is_recognised_whatever_the_order_of_its_members() {
    let log = portfolio();
    let in_order = r#"{"op": "set", "path": ["a"], "value": {"x": 1, "y": 2}}"#;
    let reversed = r#"{"value": {"y": 2, "x": 1}, "path": ["a"], "op": "set"}"#;
    for op in [in_order, reversed] {
        let op: serde_json::Value = serde_json::from_str(op).unwrap();
        sync(&log, &body("phone", "s1", 1, &[op], 6), 6);
    }
    assert_eq!(everything(&log.log).len(), 2);
}

#[test]
fn a_sync_succeeds_if_the_stores_own_retry_finds_its_change_written() {
    let log = portfolio();
    log.expect(Event::SentTwice);
    let answered = sync(&log, &body("phone", "s1", 1, &[set("a", 1, 5)], 6), 6);
    assert_eq!(log.requests(), ["since", "append"]);
    assert_eq!(
        (answered.answer.version, answered.answer.outcome),
        (2, Outcome::Accepted)
    );
    assert_eq!(everything(&log.log).len(), 2);
}

#[test]
fn a_merge_is_answered_with_its_conflicts_if_the_stores_own_retry_finds_it_written() {
    let log = portfolio();
    sync(&log, &body("tablet", "t1", 1, &[set("a", 2, 5)], 5), 5);
    log.expect(Event::SentTwice);
    let answered = sync(&log, &body("phone", "s1", 1, &[set("a", 1, 5)], 6), 6);
    assert_eq!((answered.answer.version, answered.answer.conflicts.len()), (3, 1));
    assert_eq!(everything(&log.log).len(), 3);
}

#[test]
fn a_repetition_after_an_unanswered_append_has_no_second_effect() {
    let log = portfolio();
    log.expect(Event::Unanswered);
    let request = body("phone", "s1", 1, &[set("a", 1, 5)], 6);
    assert_eq!(send(&log, &request, 6).unwrap_err().code, Code::Unavailable);
    let again = sync(&log, &request, 7);
    assert!(again.report.repeated);
    assert_eq!(everything(&log.log).len(), 2);
}
