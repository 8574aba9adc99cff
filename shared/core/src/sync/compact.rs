//! Compaction: snapshots off the hot path, and the removal of what they make dispensable (design section 3).
//!
//! It reads a portfolio's state from the log alone, so that it may run at any time, several times over and by
//! several at once: after every change, after some, or never, when reads only become slower.

use crate::json::Value;
use crate::log::document_at;
use crate::log::{Change, ChangeLog, Entry, Kind, LogError, PortfolioKey, Snapshot, SnapshotMark, Version, Window};
use crate::time::Timestamp;
use futures_util::future::try_join;
use std::sync::Arc;
use std::time::Duration;

/// Changes that take less than this since the last snapshot are read as fast as one is: one read unit.
const LEAST_STORED_BYTES: u64 = 4 * 1024;

/// The part of a snapshot's size that the changes after it may take. A read then costs at most half more than
/// the snapshot's own, and a snapshot is written once for half its size in changes.
const SNAPSHOT_SHARE: u64 = 2;

/// How many changes one run removes, so that it ends in time; the next one goes on. More only where so many
/// stand between two snapshots: the changes kept always begin at one.
const REMOVED_AT_MOST: u64 = 1_000;

/// Which changes must stay; what goes beyond both may be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Every change made within this time stays.
    pub age: Duration,
    /// The changes of this many versions up to the head stay; at least 1.
    pub versions: u64,
}

/// What a run of [`compact`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compacted {
    /// The version that it wrote a snapshot of.
    pub snapshot: Option<Version>,
    /// How many changes it removed.
    pub removed: u64,
}

/// Writes a snapshot of the head where the changes since the last one have outgrown it, then removes what
/// `retention` lets go, and last moves the directory entry's mark.
///
/// Two requests where there is nothing to do. The mark is last: a run that was interrupted is due again, and
/// takes up the removal where it stopped. A deleted portfolio is left as it is, since it may be restored.
///
/// Changes go oldest first, and only those at or before a snapshot that stays. The directory entry says so before
/// anything goes ([`Entry::kept_from`]): a version before that snapshot that cannot be read any more is an expired one,
/// also where a run stops half-way.
///
/// # Errors
/// As the log's. What cannot be read is no reason to keep the snapshot back: `Corrupt` from the removal is
/// returned only after the mark has moved.
pub async fn compact<L: ChangeLog>(
    log: &L,
    key: &PortfolioKey,
    retention: &Retention,
    now: Timestamp,
) -> Result<Compacted, LogError> {
    let (entry, newest) = try_join(log.entry(key), log.newest(key, 1)).await?;
    let (Some(Entry { snapshot: mark, .. }), Some(head)) = (entry, newest.first().cloned()) else {
        return Ok(Compacted::default());
    };
    if head.kind == Kind::Deleted || !is_due(head.extent.stored_bytes, mark.unwrap_or_default()) {
        return Ok(Compacted::default());
    }
    let mut window = Window::new(newest);
    let document = document_at(log, key, &mut window, head.version).await?;
    let mut done = Compacted::default();
    let mark = match window.snapshot() {
        // Another run has written it, and not moved the mark yet.
        Some(there) if there.version == head.version => *there,
        _ => {
            done.snapshot = Some(head.version);
            write(log, key, &head, document).await?
        }
    };
    let removed = match remove_expired(log, key, &head, retention, now).await {
        Err(error) if !matches!(error, LogError::Corrupt { .. }) => return Err(error),
        removed => removed,
    };
    log.mark_snapshot(key, &mark).await?;
    done.removed = removed?;
    Ok(done)
}

/// True where the changes since the marked snapshot, of a log that keeps `stored_bytes`, have outgrown it.
fn is_due(stored_bytes: u64, mark: SnapshotMark) -> bool {
    let since = stored_bytes.saturating_sub(mark.at_stored_bytes);
    since > LEAST_STORED_BYTES.max(mark.stored_bytes / SNAPSHOT_SHARE)
}

async fn write<L: ChangeLog>(
    log: &L,
    key: &PortfolioKey,
    head: &Change,
    document: Arc<Value>,
) -> Result<SnapshotMark, LogError> {
    let snapshot = Snapshot::of(head, Arc::unwrap_or_clone(document));
    log.write_snapshot(key, &snapshot).await
}

/// Removes the changes that `retention` lets go, and the snapshots that only they needed; returns how many
/// changes. One request where there are none.
async fn remove_expired<L: ChangeLog>(
    log: &L,
    key: &PortfolioKey,
    head: &Change,
    retention: &Retention,
    now: Timestamp,
) -> Result<u64, LogError> {
    let age = i64::try_from(retention.age.as_millis()).unwrap_or(i64::MAX);
    let limits = Limits {
        version: head.version.saturating_sub(retention.versions.max(1)),
        made_before: Timestamp::from_millis(now.millis().saturating_sub(age)),
    };
    let oldest = log.oldest_since(key, 0).await?;
    let Some(oldest) = oldest.filter(|oldest| limits.let_go(oldest)) else {
        return Ok(0);
    };
    let newest = newest_let_go(log, key, &oldest, &limits).await?;
    let Some(kept_from) = kept_from(log, key, &oldest, newest).await? else {
        return Ok(0);
    };
    // First of all, so that whoever meets what is half gone learns why.
    log.keep_from(key, kept_from).await?;
    // The parents of the changes up to a version are below it.
    let newest_first = log.between(key, oldest.parent, kept_from).await?;
    let mut removed = 0;
    for change in newest_first.iter().rev() {
        log.remove(key, change).await?;
        removed += 1;
    }
    log.remove_snapshots_before(key, kept_from).await?;
    Ok(removed)
}

/// What a change must be within to go.
struct Limits {
    version: Version,
    made_before: Timestamp,
}

impl Limits {
    fn let_go(&self, change: &Change) -> bool {
        change.version <= self.version && change.last_sync_at < self.made_before
    }
}

/// The version of the newest change that may go, where `oldest` may. Times grow with versions, so that it is
/// found by halving: a read unit for each time.
async fn newest_let_go<L: ChangeLog>(
    log: &L,
    key: &PortfolioKey,
    oldest: &Change,
    limits: &Limits,
) -> Result<Version, LogError> {
    // The change that made `goes` may go; those whose parent is `stays` or later must stay.
    let (mut goes, mut stays) = (oldest.version, limits.version);
    while goes < stays {
        let middle = goes + (stays - goes) / 2;
        match log.oldest_since(key, middle).await? {
            Some(change) if limits.let_go(&change) => goes = change.version,
            _ => stays = middle,
        }
    }
    Ok(goes)
}

/// The version that the changes kept are to begin on top of: that of a snapshot that can be read, at `newest` or
/// before, so that at most [`REMOVED_AT_MOST`] go at once. `None` where nothing can go.
async fn kept_from<L: ChangeLog>(
    log: &L,
    key: &PortfolioKey,
    oldest: &Change,
    newest: Version,
) -> Result<Option<Version>, LogError> {
    let near = oldest.parent.saturating_add(REMOVED_AT_MOST);
    let limits = [Some(near).filter(|near| *near < newest), Some(newest)];
    for limit in limits.into_iter().flatten() {
        let snapshot = log.snapshot_before(key, limit).await?;
        if let Some(snapshot) = snapshot.filter(|kept| kept.mark.version > oldest.parent) {
            return Ok(Some(snapshot.mark.version));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::is_due;
    use crate::log::SnapshotMark;

    #[test]
    fn a_snapshot_is_due_where_the_changes_take_more_than_half_of_it_and_4_kb() {
        for (snapshot, outgrown_by) in [
            (0, 4_097),
            (8_192, 4_097),
            (8_194, 4_098),
            (100_000, 50_001),
            (100_001, 50_001),
        ] {
            let mark = SnapshotMark {
                stored_bytes: snapshot,
                at_stored_bytes: 1_000,
                ..SnapshotMark::default()
            };
            assert!(is_due(1_000 + outgrown_by, mark), "{snapshot}");
            assert!(!is_due(1_000 + outgrown_by - 1, mark), "{snapshot}");
        }
    }
}
