//! Bringing an earlier version back.

use crate::fixture::{
    Event, Watched, body, delete, device, everything, minute, portfolio, send, server_at, set, sync, value,
};
use crate::undoing::{conflict, delete_portfolio, head_kind, pulled, refused, restore, restore_as, sync_document};
use coinolio_core::error::Code;
use coinolio_core::log::{ChangeLog, Kind, MemoryLog};
use coinolio_core::sync::portfolios;
use pollster::block_on;
use serde_json::json;

/// Version 1, an amount edited at 2, an asset deleted at 3.
fn edited() -> Watched {
    let log = portfolio();
    sync(
        &log,
        &body("phone", "s1", 1, &[set("assets.btc.amount", "2.0", 1)], 1),
        1,
    );
    sync(&log, &body("tablet", "s2", 2, &[delete("assets.eth", 2)], 2), 2);
    log.requests();
    log
}

#[test]
fn a_version_comes_back_as_a_new_one_and_the_log_keeps_what_was() {
    let log = edited();
    let before = everything(&log.log);
    let answered = restore_as(&log, 1, Some("phone"), None, 5).unwrap();
    assert_eq!(log.requests(), ["entry", "since", "append"]);
    assert_eq!((answered.answer.version, answered.answer.name.as_str()), (4, "main"));
    assert_eq!(answered.answer.last_sync_at, minute(5));
    assert_eq!(answered.answer.last_sync_device, Some(device("phone")));
    assert_eq!(server_at(&log.log, 4), server_at(&log.log, 1));
    let after = everything(&log.log);
    assert_eq!(after[..3], before[..]);
    assert_eq!((after[3].kind, after[3].parent), (Kind::Restored, 3));
    let patch = after[3].patch.as_ref().unwrap();
    assert_eq!(patch.edits.len(), 2, "the change is as large as the difference");
    assert!(patch.edits.iter().all(|edit| edit.at == minute(5)));
}

#[test]
fn a_repeated_restore_makes_no_second_version() {
    let log = edited();
    let first = restore(&log, 1, 5).unwrap();
    let head = everything(&log.log);
    assert_eq!(restore(&log, 1, 6).unwrap(), first);
    assert_eq!(everything(&log.log), head);
    // A restore can be undone by another one.
    assert_eq!(restore(&log, 3, 7).unwrap().version, 5);
    assert_eq!(server_at(&log.log, 5), server_at(&log.log, 3));
    assert_eq!(restore(&log, 1, 8).unwrap().version, 6);
}

#[test]
fn devices_of_both_protocols_get_a_restored_version_by_their_next_sync() {
    let log = edited();
    let assets = json!({"btc": {"amount": "2.0", "note": "cold"}});
    restore(&log, 1, 5).unwrap();
    for base in 1..=4 {
        assert_eq!(pulled(&log, "laptop", base, 6), server_at(&log.log, 4), "base {base}");
    }
    let (version, document) = sync_document(&log, "old", 3, &json!({"assets": assets}), 7).unwrap();
    assert_eq!((version, value(&document)), (4, server_at(&log.log, 4)));
}

#[test]
fn an_edit_from_before_a_restore_meets_it_like_any_other_edit() {
    let log = edited();
    restore(&log, 1, 5).unwrap();
    let offline = body("laptop", "l1", 3, &[set("assets.btc.amount", "9", 4)], 6);
    let answered = sync(&log, &offline, 6).answer;
    assert_eq!(
        answered.conflicts.len(),
        1,
        "the later restore wins, and the edit is told of"
    );
    let conflict = &answered.conflicts[0].conflict;
    assert_eq!(conflict.client.value, Some(value(&json!("9"))));
    assert_eq!(conflict.server.value, Some(value(&json!("1.0"))));
}

#[test]
fn a_version_that_never_was_is_not_found_and_the_head_is_nothing_to_restore() {
    let log = edited();
    for version in [0, 4, 5, 1 << 50] {
        assert_eq!(refused(&log, || restore(&log, version, 5)), Code::NotFound, "{version}");
    }
    assert_eq!(refused(&log, || restore(&log, 3, 5)), Code::Invalid);
    let empty = Watched::default();
    assert_eq!(refused(&empty, || restore(&empty, 1, 5)), Code::NotFound);
    assert!(
        block_on(empty.log.newest(&crate::fixture::key(), 1))
            .unwrap()
            .is_empty()
    );
}

#[test]
fn a_restore_that_expects_another_head_is_refused() {
    let log = edited();
    let at = |expected: &[u64]| restore_as(&log, 1, None, Some(expected), 5);
    assert_eq!(refused(&log, || at(&[2])), Code::PreconditionFailed);
    assert_eq!(refused(&log, || at(&[])), Code::PreconditionFailed);
    assert_eq!(at(&[9, 3]).unwrap().answer.version, 4);
}

#[test]
fn a_deleted_portfolio_is_there_again_with_any_version_but_its_deletion() {
    for version in 1..=3 {
        let log = edited();
        delete_portfolio(&log, 4);
        assert_eq!(refused(&log, || restore(&log, 4, 5)), Code::Invalid);
        assert_eq!(
            restore(&log, version, 6).unwrap().version,
            5,
            "an empty patch counts too"
        );
        assert_eq!(head_kind(&log), Kind::Restored);
        assert_eq!(server_at(&log.log, 5), server_at(&log.log, version));
        let listed = block_on(portfolios::list_v2(&log, &crate::fixture::key().user)).unwrap();
        assert_eq!(listed.portfolios.len(), 1);
        assert_eq!(
            refused(&log, || restore(&log, 4, 7)),
            Code::Invalid,
            "the deletion is no document"
        );
        assert_eq!(restore(&log, version, 8).unwrap().version, 5, "it is there already");
    }
}

#[test]
fn devices_that_slept_through_deletion_and_restore_agree_again() {
    let log = edited();
    delete_portfolio(&log, 4);
    let asleep = [
        body("laptop", "l1", 2, &[set("laptop", 1, 3)], 5),
        body("pad", "p1", 3, &[], 5),
    ];
    for request in &asleep {
        assert_eq!(refused(&log, || send(&log, request, 5)), Code::Deleted);
    }
    let phones = json!({"assets": {"btc": {"amount": "2.0", "note": "cold"}}, "old": true});
    assert_eq!(
        refused(&log, || sync_document(&log, "old", 3, &phones, 5)),
        Code::Deleted
    );

    restore(&log, 1, 6).unwrap();
    // The laptop slept since 2 and has an edit, the old phone since 3 and has one, the pad since 3 and has none.
    sync(&log, &asleep[0], 7);
    let (version, document) = sync_document(&log, "old", 3, &phones, 8).unwrap();
    let head = server_at(&log.log, version);
    assert_eq!(value(&document), head);
    assert_eq!(pulled(&log, "pad", 3, 9), head);
    assert_eq!(pulled(&log, "laptop", 2, 9), head);
    let expected = json!({"assets": {"btc": {"amount": "1.0", "note": "cold"}, "eth": {"amount": "10"}}, "laptop": 1, "old": true});
    assert_eq!(head, value(&expected), "all that was restored, and both edits");
    // Whoever slept through the deletion alone is no different.
    assert_eq!(pulled(&log, "watch", 4, 9), head);
}

#[test]
fn a_sync_unanswered_before_a_deletion_has_one_effect_after_the_restore() {
    let log = edited();
    let unanswered = body("phone", "s3", 3, &[set("n", 1, 3)], 3);
    sync(&log, &unanswered, 3);
    delete_portfolio(&log, 4);
    restore(&log, 4 - 1, 5).unwrap();
    let before = everything(&log.log);
    let repeated = sync(&log, &unanswered, 6);
    assert!(repeated.report.repeated);
    assert_eq!(everything(&log.log), before);
}

#[test]
fn a_restore_that_lost_a_race_is_made_again_on_what_won() {
    let log = edited();
    log.expect(Event::Before(Box::new(|log: &MemoryLog| {
        sync_on(log, "laptop", 3);
    })));
    let answered = restore_as(&log, 1, None, None, 5).unwrap();
    assert_eq!((answered.answer.version, answered.report.optimistic_retries), (5, 1));
    assert_eq!(server_at(&log.log, 5), server_at(&log.log, 1));

    for _ in 0..4 {
        log.expect(Event::Before(Box::new(|log: &MemoryLog| {
            let head = block_on(log.newest(&crate::fixture::key(), 1)).unwrap()[0].version;
            sync_on(log, &format!("laptop-{head}"), head);
        })));
    }
    let error = restore(&log, 3, 6).expect_err("every race is lost");
    assert_eq!(error.code, Code::Busy);
}

fn sync_on(log: &MemoryLog, sync_id: &str, base: u64) {
    send(log, &body("laptop", sync_id, base, &[set("raced", base, 3)], 3), 3).unwrap();
}

#[test]
fn a_restore_whose_answer_the_store_lost_is_its_own_success() {
    let log = edited();
    log.expect(Event::SentTwice);
    let answered = restore_as(&log, 1, None, None, 5).unwrap();
    assert_eq!((answered.answer.version, answered.report.optimistic_retries), (4, 0));
    assert_eq!(everything(&log.log).len(), 4);
    // Where even the retry is not answered, the client's own repetition finds it done.
    log.expect(Event::AnswerLost);
    assert_eq!(restore(&log, 3, 6).expect_err("no answer").code, Code::Unavailable);
    assert_eq!(restore(&log, 3, 7).unwrap().version, 5);
    assert_eq!(everything(&log.log).len(), 5);
}

#[test]
fn what_a_v1_client_jumped_over_is_no_version_to_restore() {
    let log = edited();
    let ahead = json!({"assets": {}, "ahead": 1});
    let (version, _) = sync_document(&log, "old", 20, &ahead, 4).unwrap();
    assert_eq!(version, 21);
    assert_eq!(refused(&log, || restore(&log, 10, 5)), Code::NotFound);
    assert_eq!(restore(&log, 1, 5).unwrap().version, 22);
    assert_eq!(server_at(&log.log, 22), server_at(&log.log, 1));
    assert_eq!(restore(&log, 21, 6).unwrap().version, 23);
}

#[test]
fn restoring_a_version_with_a_conflict_brings_its_document_back() {
    let log = conflict();
    sync(&log, &body("phone", "s9", 3, &[delete("assets", 11)], 11), 11);
    assert_eq!(restore(&log, 3, 12).unwrap().version, 5);
    assert_eq!(server_at(&log.log, 5), server_at(&log.log, 3));
}
