//! Snapshots and their marks, on every log.

use super::samples::{create, entry, key, noise, small_patch, snapshot, synced, value};
use coinolio_core::json::{Object, Value};
use coinolio_core::log::{PortfolioKey, Snapshot, SnapshotMark, Version};
use coinolio_core::store::Store;
use std::sync::Arc;
use tokio::task::JoinSet;

suite! {
    snapshots_are_read_back_whole_from_their_own_version_on
    a_snapshot_is_never_found_before_it_is_whole
    snapshots_before_a_version_are_removed_and_the_others_stay
    a_mark_only_moves_forward
    the_newest_of_concurrent_marks_stays
    a_rename_leaves_the_mark_unchanged
}

async fn found(log: &impl Store, key: &PortfolioKey, version: Version) -> Option<Version> {
    let found = log.snapshot_before(key, version).await.unwrap();
    found.map(|snapshot| snapshot.mark.version)
}

async fn snapshots_are_read_back_whole_from_their_own_version_on(log: impl Store) {
    let key = key("u", "p");
    create(&log, &key).await;
    let noisy = |bytes, seed| Value::Object(Object::from([("noise".into(), Value::from(&*noise(bytes, seed)))]));
    let documents = [
        (1, Value::empty_object()),
        (2, value(r#"{"assets":[{"id":"btc","amount":0.10}],"n":null}"#)),
        (20, noisy(300_000, 20)),
        (200, noisy(6_000_000, 200)),
    ];
    let mut snapshots = Vec::new();
    for (version, document) in documents {
        let draft = snapshot(version, document);
        let mark = log.write_snapshot(&key, &draft).await.unwrap();
        // Each byte of the text carries six bits of noise; the rest is overhead.
        assert!(mark.stored_bytes >= draft.document_bytes * 3 / 4, "{mark:?}");
        assert!(mark.stored_bytes <= draft.document_bytes + 10_000, "{mark:?}");
        assert_eq!(mark, draft.mark(mark.stored_bytes));
        snapshots.push((draft, mark));
    }
    for (draft, mark) in snapshots {
        let again = log.write_snapshot(&key, &draft).await.unwrap();
        assert_eq!(again, mark, "writing it again changes nothing");
        let read = log.snapshot_before(&key, mark.version).await.unwrap();
        let document = draft.document;
        assert!(read == Some(Snapshot { mark, document }), "version {}", mark.version);
    }
    for (version, newest) in [
        (0, None),
        (3, Some(2)),
        (19, Some(2)),
        (21, Some(20)),
        (u64::MAX, Some(200)),
    ] {
        assert_eq!(found(&log, &key, version).await, newest, "version {version}");
    }
    assert_eq!(log.since(&key, 0).await.unwrap().len(), 1);
    let never = log.entry(&key).await.unwrap().unwrap().snapshot;
    assert_eq!(never, None, "writing a snapshot does not mark it");
}

async fn a_snapshot_is_never_found_before_it_is_whole(log: impl Store + 'static) {
    let log = Arc::new(log);
    let key = key("u", "p");
    log.write_snapshot(&key, &snapshot(1, value("{}"))).await.unwrap();
    for version in 2..=4 {
        let document = Object::from([("noise".into(), Value::from(&*noise(3_000_000, version)))]);
        let written = snapshot(version, Value::Object(document));
        let writer = {
            let (log, key, written) = (Arc::clone(&log), key.clone(), written.clone());
            tokio::spawn(async move { log.write_snapshot(&key, &written).await.unwrap() })
        };
        let read = loop {
            let read = log.snapshot_before(&key, u64::MAX).await.unwrap().unwrap();
            if read.mark.version != version - 1 {
                break read;
            }
            tokio::task::yield_now().await;
        };
        assert!(read.document == written.document, "version {version}");
        assert_eq!(read.mark, writer.await.unwrap());
    }
}

async fn snapshots_before_a_version_are_removed_and_the_others_stay(log: impl Store) {
    let key = key("u", "p");
    create(&log, &key).await;
    for version in [3, 7, 9] {
        let document = Object::from([("noise".into(), Value::from(&*noise(800_000, version)))]);
        log.write_snapshot(&key, &snapshot(version, Value::Object(document)))
            .await
            .unwrap();
    }
    for (before, left) in [
        (0, [Some(3), Some(7), Some(9)]),
        (3, [Some(3), Some(7), Some(9)]),
        (7, [None, Some(7), Some(9)]),
        (9, [None, None, Some(9)]),
    ] {
        // The second call stands for another run that removes the same snapshots.
        log.remove_snapshots_before(&key, before).await.unwrap();
        log.remove_snapshots_before(&key, before).await.unwrap();
        let found = [
            found(&log, &key, 3).await,
            found(&log, &key, 7).await,
            found(&log, &key, 9).await,
        ];
        assert_eq!(found, left, "before {before}");
    }
    assert_eq!(log.since(&key, 0).await.unwrap().len(), 1);
}

fn mark(version: Version) -> SnapshotMark {
    snapshot(version, value("{}")).mark(u64::MAX)
}

async fn marked(log: &impl Store, key: &PortfolioKey) -> Option<SnapshotMark> {
    log.entry(key).await.unwrap().unwrap().snapshot
}

async fn a_mark_only_moves_forward(log: impl Store) {
    let key = key("u", "p");
    assert!(
        !log.mark_snapshot(&key, &mark(1)).await.unwrap(),
        "there is no entry to mark"
    );
    assert_eq!(log.entry(&key).await.unwrap(), None, "a mark creates no entry");
    create(&log, &key).await;
    assert_eq!(marked(&log, &key).await, None);
    for (version, moves) in [
        (5, true),
        (5, false),
        (4, false),
        (6, true),
        (1 << 40, true),
        (9, false),
    ] {
        let moved = log.mark_snapshot(&key, &mark(version)).await.unwrap();
        assert_eq!(moved, moves, "to {version}");
        if moves {
            assert_eq!(marked(&log, &key).await, Some(mark(version)));
        }
    }
    assert_eq!(marked(&log, &key).await, Some(mark(1 << 40)));
    assert_eq!(log.entries(&key.user).await.unwrap()[0].snapshot, Some(mark(1 << 40)));
}

async fn the_newest_of_concurrent_marks_stays(log: impl Store + 'static) {
    let log = Arc::new(log);
    let key = key("u", "p");
    create(&*log, &key).await;
    let mut writers = JoinSet::new();
    for version in 1..=16 {
        let (log, key) = (Arc::clone(&log), key.clone());
        writers.spawn(async move { log.mark_snapshot(&key, &mark(version)).await.unwrap() });
    }
    let moved = writers.join_all().await;
    assert!(moved.contains(&true));
    assert_eq!(marked(&*log, &key).await, Some(mark(16)));
}

async fn a_rename_leaves_the_mark_unchanged(log: impl Store) {
    let key = key("u", "p");
    create(&log, &key).await;
    log.mark_snapshot(&key, &mark(1)).await.unwrap();
    log.rename(&key, "other").await.unwrap();
    assert_eq!(marked(&log, &key).await, Some(mark(1)));
    log.mark_snapshot(&key, &mark(2)).await.unwrap();
    assert_eq!(log.entry(&key).await.unwrap().unwrap().name, "other");
    // A creation that comes too late changes neither the name nor the mark.
    let first = synced(0, 1, small_patch());
    log.create(&key, &entry(&key, "third"), &first).await.unwrap();
    assert_eq!(marked(&log, &key).await, Some(mark(2)));
}
