//! What compaction and the requests after it ask of the log.

use crate::fixture::{Watched, body, delete, everything, key, minute, portfolio, server_at, set, sync};
use coinolio_core::log::json_size;
use coinolio_core::sync::{Compacted, MAX_DOCUMENT_BYTES, Retention, compact};
use coinolio_core::wire::v2::News;
use pollster::block_on;
use std::time::Duration;

/// Nothing is old enough to go.
const EVERYTHING: Retention = Retention {
    age: Duration::MAX,
    versions: 1_000,
};

fn run(log: &Watched, retention: &Retention) -> Compacted {
    block_on(compact(log, &key(), retention, minute(600))).unwrap()
}

/// Versions 2 to `last`, of one small edit each.
fn edited(log: &Watched, last: u64) {
    for base in 1..last {
        let id = format!("p{base}");
        sync(log, &body("phone", &id, base, &[set("n", base, 5)], 5), 5);
    }
    log.requests();
}

#[test]
fn a_run_with_nothing_to_do_is_two_requests() {
    let log = portfolio();
    edited(&log, 4);
    assert_eq!(run(&log, &EVERYTHING), Compacted::default());
    assert_eq!(log.requests(), ["entry", "newest"]);
}

#[test]
fn a_run_that_writes_asks_once_for_what_may_go_and_marks_last() {
    let log = portfolio();
    edited(&log, 20);
    assert_eq!(run(&log, &EVERYTHING).snapshot, Some(20));
    assert_eq!(
        log.requests(),
        [
            "entry",
            "newest",
            "snapshot_before",
            "between",
            "write_snapshot",
            "oldest_since",
            "mark_snapshot"
        ]
    );
}

#[test]
fn a_removal_is_one_request_for_each_change_and_few_to_find_them() {
    let log = portfolio();
    edited(&log, 20);
    run(&log, &EVERYTHING);
    for base in 20..60 {
        let id = format!("q{base}");
        sync(&log, &body("phone", &id, base, &[set("n", base, 5)], 5), 5);
    }
    log.requests();
    let least = Retention {
        age: Duration::ZERO,
        versions: 1,
    };
    let done = run(&log, &least);
    assert_eq!(
        (done.snapshot, done.removed),
        (Some(60), 20),
        "up to the snapshot before"
    );
    let requests = log.requests();
    let count = |name| requests.iter().filter(|request| **request == name).count();
    assert_eq!(count("remove"), 20);
    assert_eq!(count("remove_snapshots_before"), 1);
    assert!(count("oldest_since") <= 7, "halving 60 versions: {requests:?}");
    let first = |name| requests.iter().position(|request| *request == name);
    assert!(first("keep_from") < first("remove") && count("keep_from") == 1);
    assert_eq!(everything(&log.log)[0].parent, 20);
    assert_eq!(requests.last(), Some(&"mark_snapshot"));
}

#[test]
fn a_merge_learns_of_the_snapshot_that_it_reads() {
    let log = portfolio();
    edited(&log, 20);
    run(&log, &EVERYTHING);
    sync(&log, &body("phone", "p20", 20, &[set("n", 0, 7)], 7), 7);
    assert_eq!(
        everything(&log.log)[20].extent.snapshot,
        0,
        "who reads none learns of none"
    );
    log.requests();
    sync(&log, &body("laptop", "l1", 20, &[set("l", 1, 8)], 8), 8);
    assert_eq!(log.requests(), ["since", "snapshot_before", "append"]);
    let head = everything(&log.log).pop().unwrap().extent;
    assert_eq!(head.snapshot, 20);
    assert_eq!(head.snapshot_bytes, json_size(&server_at(&log.log, 20)));
    assert!(head.bound() >= json_size(&server_at(&log.log, 22)));
}

#[test]
fn a_bound_over_the_limit_is_tightened_by_the_directory_before_a_document_is_read() {
    let log = portfolio();
    let half = "x".repeat(usize::try_from(MAX_DOCUMENT_BYTES).unwrap() * 2 / 3);
    sync(&log, &body("phone", "a", 1, &[set("a", half.clone(), 1)], 1), 1);
    sync(&log, &body("phone", "b", 2, &[delete("a", 2)], 2), 2);
    run(&log, &EVERYTHING);
    log.requests();
    let replaced = sync(&log, &body("phone", "c", 3, &[set("b", half, 3)], 3), 3);
    assert_eq!(replaced.answer.version, 4);
    assert_eq!(log.requests(), ["since", "entry", "append"]);
    assert_eq!(everything(&log.log)[3].extent.snapshot, 3, "and the next writer knows");
    sync(&log, &body("phone", "d", 4, &[set("c", 1, 4)], 4), 4);
    assert_eq!(log.requests(), ["since", "append"]);
}

#[test]
fn a_pull_asks_the_directory_only_where_the_operations_are_many() {
    let log = portfolio();
    let long = "x".repeat(3_000);
    for base in 1..=40 {
        let edits = [set(&format!("notes.n{base}"), long.clone(), 5)];
        sync(&log, &body("phone", &format!("p{base}"), base, &edits, 5), 5);
        run(&log, &EVERYTHING);
    }
    log.requests();
    let pulled = sync(&log, &body("tablet", "t1", 38, &[], 6), 6);
    assert!(matches!(pulled.answer.news, News::Changes(_)));
    assert_eq!(log.requests(), ["since"], "6 KB of 120");
    let pulled = sync(&log, &body("tablet", "t2", 21, &[], 6), 6);
    assert!(matches!(pulled.answer.news, News::Changes(_)), "60 KB of 120");
    assert_eq!(log.requests(), ["since", "entry"]);
}
