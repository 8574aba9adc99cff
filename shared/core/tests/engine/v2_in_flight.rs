//! v2: edits that were made while a sync was unanswered. Their device sends them after the answer, with the version that
//! was on the screen (`edited_on`) and the sync that was unanswered (`follows`).

use crate::fixture::{
    Event, Watched, body, delete, everything, portfolio, rebased, refusal, send, server_at, set, sync, value, wire,
};
use crate::retained::{Retained, snapshot};
use coinolio_core::algebra::{Rule, Winner};
use coinolio_core::error::Code;
use coinolio_core::log::Version;
use coinolio_core::store::MemoryStore;
use coinolio_core::wire::Outcome;
use coinolio_core::wire::v2::{Delta, SyncRequest, SyncResponse};
use pollster::block_on;
use serde_json::json;

const AMOUNT: &str = "assets.btc.amount";

/// Returns a request of the phone for edits that were made on version `edited_on` while `follows` was unanswered.
fn in_flight(
    base: Version,
    edited_on: Version,
    follows: &str,
    changes: &[serde_json::Value],
    at: u32,
) -> serde_json::Value {
    let mut request = body("phone", "s2", base, changes, at);
    request["edited_on"] = json!(edited_on);
    request["follows"] = json!(follows);
    request
}

/// Returns a log whose version 2 the tablet made with `tablets`, and version 3 the phone with `phones`, both on version
/// 1. While the phone's sync `s1` was unanswered, it still showed version 1 with its edits.
fn two_devices(tablets: &[serde_json::Value], phones: &[serde_json::Value]) -> Watched {
    let log = portfolio();
    sync(&log, &body("tablet", "t1", 1, tablets, 5), 5);
    sync(&log, &body("phone", "s1", 1, phones, 6), 6);
    log.requests();
    log
}

fn decided(answer: &SyncResponse) -> Vec<(String, Winner, Rule)> {
    let of_change = answer
        .conflicts
        .iter()
        .filter(|record| record.version == answer.version);
    of_change
        .map(|record| {
            (
                record.conflict.path.dotted(),
                record.conflict.winner,
                record.conflict.rule,
            )
        })
        .collect()
}

#[test]
fn a_value_that_another_device_wrote_unseen_is_in_conflict_and_not_overwritten_unheard() {
    for (edited_at, winner) in [(7, Winner::Client), (3, Winner::Server)] {
        let log = two_devices(&[set(AMOUNT, "5", 4)], &[set("assets.eth.amount", "11", 5)]);
        let edit = [set(AMOUNT, "7", edited_at)];
        let ordinary = SyncRequest::from_json(&value(&body("phone", "s2", 3, &edit, 8))).unwrap();
        assert_eq!(ordinary.edited_on, None);
        let request = in_flight(3, 1, "s1", &edit, 8);
        let answer = sync(&log, &request, 8).answer;
        assert_eq!(decided(&answer), [(AMOUNT.to_owned(), winner, Rule::Newest)]);
        assert_eq!((answer.version, answer.outcome), (4, Outcome::Merged));
        let conflict = &answer.conflicts.last().unwrap().conflict;
        assert_eq!(conflict.server.value, Some("5".into()));
        assert_eq!(conflict.client.value, Some("7".into()));
        assert!(!answer.device_id_reused);
        let again = sync(&log, &request, 9);
        assert_eq!(again.answer, answer);
        assert!(again.report.repeated);
        assert_eq!(everything(&log.log).len(), 4);
    }
}

#[test]
fn the_edits_of_the_unanswered_sync_count_into_the_base() {
    // The phone replaces its own value, which it had on the screen: that is no conflict. Nor is the undoing of it.
    for edit in [
        set(AMOUNT, "3", 7),
        set(AMOUNT, "1.0", 7),
        delete(AMOUNT, 7),
        delete("assets.btc", 7),
    ] {
        let log = two_devices(&[set("assets.eth.amount", "11", 4)], &[set(AMOUNT, "2", 5)]);
        let request = in_flight(3, 1, "s1", std::slice::from_ref(&edit), 8);
        let answer = sync(&log, &request, 8).answer;
        assert_eq!(decided(&answer), [], "{edit}");
        let mut expected = json!({"assets": {"btc": {"amount": "1.0", "note": "cold"}, "eth": {"amount": "11"}}});
        match (edit["op"].as_str(), edit["path"].as_array().unwrap().len()) {
            (Some("set"), _) => expected["assets"]["btc"]["amount"] = edit["value"].clone(),
            (_, 2) => drop(expected["assets"].as_object_mut().unwrap().remove("btc")),
            _ => drop(expected["assets"]["btc"].as_object_mut().unwrap().remove("amount")),
        }
        assert_eq!(server_at(&log.log, 4), value(&expected));
    }
}

#[test]
fn a_deletion_of_what_the_unanswered_sync_and_another_device_edited_conflicts_with_the_others_edit() {
    let log = two_devices(&[set("assets.btc.note", "hot", 4)], &[set(AMOUNT, "2", 6)]);
    let answer = sync(&log, &in_flight(3, 1, "s1", &[delete("assets.btc", 5)], 8), 8).answer;
    // The phone's own edit of minute 6 does not decide; the tablet's of minute 4 does.
    assert_eq!(
        decided(&answer),
        [("assets.btc".to_owned(), Winner::Client, Rule::Newest)]
    );
    let server = &answer.conflicts.last().unwrap().conflict.server;
    assert_eq!(server.device_id.as_ref().unwrap().as_str(), "tablet");
    assert_eq!(wire(&server.value), json!({"amount": "2", "note": "hot"}));
}

#[test]
fn an_edit_inside_an_element_that_the_answer_removed_brings_the_whole_element_back() {
    let log = portfolio();
    let transaction = json!({"id": "t1", "amount": "1", "type": "buy"});
    sync(
        &log,
        &body("phone", "s0", 1, &[set("transactions", json!([transaction]), 1)], 1),
        1,
    );
    let path = json!(["transactions", {"id": "t1"}]);
    let deletion = json!({"op": "delete", "path": path, "modified_at": "2026-01-01T00:04:00Z"});
    sync(&log, &body("tablet", "t1", 2, &[deletion], 4), 4);
    sync(
        &log,
        &body("phone", "s1", 2, &[set("assets.eth.amount", "11", 3)], 5),
        5,
    );
    let inside = json!({"op": "set", "path": ["transactions", {"id": "t1"}, "amount"], "value": "2",
                        "modified_at": "2026-01-01T00:06:00Z"});
    let request = in_flight(4, 2, "s1", &[inside], 7);
    let answer = sync(&log, &request, 7).answer;
    let document = rebased(&log.log, &request, &answer);
    let expected = json!([{"id": "t1", "amount": "2", "type": "buy"}]);
    assert_eq!(wire(&document)["transactions"], expected);
    assert_eq!(decided(&answer).len(), 1);
}

#[test]
fn edits_that_followed_a_sync_alone_are_accepted_without_reading_a_document() {
    let log = portfolio();
    sync(&log, &body("phone", "s1", 1, &[set(AMOUNT, "2", 5)], 6), 6);
    log.requests();
    let request = in_flight(2, 1, "s1", &[set(AMOUNT, "3", 7)], 8);
    let answer = sync(&log, &request, 8).answer;
    assert_eq!(log.requests(), ["since", "append"]);
    assert_eq!((answer.outcome, decided(&answer).len()), (Outcome::Accepted, 0));
    assert_eq!(sync(&log, &request, 9).answer, answer);
}

#[test]
fn edits_made_while_the_creation_was_unanswered_have_base_0_on_the_screen() {
    let log = Watched::default();
    sync(&log, &body("tablet", "t1", 0, &[set("b", 1, 1)], 2), 2);
    sync(&log, &body("phone", "s1", 0, &[set("a", 1, 3)], 4), 4);
    let edits = [set("a", 2, 5), set("b", 2, 5)];
    let answer = sync(&log, &in_flight(2, 0, "s1", &edits, 6), 6).answer;
    assert_eq!(decided(&answer), [("b".to_owned(), Winner::Client, Rule::Newest)]);
    assert_eq!(server_at(&log.log, 3), value(&json!({"a": 2, "b": 2})));
}

#[test]
fn a_sync_that_made_no_change_or_another_devices_counts_nothing_into_the_base() {
    for follows in ["pull", "t1"] {
        let log = two_devices(&[set(AMOUNT, "5", 4)], &[set("assets.eth.amount", "11", 5)]);
        let answer = sync(&log, &in_flight(3, 1, follows, &[set(AMOUNT, "7", 7)], 8), 8).answer;
        assert_eq!(decided(&answer).len(), 1, "{follows}");
    }
    let log = two_devices(&[set("assets.eth.amount", "11", 4)], &[set(AMOUNT, "2", 5)]);
    let mut request = in_flight(3, 1, "s1", &[set(AMOUNT, "3", 7)], 8);
    request["follows"] = json!(null);
    let answer = sync(&log, &request, 8).answer;
    assert_eq!(
        decided(&answer).len(),
        1,
        "without follows, even the device's own change is concurrent"
    );
}

#[test]
fn a_pull_and_an_ordinary_sync_ignore_the_screen() {
    for changes in [&[][..], &[set(AMOUNT, "7", 7)]] {
        let [plain, with_screen] = [false, true].map(|has_screen| {
            let log = two_devices(&[set(AMOUNT, "5", 4)], &[set("assets.eth.amount", "11", 5)]);
            let edited_on = if changes.is_empty() { 1 } else { 3 };
            let request = match has_screen {
                true => in_flight(3, edited_on, "s1", changes, 8),
                false => body("phone", "s2", 3, changes, 8),
            };
            let answer = sync(&log, &request, 8).answer;
            (answer, log.requests())
        });
        assert_eq!(plain, with_screen);
    }
}

#[test]
fn a_sync_with_a_screen_merges_with_later_changes_too() {
    for is_beaten in [false, true] {
        let log = two_devices(&[set(AMOUNT, "5", 4)], &[set("assets.eth.amount", "11", 5)]);
        let watchs = body(
            "watch",
            "w1",
            3,
            &[set("assets.eth.amount", "12", 7), set("w", 1, 7)],
            7,
        );
        if is_beaten {
            log.expect(Event::Before(Box::new(move |log: &MemoryStore| {
                send(log, &watchs, 7).unwrap();
            })));
        } else {
            sync(&log, &watchs, 7);
        }
        let edits = [set(AMOUNT, "7", 6), set("assets.eth.amount", "13", 6), set("p", 1, 6)];
        let request = in_flight(3, 1, "s1", &edits, 8);
        let answer = sync(&log, &request, 8).answer;
        let expected = [
            (AMOUNT.to_owned(), Winner::Client, Rule::Newest),
            ("assets.eth.amount".to_owned(), Winner::Server, Rule::Newest),
        ];
        assert_eq!(decided(&answer), expected);
        assert_eq!(answer.version, 5);
        assert_eq!(sync(&log, &request, 9).answer, answer);
    }
}

#[test]
fn a_screen_that_the_log_does_not_have_is_refused_as_a_base_is() {
    let log = two_devices(&[set(AMOUNT, "5", 4)], &[set("assets.eth.amount", "11", 5)]);
    block_on(snapshot(&log.log, crate::fixture::key(), 2));
    let mut request = in_flight(3, 1, "s1", &[set(AMOUNT, "7", 7)], 8);
    let retained = Retained::after(&log, 2);
    assert_eq!(send(&retained, &request, 8).unwrap_err().code, Code::BaseExpired);
    request["base_lost"] = json!(true);
    let answer = send(&retained, &request, 8).unwrap().answer;
    assert!(matches!(answer.delta, Delta::Document(_)));
    assert_eq!(decided(&answer).len(), 1);

    let log = portfolio();
    let jump = coinolio_core::log::Draft {
        version: 9,
        ..crate::fixture::on_head(&log.log)
    };
    crate::fixture::append(&log.log, &jump);
    let skipped = in_flight(9, 5, "s1", &[set(AMOUNT, "7", 7)], 8);
    assert_eq!(refusal(&log, &skipped, 8), Code::BaseUnknown);
}

#[test]
fn edited_on_and_follows_must_make_sense_together() {
    let edit = [set(AMOUNT, "7", 7)];
    let refused = |request: &serde_json::Value| {
        let error = SyncRequest::from_json(&value(request)).expect_err("the request was not refused");
        (error.code, error.detail)
    };
    let above = in_flight(3, 4, "s1", &edit, 8);
    assert_eq!(
        refused(&above),
        (Code::Invalid, "edited_on must not be above base_version".into())
    );
    let mut alone = in_flight(3, 1, "s1", &edit, 8);
    alone["edited_on"] = json!(null);
    assert_eq!(
        refused(&alone),
        (Code::Malformed, "edited_on is required with follows".into())
    );
    let itself = in_flight(3, 1, "s2", &edit, 8);
    assert_eq!(
        refused(&itself),
        (Code::Invalid, "follows must name an earlier sync, not this one".into())
    );
    for (name, wrong) in [
        ("edited_on", json!(1.5)),
        ("edited_on", json!("1")),
        ("follows", json!(1)),
        ("follows", json!("")),
    ] {
        let mut request = in_flight(3, 1, "s1", &edit, 8);
        request[name] = wrong;
        assert_eq!(refused(&request).0, Code::Malformed, "{name}");
    }
}

#[test]
fn a_repetition_must_have_the_same_screen() {
    let log = two_devices(&[set(AMOUNT, "5", 4)], &[set("assets.eth.amount", "11", 5)]);
    let request = in_flight(3, 1, "s1", &[set(AMOUNT, "7", 7)], 8);
    sync(&log, &request, 8);
    for (name, other) in [
        ("edited_on", json!(2)),
        ("follows", json!("s0")),
        ("follows", json!(null)),
    ] {
        let mut request = request.clone();
        request[name] = other;
        assert_eq!(refusal(&log, &request, 9), Code::Invalid, "{name}");
    }
}
