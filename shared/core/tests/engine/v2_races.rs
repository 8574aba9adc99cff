//! v2: other devices write between a sync's read and its append.

use crate::fixture::{
    Attempts, Event, Watched, append, body, device, everything, key, main_in, minute, on_head, portfolio, rebased,
    send, server_at, set, sync, value,
};
use coinolio_core::error::Code;
use coinolio_core::log::{Draft, Kind, SnapshotDraft, Version};
use coinolio_core::store::{ChangeLog, Directory, MemoryStore, Snapshots};
use coinolio_core::wire::Outcome;
use coinolio_core::wire::v2::{Delta, SyncRequest};
use pollster::block_on;
use serde_json::json;
use std::ops::RangeInclusive;

/// An event in which another device syncs just before the append.
fn competitor(request: serde_json::Value) -> Event {
    Event::Before(Box::new(move |log: &MemoryStore| {
        send(log, &request, 10).unwrap();
    }))
}

#[test]
fn a_beaten_sync_merges_with_the_new_changes() {
    let log = portfolio();
    log.expect(competitor(body("tablet", "t1", 1, &[set("b", 1, 5)], 5)));
    let request = body("phone", "s1", 1, &[set("a", 1, 5)], 6);
    let answered = sync(&log, &request, 11);
    assert_eq!((answered.answer.version, answered.answer.outcome), (3, Outcome::Merged));
    assert_eq!(log.requests(), ["since", "append", "since", "append"]);
    let document = rebased(&log.log, &request, &answered.answer);
    assert_eq!(
        document.as_object().map(|members| members.len()),
        Some(3),
        "a, b and assets"
    );
}

#[test]
fn a_beaten_merge_reads_only_the_new_changes() {
    let log = portfolio();
    for version in 1..=4 {
        let edit = set(&format!("p{version}"), version, 5);
        sync(&log, &body("phone", &format!("p{version}"), version, &[edit], 5), 5);
    }
    log.requests();
    log.expect(competitor(body("tablet", "t1", 5, &[set("a", 2, 8)], 8)));
    log.expect(competitor(body("watch", "w1", 6, &[set("a", 3, 9)], 9)));
    let request = body("desk", "d1", 3, &[set("a", 1, 7)], 11);
    let answered = sync(&log, &request, 11);
    assert_eq!(
        log.requests(),
        [
            "since",
            "snapshot_before",
            "between",
            "append",
            "since",
            "ranks",
            "append",
            "since",
            "append"
        ]
    );
    assert_eq!(answered.answer.version, 8);
    assert_eq!(answered.answer.conflicts.len(), 1, "one path, one conflict");
    let server = &answered.answer.conflicts[0].conflict.server;
    assert_eq!(
        server.device_id,
        Some(device("watch")),
        "the last of the devices that wrote the value"
    );
}

#[test]
fn a_sync_beaten_at_every_attempt_is_answered_with_busy() {
    let log = portfolio();
    for version in 1..=2 {
        let id = format!("t{version}");
        log.expect(competitor(body("tablet", &id, version, &[set("b", version, 5)], 5)));
    }
    let request = SyncRequest::from_json(&value(&body("phone", "s1", 1, &[set("a", 1, 5)], 6))).unwrap();
    let error = block_on(main_in(&log).sync_v2(&mut Attempts(1), &request, minute(6))).unwrap_err();
    assert_eq!(error.code, Code::Busy);
    let devices: Vec<_> = everything(&log.log)
        .into_iter()
        .map(|change| change.device_id)
        .collect();
    assert_eq!(devices[1..], [Some(device("tablet")), Some(device("tablet"))]);
    assert!(
        sync(&log, &body("phone", "s1", 1, &[set("a", 1, 5)], 6), 12)
            .answer
            .version
            == 4
    );
}

#[test]
fn two_devices_that_create_the_same_portfolio_merge() {
    let log = Watched::default();
    log.expect(competitor(body("tablet", "t1", 0, &[set("b", 1, 5)], 5)));
    let answered = sync(&log, &body("phone", "s1", 0, &[set("a", 1, 5)], 6), 6);
    assert_eq!((answered.answer.version, answered.answer.outcome), (2, Outcome::Merged));
    assert_eq!(server_at(&log.log, 2), value(&json!({"a": 1, "b": 1})));
}

#[test]
fn a_sync_sent_twice_at_once_has_one_effect() {
    let log = portfolio();
    let request = body("phone", "s1", 1, &[set("a", 1, 5)], 6);
    log.expect(competitor(request.clone()));
    let answered = sync(&log, &request, 6);
    assert!(answered.report.repeated);
    assert_eq!(everything(&log.log).len(), 2);
}

#[test]
fn a_sync_beaten_by_a_deletion_is_answered_with_deleted() {
    let log = portfolio();
    log.expect(Event::Before(Box::new(|log: &MemoryStore| {
        let deletion = Draft {
            kind: Kind::Deleted,
            ..on_head(log)
        };
        append(log, &deletion);
    })));
    let error = send(&log, &body("phone", "s1", 1, &[set("a", 1, 5)], 6), 6).unwrap_err();
    assert_eq!(error.code, Code::Deleted);
    assert_eq!(everything(&log.log).len(), 2);
}

/// Returns a portfolio whose version 4 was made by a v1 client that was ahead. Versions 2 and 3 do not exist, so a read
/// of the changes on top of version 3 or later finds nothing. While a sync then looks for the head, the tablet writes
/// on top of each version of `meanwhile`.
fn jumped(meanwhile: RangeInclusive<Version>) -> Watched {
    let log = portfolio();
    let jump = Draft {
        version: 4,
        last_sync_at: minute(1),
        ..on_head(&log.log)
    };
    append(&log.log, &jump);
    *log.meanwhile.lock().unwrap() = Some((
        "newest",
        Box::new(|log: &MemoryStore| {
            for version in meanwhile {
                let edit = set(&format!("p{version}"), version, 5);
                send(log, &body("tablet", &format!("t{version}"), version, &[edit], 5), 5).unwrap();
            }
        }),
    ));
    log
}

#[test]
fn a_sync_on_a_version_made_by_a_jump_merges_with_changes_written_meanwhile() {
    let log = jumped(4..=6);
    let answered = sync(&log, &body("phone", "s1", 4, &[set("a", 1, 5)], 6), 11);
    assert_eq!((answered.answer.version, answered.answer.outcome), (8, Outcome::Merged));
    assert_eq!(log.requests()[..3], ["since", "newest", "since"]);

    // A single change on top of the device's version proves that this version exists.
    let log = jumped(4..=4);
    let answered = sync(&log, &body("phone", "s1", 4, &[set("a", 1, 5)], 6), 11);
    assert_eq!((answered.answer.version, answered.answer.outcome), (6, Outcome::Merged));
    assert_eq!(log.requests()[..3], ["since", "newest", "snapshot_before"]);
}

#[test]
fn one_request_tells_that_there_is_no_portfolio_if_the_base_is_version_1() {
    let log = Watched::default();
    let error = send(&log, &body("phone", "s1", 1, &[set("a", 1, 5)], 6), 6).unwrap_err();
    assert_eq!(error.code, Code::NotFound);
    assert_eq!(log.requests(), ["since"]);
}

#[test]
fn a_first_pull_while_the_oldest_changes_are_removed_is_answered_with_the_document() {
    let log = portfolio();
    // So large that it is stored apart from its change, and read after it.
    let large = "x".repeat(4_000);
    sync(&log, &body("phone", "p1", 1, &[set("note", large, 5)], 5), 5);
    sync(&log, &body("phone", "p2", 2, &[set("a", 1, 5)], 5), 5);
    let changes = everything(&log.log);
    let head = server_at(&log.log, 3);
    let snapshot = SnapshotDraft::of(&changes[1], server_at(&log.log, 2));
    block_on(log.log.write_snapshot(key(), &snapshot)).unwrap();
    *log.meanwhile.lock().unwrap() = Some((
        "patch",
        Box::new(move |log: &MemoryStore| {
            block_on(log.retain_from(key(), 2)).unwrap();
            for change in &changes[..2] {
                block_on(log.remove(key(), change)).unwrap();
            }
        }),
    ));
    let pulled = sync(&log, &body("tablet", "t1", 0, &[], 6), 6);
    assert_eq!(pulled.answer.version, 3);
    assert_eq!(pulled.answer.delta, Delta::Document(head));
}
