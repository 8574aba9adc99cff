//! Restoring an earlier version.

use crate::fixture::{
    Event, Watched, body, delete, device, everything, key, minute, portfolio, send, server_at, set, sync, value,
};
use crate::undoing::{
    appends, conflict, delete_portfolio, head_kind, pulled, refused, restore, restore_as, sync_document,
};
use coinolio_core::error::Code;
use coinolio_core::log::{Kind, json_size};
use coinolio_core::store::{ChangeLog, MemoryStore};
use coinolio_core::sync::{Report, portfolios};
use pollster::block_on;
use serde_json::json;

/// Returns a log of three versions: version 2 edits an amount, version 3 deletes an asset.
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
fn a_restore_makes_a_new_version_and_leaves_the_earlier_ones_in_the_log() {
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
    let expected = Report {
        outcome: None,
        patch_bytes: after[3].patch_bytes,
        document_bytes: Some(json_size(&server_at(&log.log, 4))),
        ..Report::default()
    };
    assert_eq!(answered.report, expected);
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
    // Another restore can undo the first.
    assert_eq!(restore(&log, 3, 7).unwrap().version, 5);
    assert_eq!(server_at(&log.log, 5), server_at(&log.log, 3));
    assert_eq!(restore(&log, 1, 8).unwrap().version, 6);
}

#[test]
fn devices_of_both_protocols_get_a_restored_version_with_their_next_sync() {
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
fn an_offline_edit_conflicts_with_a_later_restore_as_with_any_other_change() {
    let log = edited();
    restore(&log, 1, 5).unwrap();
    let offline = body("laptop", "l1", 3, &[set("assets.btc.amount", "9", 4)], 6);
    let answered = sync(&log, &offline, 6).answer;
    assert_eq!(
        answered.conflicts.len(),
        1,
        "the later restore wins, and the answer reports the conflict"
    );
    let conflict = &answered.conflicts[0].conflict;
    assert_eq!(conflict.client.value, Some(value(&json!("9"))));
    assert_eq!(conflict.server.value, Some(value(&json!("1.0"))));
}

#[test]
fn an_unknown_version_is_not_found_and_the_head_cannot_be_restored() {
    let log = edited();
    for version in [0, 4, 5, 1 << 50] {
        assert_eq!(refused(&log, || restore(&log, version, 5)), Code::NotFound, "{version}");
    }
    assert_eq!(refused(&log, || restore(&log, 3, 5)), Code::Invalid);
    let empty = Watched::default();
    assert_eq!(refused(&empty, || restore(&empty, 1, 5)), Code::NotFound);
    assert!(block_on(empty.log.newest(key(), 1)).unwrap().is_empty());
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
fn restoring_any_version_but_the_deletion_brings_back_a_deleted_portfolio() {
    for version in 1..=3 {
        let log = edited();
        delete_portfolio(&log, 4);
        assert_eq!(refused(&log, || restore(&log, 4, 5)), Code::Invalid);
        assert_eq!(
            restore(&log, version, 6).unwrap().version,
            5,
            "an empty patch makes a version too"
        );
        assert_eq!(head_kind(&log), Kind::Restored);
        assert_eq!(server_at(&log.log, 5), server_at(&log.log, version));
        let listed = block_on(portfolios::list_v2(&log, &key().user)).unwrap();
        assert_eq!(listed.portfolios.len(), 1);
        assert_eq!(
            refused(&log, || restore(&log, 4, 7)),
            Code::Invalid,
            "a deletion has no document"
        );
        assert_eq!(restore(&log, version, 8).unwrap().version, 5, "it is restored already");
    }
}

#[test]
fn devices_that_were_offline_during_a_deletion_and_a_restore_agree_again() {
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
    // The laptop is at version 2 and the old phone at 3, each with an edit; the pad is at 3 without one.
    sync(&log, &asleep[0], 7);
    let (version, document) = sync_document(&log, "old", 3, &phones, 8).unwrap();
    let head = server_at(&log.log, version);
    assert_eq!(value(&document), head);
    assert_eq!(pulled(&log, "pad", 3, 9), head);
    assert_eq!(pulled(&log, "laptop", 2, 9), head);
    let expected = json!({"assets": {"btc": {"amount": "1.0", "note": "cold"}, "eth": {"amount": "10"}}, "laptop": 1, "old": true});
    assert_eq!(head, value(&expected), "the restored document with both edits");
    // A device whose base is the deletion itself gets the same document.
    assert_eq!(pulled(&log, "watch", 4, 9), head);
}

#[test]
fn an_unanswered_sync_repeated_after_deletion_and_restore_has_one_effect() {
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
fn a_beaten_restore_is_tried_again_on_top_of_the_faster_change() {
    let log = edited();
    log.expect(Event::Before(Box::new(|log: &MemoryStore| {
        sync_on(log, "laptop", 3);
    })));
    let answered = restore_as(&log, 1, None, None, 5).unwrap();
    assert_eq!(answered.answer.version, 5);
    assert_eq!(appends(&log), 2, "one of them beaten");
    assert_eq!(server_at(&log.log, 5), server_at(&log.log, 1));

    for _ in 0..4 {
        log.expect(Event::Before(Box::new(|log: &MemoryStore| {
            let head = block_on(log.newest(key(), 1)).unwrap()[0].version;
            sync_on(log, &format!("laptop-{head}"), head);
        })));
    }
    let error = restore(&log, 3, 6).expect_err("the restore should be beaten every time");
    assert_eq!(error.code, Code::Busy);
}

fn sync_on(log: &MemoryStore, sync_id: &str, base: u64) {
    send(log, &body("laptop", sync_id, base, &[set("raced", base, 3)], 3), 3).unwrap();
}

#[test]
fn a_restore_recognises_its_own_unanswered_attempt() {
    let log = edited();
    log.expect(Event::SentTwice);
    let answered = restore_as(&log, 1, None, None, 5).unwrap();
    assert_eq!((answered.answer.version, appends(&log)), (4, 1));
    assert_eq!(everything(&log.log).len(), 4);
    // If even the retry gets no answer, the client's repetition finds the restore done.
    log.expect(Event::Unanswered);
    assert_eq!(restore(&log, 3, 6).expect_err("no answer").code, Code::Unavailable);
    assert_eq!(restore(&log, 3, 7).unwrap().version, 5);
    assert_eq!(everything(&log.log).len(), 5);
}

#[test]
fn a_version_that_a_v1_client_skipped_cannot_be_restored() {
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
fn restoring_a_version_with_a_conflict_brings_back_its_document() {
    let log = conflict();
    sync(&log, &body("phone", "s9", 3, &[delete("assets", 11)], 11), 11);
    assert_eq!(restore(&log, 3, 12).unwrap().version, 5);
    assert_eq!(server_at(&log.log, 5), server_at(&log.log, 3));
}
