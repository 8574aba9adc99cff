//! Requests to a log from which retention is removing changes.

use super::compaction::{Attempts, changes, document, now, p, p_in, send, sync, write};
use super::samples::{noise, value};
use coinolio_core::log::{SnapshotDraft, Version};
use coinolio_core::store::{RankSource, Store};
use coinolio_core::sync::DeviceNames;
use coinolio_core::sync::portfolios::Reading;
use coinolio_core::wire::{v1, v2};
use coinolio_core::{Code, Error};
use serde_json::json;

suite! {
    a_version_is_whole_or_expired_while_changes_are_removed
    a_phone_whose_base_is_being_removed_keeps_its_edits
    the_first_retained_version_only_moves_forward
}

/// The version of the head in [`portfolio`].
pub(crate) const HEAD: Version = 16;

/// Creates a portfolio with snapshots of versions 6 and 11. Some of its patches are stored apart from their changes,
/// and one of these in several chunks. A compaction is due.
pub(crate) async fn portfolio(log: &(impl Store + RankSource)) {
    for version in 1..=HEAD {
        match version {
            3 | 4 | 9 => {
                let bytes = if version == 4 { 800_000 } else { 6_000 };
                let changes = json!([{"op": "set", "path": ["n"], "value": version},
                                     {"op": "set", "path": ["text"], "value": noise(bytes, version)}]);
                sync(log, "phone", version - 1, changes, now(version)).await.unwrap();
            }
            _ => write(log, version).await,
        }
        if let 6 | 11 = version {
            let head = log.newest(&p(), 1).await.unwrap().remove(0);
            let written = log
                .write_snapshot(&p(), &SnapshotDraft::of(&head, document(version)))
                .await;
            log.mark_snapshot(&p(), &written.unwrap()).await.unwrap();
        }
    }
}

/// Returns true if `outcome` is a success and false if the version has expired. Asserts that only versions below
/// `retained_from` have expired.
fn is_retained<T>(outcome: &Result<T, Error>, version: Version, retained_from: Version) -> bool {
    match outcome {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.code, Code::BaseExpired, "version {version}: {error:?}");
            assert!(version < retained_from, "version {version} should be retained: {error}");
            false
        }
    }
}

/// Asserts that each request about a version is answered, or fails because the version has expired. Returns how many
/// versions had expired.
pub(crate) async fn check_readers(log: &(impl Store + RankSource), retained_from: Version) -> usize {
    let mut expired = 0;
    // A version is a base if the changes on top of it remain. To read or compare it, its own change must remain too.
    let readable_from = retained_from + 1;
    for version in 1..=HEAD {
        let read = p_in(log).read_v2(Some(version), &[]).await;
        if is_retained(&read, version, readable_from) {
            let Reading::Document(read) = read.unwrap().answer else {
                panic!("expected a document");
            };
            assert_eq!(read.document.as_object().unwrap()["n"], value(&version.to_string()));
        } else {
            expired += 1;
        }
        is_retained(&p_in(log).compare(version, HEAD).await, version, readable_from);
        let device = format!("watch{version}");
        let pulled = sync(log, &device, version, json!([]), now(HEAD)).await;
        if !is_retained(&pulled, version, retained_from) {
            let pull = json!({"device_id": device, "sync_id": "pull-again", "base_version": version, "base_lost": true,
                              "sent_at": "2026-01-01T00:00:00Z", "changes": []});
            let pulled = send(log, &pull, now(HEAD)).await.unwrap();
            assert_eq!(pulled.delta, v2::Delta::Document(document(HEAD)), "version {version}");
        }
    }
    let pulled = sync(log, "new", 0, json!([]), now(HEAD)).await.unwrap();
    assert_eq!(pulled.version, HEAD);
    let (mut before, mut listed) = (None, Vec::new());
    loop {
        let query = v2::HistoryQuery {
            before,
            limit: 3,
            ..v2::HistoryQuery::default()
        };
        let page = p_in(log).history(&query, &DeviceNames::new()).await.unwrap();
        listed.extend(page.answer.changes.iter().map(|change| change.version));
        before = page.answer.next_before;
        if before.is_none() {
            break;
        }
    }
    let oldest = listed.last().copied().unwrap();
    assert!(oldest <= readable_from, "history ends at {oldest}");
    assert_eq!(listed, (oldest..=HEAD).rev().collect::<Vec<_>>());
    expired
}

async fn a_version_is_whole_or_expired_while_changes_are_removed(log: impl Store + RankSource) {
    portfolio(&log).await;
    let retained_from = 11;
    assert_eq!(check_readers(&log, 0).await, 0);
    assert!(log.retain_from(&p(), retained_from).await.unwrap());
    assert_eq!(check_readers(&log, retained_from).await, 0, "nothing is gone yet");
    let mut expired = 0;
    for _ in 0..retained_from {
        let oldest = log.oldest_since(&p(), 0).await.unwrap().unwrap();
        log.remove(&p(), &oldest).await.unwrap();
        let now_expired = check_readers(&log, retained_from).await;
        assert!(now_expired >= expired, "expired versions stay expired");
        expired = now_expired;
    }
    assert_eq!(changes(&log).await[0].parent, retained_from);
    log.remove_snapshots_before(&p(), retained_from).await.unwrap();
    assert_eq!(
        check_readers(&log, retained_from).await,
        usize::try_from(retained_from).unwrap()
    );
}

/// Sends a v1 sync based on version `base`, with an edit of its own, and returns the answer.
async fn phone(log: &(impl Store + RankSource), base: Version) -> v1::SyncResponse {
    let body = json!({"device_id": "old", "client_version": base, "last_sync_at": null,
                      "client_data": {"n": HEAD, "own": "edited"}});
    let request = v1::SyncRequest::from_json(value(&body.to_string())).unwrap();
    let synced = p_in(log).sync_v1(&mut Attempts(3), request, now(HEAD + 1)).await;
    synced.unwrap().answer
}

/// Asserts, in both protocols, that edits survive even if their base has just become unreadable.
pub(crate) async fn edit_on_what_goes(log: &(impl Store + RankSource), base: Version) {
    let answered = phone(log, base).await;
    assert_eq!(answered.version, HEAD + 1);
    let edit = json!({"device_id": "desk", "sync_id": "desk-1", "base_version": base, "base_lost": true,
                      "sent_at": "2026-01-01T00:00:00Z", "changes": [{"op": "set", "path": ["desk"], "value": base}]});
    let answered = send(log, &edit, now(HEAD + 2)).await.unwrap();
    assert_eq!(answered.version, HEAD + 2);
    let read = p_in(log).read_v2(None, &[]).await.unwrap();
    let Reading::Document(read) = read.answer else {
        panic!("expected a document");
    };
    let members = read.document.as_object().unwrap();
    assert_eq!(
        (&members["own"], &members["desk"]),
        (&"edited".into(), &value(&base.to_string()))
    );
}

async fn a_phone_whose_base_is_being_removed_keeps_its_edits(log: impl Store + RankSource) {
    portfolio(&log).await;
    log.retain_from(&p(), 11).await.unwrap();
    for _ in 0..2 {
        let oldest = log.oldest_since(&p(), 0).await.unwrap().unwrap();
        log.remove(&p(), &oldest).await.unwrap();
    }
    // The change of version 3 and all later ones remain. The earlier ones are gone, so its document cannot be read.
    edit_on_what_goes(&log, 3).await;
}

async fn the_first_retained_version_only_moves_forward(log: impl Store + RankSource) {
    assert!(!log.retain_from(&p(), 5).await.unwrap(), "the portfolio does not exist");
    write(&log, 1).await;
    let retained_from = async || log.entry(&p()).await.unwrap().unwrap().retained_from;
    assert_eq!(retained_from().await, 0);
    for (version, moves, expected) in [(5, true, 5), (5, false, 5), (4, false, 5), (7, true, 7)] {
        assert_eq!(log.retain_from(&p(), version).await.unwrap(), moves, "{version}");
        assert_eq!(retained_from().await, expected);
    }
    assert_eq!(log.entries(&p().user).await.unwrap()[0].retained_from, 7);
}
