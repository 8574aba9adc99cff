//! The sync-status of both protocols.

use crate::fixture::{Watched, body, device, main_in, minute_text, portfolio, set, sync, wire};
use coinolio_core::error::Code;
use coinolio_core::log::Version;
use coinolio_core::sync::{SyncStatus, SyncStatusQuery};
use pollster::block_on;
use serde_json::json;

fn status(log: &Watched, name: &str, version: Version, local_changes: Option<bool>) -> SyncStatus {
    let query = SyncStatusQuery {
        version,
        made_at: None,
        device_id: device(name),
        local_changes,
    };
    block_on(main_in(log).sync_status(&query)).unwrap()
}

fn flags(status: SyncStatus) -> (bool, bool) {
    (status.needs_sync, status.has_conflicts)
}

/// Returns a log of four versions: the phone made 1, 2 and 3, the tablet 4.
fn four_versions() -> Watched {
    let log = portfolio();
    for (version, name) in [(1, "phone"), (2, "phone"), (3, "tablet")] {
        sync(
            &log,
            &body(name, &format!("s{version}"), version, &[set("a", version, 5)], 5),
            5,
        );
    }
    log.requests();
    log
}

#[test]
fn the_answer_names_the_head() {
    let log = portfolio();
    assert_eq!(
        wire(&status(&log, "phone", 1, None)),
        json!({"needs_sync": false, "has_conflicts": false, "server_version": 1, "server_last_sync": minute_text(0)})
    );
}

#[test]
fn each_row_of_the_protocols_table_is_answered_with_one_read() {
    let log = four_versions();
    for (name, version, local_changes, expected) in [
        ("phone", 4, None, (false, false)),
        ("phone", 4, Some(false), (false, false)),
        ("phone", 4, Some(true), (true, false)),
        ("tablet", 3, None, (true, false)),
        ("tablet", 3, Some(true), (true, false)),
        ("phone", 3, None, (true, true)),
        ("phone", 3, Some(true), (true, true)),
        ("phone", 3, Some(false), (true, false)),
        ("phone", 1, None, (true, true)),
        ("tablet", 2, None, (true, true)),
        ("watch", 0, None, (true, true)),
        ("phone", 5, None, (true, false)),
        ("phone", 5, Some(false), (true, false)),
        ("phone", 9_999, Some(true), (true, false)),
    ] {
        let answer = status(&log, name, version, local_changes);
        assert_eq!(
            flags(answer),
            expected,
            "{name} at {version}, local changes {local_changes:?}"
        );
        assert_eq!(answer.server_version, 4);
        assert_eq!(log.requests(), ["newest"]);
    }
}

#[test]
fn a_status_reads_the_older_changes_too_if_the_newest_ones_are_the_devices_own() {
    let log = portfolio();
    sync(&log, &body("tablet", "t1", 1, &[set("a", 1, 5)], 5), 5);
    for version in 2..9 {
        sync(
            &log,
            &body("phone", &format!("s{version}"), version, &[set("a", version, 5)], 5),
            5,
        );
    }
    log.requests();
    assert_eq!(flags(status(&log, "phone", 2, None)), (true, false));
    assert_eq!(log.requests(), ["newest", "since"]);
    assert_eq!(flags(status(&log, "phone", 1, None)), (true, true));
    assert_eq!(log.requests(), ["newest", "since"]);
    assert_eq!(flags(status(&log, "phone", 5, None)), (true, false));
    assert_eq!(log.requests(), ["newest"]);
}

#[test]
fn a_portfolio_that_does_not_exist_has_no_status() {
    let log = Watched::default();
    let query = SyncStatusQuery {
        version: 0,
        made_at: None,
        device_id: device("phone"),
        local_changes: None,
    };
    let error = block_on(main_in(&log).sync_status(&query)).unwrap_err();
    assert_eq!(error.code, Code::NotFound);
}
