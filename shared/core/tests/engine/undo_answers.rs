//! The answers to restores and keep-mines: they bring a device from its base to the new head.

use crate::fixture::{Event, Watched, body, everything, key, minute_text, portfolio, send, server_at, set, sync, wire};
use crate::undoing::{conflict, delete_portfolio, keep_mine_with, refused, restore_of};
use coinolio_core::algebra::apply;
use coinolio_core::error::Code;
use coinolio_core::json::Value;
use coinolio_core::log::Version;
use coinolio_core::store::Directory;
use coinolio_core::sync::Answered;
use coinolio_core::wire::v2::{Delta, UndoResponse};
use pollster::block_on;
use serde_json::json;

/// Asserts that the answer turns the document of version `base` into that of the answered version. Returns its delta.
fn brought(log: &Watched, base: Version, answered: Answered<UndoResponse>) -> Delta {
    let UndoResponse { portfolio, delta } = answered.answer;
    let delta = delta.expect("the request has a base");
    let document = match &delta {
        Delta::Document(document) => document.clone(),
        Delta::Changes(changes) => {
            let mut document = match base {
                0 => Value::empty_object(),
                base => server_at(&log.log, base),
            };
            apply(&mut document, changes);
            document
        }
    };
    let head = everything(&log.log).last().unwrap().version;
    assert_eq!(portfolio.version, head);
    assert_eq!(document, server_at(&log.log, head), "from {base}");
    delta
}

#[test]
fn an_answer_without_a_base_has_only_the_portfolio() {
    let log = conflict();
    let restored = restore_of(&log, &json!({"version": 1}), None, 11).unwrap();
    let expected = json!({"portfolio_id": "main", "id": "main", "name": "main", "version": 4,
        "last_sync_at": minute_text(11), "last_sync_device": null});
    assert_eq!(wire(&restored.answer), expected);
    let kept = keep_mine_with(&log, 3, 0, &json!({"device_id": "car"}), 12).unwrap();
    assert_eq!((kept.answer.portfolio.version, kept.answer.delta), (5, None));
}

#[test]
fn a_restore_brings_the_device_from_its_base_to_the_head() {
    for base in 0..=4 {
        let log = conflict();
        sync(&log, &body("laptop", "l", 3, &[set("other", 1, 11)], 11), 11);
        log.requests();
        let body = json!({"version": 1, "base_version": base, "device_id": "phone"});
        let answered = restore_of(&log, &body, None, 12).unwrap();
        assert_eq!(log.requests(), ["entry", "since", "append"], "from {base}");
        brought(&log, base, answered);
        assert_eq!(everything(&log.log).len(), 5);
        assert_eq!(everything(&log.log)[4].base, base);
        // The same again appends nothing, and brings the device to the head too.
        let again = restore_of(&log, &body, None, 13).unwrap();
        brought(&log, base, again);
        assert_eq!(everything(&log.log).len(), 5);
    }
    // An older base than the restored version: one read from the base on.
    let log = conflict();
    sync(&log, &body("laptop", "l", 3, &[set("other", 1, 11)], 11), 11);
    log.requests();
    let answered = restore_of(&log, &json!({"version": 3, "base_version": 1}), None, 12).unwrap();
    assert_eq!(log.requests(), ["entry", "since", "append"]);
    let changes = brought(&log, 1, answered);
    assert_eq!(
        changes,
        Delta::Changes(vec![
            coinolio_core::algebra::Op::from_json(&crate::fixture::value(&set("assets.btc.amount", "2.0", 8))).unwrap(),
            coinolio_core::algebra::Op::from_json(&crate::fixture::value(&json!({"op": "delete", "path": ["other"]})))
                .unwrap(),
        ])
    );
}

#[test]
fn a_restore_of_a_deleted_portfolio_brings_the_device_to_the_head() {
    for base in 0..=4 {
        let log = conflict();
        delete_portfolio(&log, 11);
        let body = json!({"version": 2, "base_version": base});
        brought(&log, base, restore_of(&log, &body, None, 12).unwrap());
    }
}

#[test]
fn a_keep_mine_brings_the_device_from_its_base_to_the_head_also_if_it_is_repeated() {
    for base in 0..=4 {
        let log = conflict();
        sync(&log, &body("laptop", "l", 3, &[set("other", 1, 11)], 11), 11);
        log.requests();
        let body = json!({"base_version": base, "device_id": "tablet"});
        let answered = keep_mine_with(&log, 3, 0, &body, 12).unwrap();
        brought(&log, base, answered);
        let again = keep_mine_with(&log, 3, 0, &body, 13).unwrap();
        assert!(again.report.repeated);
        brought(&log, base, again);
        sync(
            &log,
            &crate::fixture::body("laptop", "l2", 5, &[set("other", 2, 14)], 14),
            14,
        );
        brought(&log, base, keep_mine_with(&log, 3, 0, &body, 15).unwrap());
    }
}

#[test]
fn a_beaten_request_answers_on_top_of_the_faster_change() {
    let faster = || {
        Event::Before(Box::new(|log: &coinolio_core::store::MemoryStore| {
            send(log, &body("laptop", "l", 3, &[set("faster", 1, 11)], 11), 11).unwrap();
        }))
    };
    for base in 1..=3 {
        let log = conflict();
        log.expect(faster());
        brought(
            &log,
            base,
            restore_of(&log, &json!({"version": 1, "base_version": base}), None, 12).unwrap(),
        );
        let log = conflict();
        log.expect(faster());
        let body = json!({"base_version": base});
        brought(&log, base, keep_mine_with(&log, 3, 0, &body, 12).unwrap());
        for event in [Event::SentTwice, Event::SentTwice] {
            let log = conflict();
            log.expect(event);
            brought(&log, base, keep_mine_with(&log, 3, 0, &body, 12).unwrap());
        }
    }
}

#[test]
fn a_base_that_the_portfolio_never_had_is_refused() {
    let log = conflict();
    let made_at = everything(&log.log)[1].last_sync_at.to_string();
    for (base, at) in [
        (4, None),
        (9, None),
        (1, Some(made_at.as_str())),
        (2, Some("2020-01-01T00:00:00Z")),
    ] {
        let body = json!({"version": 1, "base_version": base, "base_at": at});
        assert_eq!(
            refused(&log, || restore_of(&log, &body, None, 11)),
            Code::BaseUnknown,
            "{body}"
        );
        assert_eq!(
            refused(&log, || keep_mine_with(&log, 3, 0, &body, 11)),
            Code::BaseUnknown,
            "{body}"
        );
    }
    let body = json!({"version": 1, "base_version": 2, "base_at": made_at});
    brought(&log, 2, restore_of(&log, &body, None, 11).unwrap());
    for wrong in [
        json!({"version": 1, "base_version": "2"}),
        json!({"version": 1, "base_at": 3}),
    ] {
        assert_eq!(refused(&log, || restore_of(&log, &wrong, None, 11)), Code::Malformed);
        assert_eq!(
            refused(&log, || keep_mine_with(&log, 3, 0, &wrong, 11)),
            Code::Malformed
        );
    }
}

#[test]
fn an_answer_is_about_as_small_as_the_document_however_much_was_written_since_the_base() {
    let log = portfolio();
    for n in 0..12 {
        let edit = set("note", format!("{n}{}", "x".repeat(5_000)), 5);
        sync(&log, &body("phone", &format!("s{n}"), 1 + n, &[edit], 5), 5);
    }
    for (version, most) in [(2, 6_000), (1, 1_000)] {
        let body = json!({"version": version, "base_version": 1});
        let answered = restore_of(&log, &body, None, 12).unwrap();
        assert!(wire(&answered.answer).to_string().len() < most, "version {version}");
        brought(&log, 1, answered);
    }
}

#[test]
fn a_request_fails_before_it_writes_if_its_answer_cannot_be_read() {
    let log = portfolio();
    let edit = set("note", "x".repeat(5_000), 5);
    sync(&log, &body("phone", "s1", 1, &[edit], 5), 5);
    sync(&log, &body("phone", "s2", 2, &[set("small", 1, 6)], 6), 6);
    *log.failing.lock().unwrap() = Some(("patch", || {
        coinolio_core::store::StoreError::Unavailable("throttled".into())
    }));
    let code = refused(&log, || {
        restore_of(&log, &json!({"version": 2, "base_version": 1}), None, 12)
    });
    assert_eq!(code, Code::Unavailable);
    assert!(block_on(log.log.entry(key())).unwrap().is_some());
}
