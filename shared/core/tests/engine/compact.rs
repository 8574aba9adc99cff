//! The requests that compaction, and syncs after it, make to the log.

use crate::fixture::{Watched, body, delete, everything, main_in, minute, portfolio, server_at, set, sync};
use coinolio_core::log::json_size;
use coinolio_core::store::StoreError;
use coinolio_core::sync::{Compacted, MAX_DOCUMENT_BYTES, Retention};
use coinolio_core::wire::v2::Delta;
use pollster::block_on;
use std::ops::Range;
use std::time::Duration;

/// A retention so long that no change is removed.
const EVERYTHING: Retention = Retention {
    age: Duration::MAX,
    versions: 1_000,
};

fn run(log: &Watched, retention: &Retention) -> Compacted {
    block_on(main_in(log).compact(retention, minute(600))).unwrap()
}

/// Makes one small edit on top of each version of `bases`.
fn edit(log: &Watched, bases: Range<u64>) {
    for base in bases {
        let id = format!("p{base}");
        sync(log, &body("phone", &id, base, &[set("n", base, 5)], 5), 5);
    }
    log.requests();
}

#[test]
fn a_run_with_nothing_to_do_costs_two_requests() {
    let log = portfolio();
    edit(&log, 1..4);
    assert_eq!(run(&log, &EVERYTHING), Compacted::default());
    assert_eq!(log.requests(), ["entry", "newest"]);
}

#[test]
fn a_run_that_writes_a_snapshot_looks_once_for_removable_changes_and_marks_last() {
    let log = portfolio();
    edit(&log, 1..20);
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
fn a_removal_costs_one_request_for_each_change_and_a_few_to_find_them() {
    let log = portfolio();
    edit(&log, 1..20);
    run(&log, &EVERYTHING);
    edit(&log, 20..60);
    let least = Retention {
        age: Duration::ZERO,
        versions: 1,
    };
    let done = run(&log, &least);
    assert_eq!(
        (done.snapshot, done.removed),
        (Some(60), 20),
        "up to the previous snapshot"
    );
    let requests = log.requests();
    let count = |name| requests.iter().filter(|request| **request == name).count();
    assert_eq!(count("remove"), 20);
    assert_eq!(count("remove_snapshots_before"), 1);
    assert!(
        count("oldest_since") <= 7,
        "a binary search over 60 versions: {requests:?}"
    );
    let first = |name| requests.iter().position(|request| *request == name);
    assert!(first("retain_from") < first("remove") && count("retain_from") == 1);
    assert_eq!(everything(&log.log)[0].parent, 20);
    assert_eq!(requests.last(), Some(&"mark_snapshot"));
}

/// Makes versions 2 to `last` with one small edit each, version v at minute v. Compacts after each version of `runs`.
fn edited_by_the_minute(log: &Watched, last: u32, runs: &[u32]) {
    for version in 2..=last {
        let id = format!("p{version}");
        let request = body(
            "phone",
            &id,
            u64::from(version) - 1,
            &[set("n", version, version)],
            version,
        );
        sync(log, &request, version);
        if runs.contains(&version) {
            assert_eq!(run(log, &EVERYTHING).snapshot, Some(u64::from(version)));
        }
    }
    log.requests();
}

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

#[test]
fn a_change_exactly_as_old_as_the_retention_stays_with_all_newer_ones() {
    // The run is at minute 600. If changes stay for 570 minutes, that of minute 30 stays; 29 is the last that may go.
    for (age, retained_from) in [(570, 15), (569, 30)] {
        let log = portfolio();
        edited_by_the_minute(&log, 60, &[15, 30, 45]);
        let retention = Retention {
            age: minutes(age),
            versions: 1,
        };
        assert_eq!(run(&log, &retention).removed, retained_from, "{age} minutes");
        assert_eq!(everything(&log.log)[0].parent, retained_from);
    }
}

#[test]
fn a_run_removes_nothing_if_no_newer_snapshot_allows_it() {
    let log = portfolio();
    edited_by_the_minute(&log, 60, &[20]);
    let versions = |versions| Retention {
        age: Duration::ZERO,
        versions,
    };
    assert_eq!(run(&log, &versions(30)).removed, 20);
    edit(&log, 60..90);
    // Versions up to 50 may go, but the only snapshot among them is the one at which the retained changes begin.
    assert_eq!(run(&log, &versions(40)).removed, 0);
    assert!(!log.requests().contains(&"retain_from"));
}

#[test]
fn a_run_removes_at_most_a_thousand_changes_if_a_snapshot_lies_among_them() {
    let log = portfolio();
    for bases in [1..500, 500..1_050] {
        edit(&log, bases);
        run(&log, &EVERYTHING);
    }
    edit(&log, 1_050..1_101);
    let least = Retention {
        age: Duration::ZERO,
        versions: 1,
    };
    assert_eq!(run(&log, &least).removed, 500);
    assert_eq!(everything(&log.log)[0].parent, 500);
}

#[test]
fn a_run_looks_only_once_for_a_snapshot_that_allows_a_removal() {
    let log = portfolio();
    edit(&log, 1..1_001);
    let least = Retention {
        age: Duration::ZERO,
        versions: 1,
    };
    // The thousandth change is the newest that may go.
    assert_eq!(run(&log, &least).removed, 0);
    let requests = log.requests();
    let looked = requests.iter().filter(|request| **request == "snapshot_before");
    assert_eq!(looked.count(), 2, "once for the document and once for the removal");
}

#[test]
fn a_failed_removal_is_due_again_unless_an_item_is_corrupt() {
    let unavailable: fn() -> StoreError = || StoreError::Unavailable("throttled".into());
    let corrupt: fn() -> StoreError = || StoreError::corrupt("a snapshot".to_owned(), "it is cut off".to_owned());
    for (error, is_marked) in [(unavailable, false), (corrupt, true)] {
        let log = portfolio();
        edit(&log, 1..20);
        *log.failing.lock().unwrap() = Some(("oldest_since", error));
        let failed = block_on(main_in(&log).compact(&EVERYTHING, minute(600))).unwrap_err();
        assert_eq!(failed.to_string(), error().to_string());
        assert_eq!(log.requests().contains(&"mark_snapshot"), is_marked);
    }
}

#[test]
fn a_merge_learns_of_the_snapshot_that_it_reads() {
    let log = portfolio();
    edit(&log, 1..20);
    run(&log, &EVERYTHING);
    sync(&log, &body("phone", "p20", 20, &[set("n", 0, 7)], 7), 7);
    assert_eq!(
        everything(&log.log)[20].extent.snapshot,
        0,
        "a sync that reads no snapshot learns of none"
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
fn a_bound_over_the_limit_is_tightened_from_the_directory_before_a_document_is_read() {
    let log = portfolio();
    let half = "x".repeat(usize::try_from(MAX_DOCUMENT_BYTES).unwrap() * 2 / 3);
    sync(&log, &body("phone", "a", 1, &[set("a", half.clone(), 1)], 1), 1);
    sync(&log, &body("phone", "b", 2, &[delete("a", 2)], 2), 2);
    run(&log, &EVERYTHING);
    log.requests();
    let replaced = sync(&log, &body("phone", "c", 3, &[set("b", half, 3)], 3), 3);
    assert_eq!(replaced.answer.version, 4);
    assert_eq!(log.requests(), ["since", "entry", "append"]);
    assert_eq!(
        everything(&log.log)[3].extent.snapshot,
        3,
        "the next writer knows of the snapshot"
    );
    sync(&log, &body("phone", "d", 4, &[set("c", 1, 4)], 4), 4);
    assert_eq!(log.requests(), ["since", "append"]);
}

#[test]
fn a_pull_asks_the_directory_only_if_the_operations_are_many() {
    let log = portfolio();
    let long = "x".repeat(3_000);
    for base in 1..=40 {
        let edits = [set(&format!("notes.n{base}"), long.clone(), 5)];
        sync(&log, &body("phone", &format!("p{base}"), base, &edits, 5), 5);
        run(&log, &EVERYTHING);
    }
    log.requests();
    let pulled = sync(&log, &body("tablet", "t1", 38, &[], 6), 6);
    assert!(matches!(pulled.answer.delta, Delta::Changes(_)));
    assert_eq!(log.requests(), ["since"], "9 KB of operations, 120 KB of document");
    let pulled = sync(&log, &body("tablet", "t2", 21, &[], 6), 6);
    assert!(
        matches!(pulled.answer.delta, Delta::Changes(_)),
        "60 KB of operations, 120 KB of document"
    );
    assert_eq!(log.requests(), ["since", "entry"]);
}
