//! Documents replayed from the log.

use crate::fixture::{
    Watched, append, body, device, everything, key, main_in, minute, portfolio, server_at, set, sync, value,
};
use coinolio_core::algebra::Path;
use coinolio_core::error::{Code, Error};
use coinolio_core::log::{Change, Draft, Extent, SnapshotDraft, SnapshotMark, Version, json_size};
use coinolio_core::portfolio::{Replay, Window};
use coinolio_core::store::{ChangeLog, Directory, Snapshots, StoreError};
use pollster::block_on;
use serde_json::json;
use std::sync::Arc;

/// Returns a portfolio up to version `last`, in which each change sets `a` to the version before it.
fn edited(last: Version) -> Watched {
    let log = portfolio();
    for version in 1..last {
        let edits = [set("a", version, 5)];
        sync(&log, &body("phone", &format!("s{version}"), version, &edits, 5), 5);
    }
    log
}

/// Returns a portfolio of eight versions of `a`, with a snapshot of the fourth if `has_snapshot`.
fn with_snapshot(has_snapshot: bool) -> Watched {
    let plain = portfolio();
    for version in 1..8 {
        let name = if version == 6 { "tablet" } else { "phone" };
        let edits = [set("a", version, 5), set(&format!("v{version}"), version, 5)];
        sync(&plain, &body(name, &format!("s{version}"), version, &edits, 5), 5);
    }
    let log = Watched::default();
    if has_snapshot {
        let snapshot = SnapshotDraft::of(&everything(&plain.log)[3], server_at(&plain.log, 4));
        block_on(log.log.write_snapshot(key(), &snapshot)).unwrap();
    }
    copy(&plain, 1, &log);
    log
}

/// Appends the changes that `from` has from version `first` on to `to`.
fn copy(from: &Watched, first: Version, to: &Watched) {
    let changes = everything(&from.log);
    let mut parent = None;
    for change in &changes {
        if change.version >= first {
            let extent = parent.map_or(Extent::EMPTY, |parent: &Change| parent.extent);
            let patch = change.patch.clone().unwrap();
            let draft = Draft {
                device_id: change.device_id.clone(),
                sync_id: change.sync_id.clone(),
                fingerprint: change.fingerprint,
                ..Draft::on(parent, extent, change.kind, patch, change.last_sync_at)
            };
            append(&to.log, &draft);
        }
        parent = Some(change);
    }
}

fn read(log: &Watched, version: Version) -> Result<coinolio_core::json::Value, Error> {
    block_on(async {
        let mut window = Window::read_since(main_in(log), version).await?;
        Ok((*window.document_at(version).await?).clone())
    })
}

#[test]
fn a_document_is_made_from_its_newest_snapshot_and_the_changes_after_it() {
    let log = with_snapshot(true);
    let whole = with_snapshot(false);
    for version in 1..=8 {
        assert_eq!(read(&log, version), read(&whole, version), "version {version}");
    }
    log.requests();
    read(&log, 8).unwrap();
    assert_eq!(log.requests(), ["since", "snapshot_before", "between"]);
    read(&log, 5).unwrap();
    assert_eq!(log.requests(), ["since", "snapshot_before"], "the window has the rest");
    read(&log, 4).unwrap();
    assert_eq!(
        log.requests(),
        ["since", "snapshot_before"],
        "the snapshot is of this very version"
    );
    read(&log, 3).unwrap();
    let newer = "the snapshot is newer";
    assert_eq!(log.requests(), ["since", "snapshot_before", "between"], "{newer}");
    read(&log, 1).unwrap();
    assert_eq!(log.requests(), ["since"], "the window has the whole log");
}

#[test]
fn the_whole_log_is_replayed_if_there_is_no_snapshot() {
    let log = with_snapshot(false);
    assert_eq!(
        read(&log, 8).map(|document| document.as_object().and_then(|members| members.get("a").cloned())),
        Ok(Some(7.into()))
    );
    assert_eq!(log.requests(), ["since", "snapshot_before", "between"]);
}

#[test]
fn a_window_knows_the_snapshot_that_was_read_for_it() {
    let log = with_snapshot(true);
    block_on(async {
        let mut window = Window::read_since(main_in(&log), 8).await.unwrap();
        let loose = window.extent();
        window.document_at(8).await.unwrap();
        let stored = log.log.snapshot_before(key(), 4).await.unwrap().unwrap();
        let tight = Extent {
            snapshot: 4,
            snapshot_bytes: json_size(&stored.document),
            snapshot_at: everything(&log.log)[3].extent.patch_bytes,
            ..loose
        };
        assert_eq!(window.extent(), tight);
        assert!(json_size(&server_at(&log.log, 8)) <= tight.bound() && tight.bound() < loose.bound());
    });
}

#[test]
fn a_window_knows_the_newest_of_several_snapshots() {
    let mark = |version| SnapshotMark {
        version,
        ..SnapshotMark::default()
    };
    let log = Watched::default();
    let mut window = Window::new(main_in(&log), Vec::new());
    assert_eq!(window.snapshot(), None);
    for (noted, newest) in [(4, 4), (2, 4), (6, 6)] {
        window.note_snapshot(mark(noted));
        assert_eq!(window.snapshot(), Some(&mark(newest)));
    }
    // Another mark of a version that is already known changes nothing.
    window.note_snapshot(SnapshotMark {
        document_bytes: 9,
        ..mark(6)
    });
    assert_eq!(window.snapshot(), Some(&mark(6)));
}

#[test]
fn an_extent_learns_only_of_newer_snapshots_that_are_not_past_it() {
    let extent = Extent {
        snapshot: 4,
        snapshot_bytes: 40,
        snapshot_at: 400,
        patch_bytes: 1_000,
        stored_bytes: 2_000,
    };
    let mark = |version, at_patch_bytes| SnapshotMark {
        version,
        document_bytes: 70,
        at_patch_bytes,
        ..SnapshotMark::default()
    };
    for (version, at) in [(4, 500), (3, 500), (7, 1_001)] {
        assert_eq!(extent.with_snapshot(&mark(version, at)), extent, "{version} at {at}");
    }
    let knows = Extent {
        snapshot: 7,
        snapshot_bytes: 70,
        snapshot_at: 1_000,
        ..extent
    };
    assert_eq!(extent.with_snapshot(&mark(7, 1_000)), knows);
}

#[test]
fn a_gap_in_the_log_is_reported_as_a_defect_and_not_as_an_expired_version() {
    let log = edited(4);
    let second = everything(&log.log).remove(1);
    block_on(log.log.remove(key(), &second)).unwrap();
    // The directory records no removal, so this is a defect and not an expired version.
    let error = read(&log, 4).unwrap_err();
    assert_eq!((error.code, error.cause.is_some()), (Code::Unavailable, true));
    // If the retained versions begin at 4, only those before it have expired.
    assert!(block_on(log.log.retain_from(key(), 4)).unwrap());
    assert_eq!(read(&log, 4).unwrap_err().code, Code::Unavailable);
    assert_eq!(read(&log, 3).unwrap_err().code, Code::BaseExpired);
}

#[test]
fn a_replay_of_the_whole_log_begins_at_the_oldest_retained_version() {
    let log = edited(8);
    let changes = everything(&log.log);
    let (fourth, head) = (server_at(&log.log, 4), server_at(&log.log, 8));
    block_on(async {
        let snapshot = SnapshotDraft::of(&changes[3], fourth);
        log.log.write_snapshot(key(), &snapshot).await.unwrap();
        // Retention has removed versions 1 and 2 so far, and the window has the changes that it left.
        log.log.retain_from(key(), 4).await.unwrap();
        for change in &changes[..2] {
            log.log.remove(key(), change).await.unwrap();
        }
        let window = async || Window::read_since(main_in(&log), 3).await.unwrap();

        let whole = Replay::since(&mut window().await, 0).await.unwrap();
        assert_eq!((whole.document, whole.version), (head, 8));

        let mut window = window().await;
        log.requests();
        let expired = Replay::since(&mut window, 2).await.unwrap_err();
        assert!(matches!(
            expired,
            StoreError::Expired {
                version: 2,
                retained_from: 4
            }
        ));
        assert_eq!(log.requests(), ["snapshot_before", "between", "entry"]);
    });
}

#[test]
fn a_document_that_the_log_remembers_is_not_read_again() {
    let log = with_snapshot(true);
    let document = Arc::new(value(&json!({"it": "is this"})));
    *log.remembered.lock().unwrap() = Some((7, Arc::clone(&document)));
    assert_eq!(read(&log, 7), Ok((*document).clone()));
    assert_eq!(log.requests(), ["since"]);
    assert_eq!(
        read(&log, 8),
        Ok(server_at(&log.log, 8)),
        "another version's document is read"
    );
}

#[test]
fn a_replay_knows_the_author_of_every_value_altered_since_its_base() {
    let log = with_snapshot(true);
    let mut window = block_on(Window::read_since(main_in(&log), 5)).unwrap();
    let replay = block_on(Replay::since(&mut window, 5)).unwrap();
    assert_eq!(log.requests(), ["since", "snapshot_before"]);
    assert_eq!((replay.version, &replay.document), (8, &server_at(&log.log, 8)));
    assert_eq!(replay.base, server_at(&log.log, 5));
    let path = |name: &str| Path::from_json(&value(&json!([name]))).unwrap();
    assert_eq!(
        replay.authors.newest(&path("v6"), None).device_id,
        Some(device("tablet"))
    );
    assert_eq!(
        replay.authors.newest(&path("v7"), None).device_id,
        Some(device("phone"))
    );
    assert_eq!(
        replay.authors.newest(&path("v1"), None).device_id,
        None,
        "older than the base"
    );
}

#[test]
fn a_value_older_than_every_retained_change_has_no_author_and_the_oldest_changes_time() {
    let log = with_snapshot(true);
    let retained = Watched::default();
    block_on(async {
        let snapshot = SnapshotDraft::of(&everything(&log.log)[3], server_at(&log.log, 4));
        retained.log.write_snapshot(key(), &snapshot).await.unwrap();
    });
    copy(&log, 5, &retained);
    let mut window = block_on(Window::read_since(main_in(&retained), 0)).unwrap();
    let replay = block_on(Replay::since(&mut window, 0)).unwrap();
    assert_eq!(replay.base, value(&json!({})));
    assert_eq!(replay.document, server_at(&log.log, 8));
    let oldest = everything(&retained.log)[0].last_sync_at;
    let path = Path::from_json(&value(&json!(["v1"]))).unwrap();
    let stamp = replay.authors.newest(&path, None);
    assert_eq!((stamp.device_id, stamp.at), (None, oldest));
    assert!(oldest > minute(5), "times grow strictly");
}

#[test]
fn a_replay_advances_with_new_changes() {
    let log = portfolio();
    let mut window = block_on(Window::read_since(main_in(&log), 1)).unwrap();
    let mut replay = block_on(Replay::since(&mut window, 1)).unwrap();
    assert_eq!(replay.document, replay.base);
    sync(&log, &body("tablet", "s1", 1, &[set("a", "x".repeat(5_000), 5)], 5), 5);
    log.requests();
    window.extend(block_on(log.since(key(), 1)).unwrap());
    block_on(replay.advance(&mut window)).unwrap();
    assert_eq!(log.requests(), ["since", "patch"]);
    assert_eq!((replay.version, replay.document), (2, server_at(&log.log, 2)));
}
