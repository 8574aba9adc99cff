//! Compaction on every log: the snapshots it writes, the changes it removes, and the requests that still work after it.

use super::samples::{key, noise, value};
use coinolio_core::json::Value;
use coinolio_core::log::{Change, PortfolioKey, SnapshotDraft, Version, json_size};
use coinolio_core::portfolio::{Portfolio, Window};
use coinolio_core::store::{RankSource, Store};
use coinolio_core::sync::{Backoff, Compacted, Retention};
use coinolio_core::time::Timestamp;
use coinolio_core::wire::{v1, v2};
use coinolio_core::{Code, Error};
use serde_json::json;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::task::JoinSet;

suite! {
    a_snapshot_is_due_when_the_changes_outgrow_the_last_one
    a_snapshot_that_another_run_wrote_is_marked_and_not_written_again
    compaction_leaves_a_deleted_portfolio_as_it_is
    changes_that_are_young_or_among_the_last_versions_stay
    changes_are_removed_up_to_a_stored_snapshot_and_all_later_versions_stay_readable
    a_device_at_the_oldest_retained_version_can_sync_and_an_older_one_is_refused
    phones_with_an_expired_base_keep_their_edits
    the_next_run_completes_an_interrupted_one
    concurrent_runs_and_syncs_leave_every_version_intact
}

/// A retention so long that no change is removed.
const EVERYTHING: Retention = Retention {
    age: Duration::MAX,
    versions: 1_000,
};

/// A retention that protects only the last three versions.
pub(crate) const LITTLE: Retention = Retention {
    age: Duration::ZERO,
    versions: 3,
};

/// Returns the document of `version`: about 900 bytes that hardly compress.
pub(super) fn document(version: Version) -> Value {
    value(&json!({"n": version, "text": noise(900, version)}).to_string())
}

pub(crate) fn now(version: Version) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000 + 1_000 * i64::try_from(version).unwrap())
}

pub(super) struct Attempts(pub(super) u32);

impl Backoff for Attempts {
    async fn wait(&mut self) -> bool {
        tokio::task::yield_now().await;
        self.0 = self.0.saturating_sub(1);
        self.0 > 0
    }
}

/// Returns the key of the portfolio of these cases.
pub(crate) fn p() -> PortfolioKey {
    key("u", "p")
}

/// Returns the portfolio of [`p`] in `log`.
pub(crate) fn p_in<S>(log: &S) -> Portfolio<'_, S> {
    static P: LazyLock<PortfolioKey> = LazyLock::new(p);
    Portfolio::new(log, &P)
}

pub(super) async fn sync(
    log: &(impl Store + RankSource),
    device: &str,
    base: Version,
    changes: serde_json::Value,
    at: Timestamp,
) -> Result<v2::SyncResponse, Error> {
    let id = format!("{device}-{base}");
    let body = json!({"device_id": device, "sync_id": id, "base_version": base, "sent_at": "2026-01-01T00:00:00Z", "changes": changes});
    send(log, &body, at).await
}

pub(super) async fn send(
    log: &(impl Store + RankSource),
    body: &serde_json::Value,
    at: Timestamp,
) -> Result<v2::SyncResponse, Error> {
    let request = v2::SyncRequest::from_json(&value(&body.to_string()))?;
    let synced = p_in(log).sync_v2(&mut Attempts(100), &request, at).await?;
    Ok(synced.answer)
}

/// Lets the phone write the [`document`] of `version` on top of the version before it.
pub(super) async fn write(log: &(impl Store + RankSource), version: Version) {
    let changes = json!([{"op": "set", "path": ["n"], "value": version},
                         {"op": "set", "path": ["text"], "value": noise(900, version)}]);
    let answer = sync(log, "phone", version - 1, changes, now(version)).await.unwrap();
    assert_eq!(answer.version, version);
}

async fn run(log: &(impl Store + RankSource), retention: &Retention, at: Version) -> Compacted {
    p_in(log).compact(retention, now(at)).await.unwrap()
}

async fn read(log: &(impl Store + RankSource), version: Version) -> Value {
    let mut window = Window::read_since(p_in(log), version).await.unwrap();
    (*window.document_at(version).await.unwrap()).clone()
}

/// Returns the changes, oldest first. Fails if there is a gap between them.
pub(crate) async fn changes(log: &(impl Store + RankSource)) -> Vec<Change> {
    let mut changes = log.since(&p(), 0).await.unwrap();
    changes.reverse();
    assert!(changes.windows(2).all(|pair| pair[0].version == pair[1].parent));
    changes
}

async fn marked(log: &(impl Store + RankSource)) -> Option<Version> {
    let mark = log.entry(&p()).await.unwrap().unwrap().snapshot;
    mark.map(|mark| mark.version)
}

async fn a_snapshot_is_due_when_the_changes_outgrow_the_last_one(log: impl Store + RankSource) {
    assert_eq!(
        run(&log, &EVERYTHING, 1).await,
        Compacted::default(),
        "the portfolio does not exist"
    );
    let mut last: Option<(Version, u64, u64)> = None;
    let mut written = 0;
    for version in 1..=30 {
        write(&log, version).await;
        let head = log.newest(&p(), 1).await.unwrap().remove(0).extent.stored_bytes;
        let (_, at, bytes) = last.unwrap_or_default();
        let is_due = head - at > 4096.max(bytes / 2);
        let done = run(&log, &EVERYTHING, version).await;
        assert_eq!(done.snapshot.is_some(), is_due, "version {version}");
        if done.snapshot.is_some() {
            assert_eq!(done.snapshot, Some(version));
            let stored = log.snapshot_before(&p(), u64::MAX).await.unwrap().unwrap();
            assert_eq!(stored.document, document(version));
            assert_eq!(log.entry(&p()).await.unwrap().unwrap().snapshot, Some(stored.mark));
            assert_eq!(
                (stored.mark.at_stored_bytes, stored.mark.document_bytes),
                (head, json_size(&document(version)))
            );
            last = Some((version, head, stored.mark.stored_bytes));
            written += 1;
        }
        assert_eq!(
            run(&log, &EVERYTHING, version).await,
            Compacted::default(),
            "a second run does nothing"
        );
        assert_eq!(read(&log, version).await, document(version));
    }
    assert!((5..=10).contains(&written), "{written} snapshots");
    assert_eq!(changes(&log).await.len(), 30);
}

async fn a_snapshot_that_another_run_wrote_is_marked_and_not_written_again(log: impl Store + RankSource) {
    for version in 1..=8 {
        write(&log, version).await;
    }
    let head = log.newest(&p(), 1).await.unwrap().remove(0);
    let draft = SnapshotDraft::of(&head, document(8));
    let mark = log.write_snapshot(&p(), &draft).await.unwrap();
    assert_eq!(run(&log, &EVERYTHING, 8).await, Compacted::default());
    assert_eq!(log.entry(&p()).await.unwrap().unwrap().snapshot, Some(mark));
}

async fn compaction_leaves_a_deleted_portfolio_as_it_is(log: impl Store + RankSource) {
    for version in 1..=20 {
        write(&log, version).await;
    }
    p_in(&log).delete(&mut Attempts(3), now(21)).await.unwrap();
    assert_eq!(run(&log, &LITTLE, 30).await, Compacted::default());
    assert_eq!(changes(&log).await.len(), 21);
    assert_eq!(read(&log, 20).await, document(20), "it can still be restored");
}

async fn changes_that_are_young_or_among_the_last_versions_stay(log: impl Store + RankSource) {
    for version in 1..=40 {
        write(&log, version).await;
        let young = Retention {
            age: Duration::from_secs(100),
            versions: 1,
        };
        let few = Retention {
            age: Duration::ZERO,
            versions: 40,
        };
        let retention = if version % 2 == 0 { young } else { few };
        assert_eq!(run(&log, &retention, version).await.removed, 0, "version {version}");
    }
    assert_eq!(changes(&log).await.len(), 40);
    assert!(marked(&log).await > Some(30));
}

async fn changes_are_removed_up_to_a_stored_snapshot_and_all_later_versions_stay_readable(
    log: impl Store + RankSource,
) {
    let mut removed = 0;
    for version in 1..=60 {
        write(&log, version).await;
        removed += run(&log, &LITTLE, version + 1).await.removed;
        let retained = changes(&log).await;
        let from = retained[0].parent;
        assert_eq!(from, removed);
        assert!(
            retained.len() >= 3.min(usize::try_from(version).unwrap()),
            "{} changes at {version}",
            retained.len()
        );
        if from > 0 {
            let base = log.snapshot_before(&p(), from).await.unwrap().unwrap();
            assert_eq!(base.mark.version, from, "the log begins at a snapshot");
            assert_eq!(
                log.snapshot_before(&p(), from - 1).await.unwrap(),
                None,
                "older snapshots are gone"
            );
        }
        for version in from.max(1)..=version {
            assert_eq!(read(&log, version).await, document(version), "version {version}");
        }
    }
    assert!((40..=57).contains(&removed), "{removed} changes");
}

/// Writes 30 versions, with a compaction after each. Returns the parent of the oldest retained change.
async fn shortened(log: &(impl Store + RankSource)) -> Version {
    for version in 1..=30 {
        write(log, version).await;
        run(log, &LITTLE, version + 1).await;
    }
    let from = changes(log).await[0].parent;
    assert!(from > 10, "{from}");
    from
}

async fn a_device_at_the_oldest_retained_version_can_sync_and_an_older_one_is_refused(log: impl Store + RankSource) {
    let from = shortened(&log).await;
    let edit = json!([{"op": "set", "path": ["t"], "value": 1}]);
    let before = changes(&log).await;
    let refused = sync(&log, "tablet", from - 1, edit.clone(), now(31)).await.unwrap_err();
    assert_eq!(refused.code, Code::BaseExpired);
    assert_eq!(changes(&log).await, before, "a refused request changes nothing");
    let body = json!({"device_id": "desk", "sync_id": "desk-1", "base_version": from - 1, "base_lost": true,
                      "sent_at": "2026-01-01T00:00:00Z", "changes": [{"op": "set", "path": ["n"], "value": 30}]});
    let answer = send(&log, &body, now(31)).await.unwrap();
    assert_eq!(answer.version, 31);
    assert_eq!(answer.delta, v2::Delta::Document(document(30)));
    let pulled = sync(&log, "watch", from, json!([]), now(31)).await.unwrap();
    assert_eq!(pulled.version, 31);
    let merged = sync(&log, "tablet", from, edit, now(31)).await.unwrap();
    assert_eq!((merged.version, merged.conflicts.len()), (32, 0));
    let mut expected = document(30);
    if let Value::Object(members) = &mut expected {
        members.insert("t".into(), 1.into());
    }
    assert_eq!(read(&log, 32).await, expected);
}

async fn phones_with_an_expired_base_keep_their_edits(log: impl Store + RankSource) {
    let from = shortened(&log).await;
    for (version, client_version) in [(31, from), (32, 1)] {
        let field = format!("own{client_version}");
        let body = json!({"device_id": format!("old{client_version}"), "client_version": client_version, "last_sync_at": null,
                          "client_data": {"n": 30, field.clone(): "edited"}});
        let request = v1::SyncRequest::from_json(value(&body.to_string())).unwrap();
        let synced = p_in(&log)
            .sync_v1(&mut Attempts(3), request, now(version))
            .await
            .unwrap();
        assert_eq!(synced.answer.version, version);
        let read = read(&log, version).await;
        assert_eq!(read.as_object().unwrap()[&*field], "edited".into(), "{client_version}");
    }
}

async fn the_next_run_completes_an_interrupted_one(log: impl Store + RankSource) {
    for version in 1..=30 {
        write(&log, version).await;
        run(&log, &EVERYTHING, version).await;
    }
    // A run removed two changes and then stopped, before it moved the snapshot's mark.
    write(&log, 31).await;
    for _ in 0..2 {
        let oldest = log.oldest_since(&p(), 0).await.unwrap().unwrap();
        log.remove(&p(), &oldest).await.unwrap();
    }
    assert_eq!(read(&log, 31).await, document(31));
    let mut version = 31;
    while run(&log, &LITTLE, version + 1).await.snapshot.is_none() {
        version += 1;
        write(&log, version).await;
    }
    let from = changes(&log).await[0].parent;
    assert!(from > 2);
    for version in from..=version {
        assert_eq!(read(&log, version).await, document(version), "version {version}");
    }
}

async fn concurrent_runs_and_syncs_leave_every_version_intact(log: impl Store + RankSource + 'static) {
    const LAST: Version = 120;
    let log = Arc::new(log);
    write(&*log, 1).await;
    let mut tasks = JoinSet::new();
    for _ in 0..3 {
        let log = Arc::clone(&log);
        tasks.spawn(async move {
            let mut removed = 0;
            loop {
                let head = log.newest(&p(), 1).await.unwrap().remove(0).version;
                // The others may have written and removed so much meanwhile that the head just read has expired. If so,
                // only this run fails.
                match p_in(&*log).compact(&LITTLE, now(head + 1)).await {
                    Ok(done) => removed += done.removed,
                    Err(error) => assert_eq!(Error::from(error).code, Code::BaseExpired),
                }
                if head == LAST {
                    return removed;
                }
                tokio::task::yield_now().await;
            }
        });
    }
    let reader = Arc::clone(&log);
    tasks.spawn(async move {
        loop {
            let head = reader.newest(&p(), 1).await.unwrap().remove(0).version;
            let mut window = Window::read_since(p_in(&*reader), head).await.unwrap();
            match window.document_at(head).await {
                Ok(read) => assert_eq!(*read, document(head), "version {head}"),
                Err(error) => assert_eq!(Error::from(error).code, Code::BaseExpired),
            }
            if head == LAST {
                return 0;
            }
            tokio::task::yield_now().await;
        }
    });
    for version in 2..=LAST {
        write(&*log, version).await;
        tokio::task::yield_now().await;
    }
    let removed: u64 = tasks.join_all().await.into_iter().sum();
    assert!(removed > 0);
    let from = changes(&*log).await[0].parent;
    assert!(from > 50, "{from}");
    for version in from..=LAST {
        assert_eq!(read(&*log, version).await, document(version), "version {version}");
    }
}
