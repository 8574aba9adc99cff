//! Compaction: writes snapshots off the hot path, and removes the old changes that they make superfluous
//! (docs/adr/0003).
//!
//! It reads a portfolio's state only from the log. So it may run at any time, repeatedly, and several times at once:
//! after every change, after some, or never. Without it, reads only become slower.

use crate::log::{Change, Entry, Kind, SnapshotDraft, SnapshotMark, Version};
use crate::portfolio::{Portfolio, Window};
use crate::store::{Store, StoreError};
use crate::time::Timestamp;
use futures_util::future::try_join;
use std::sync::Arc;
use std::time::Duration;

/// The bytes of changes since the last snapshot up to which no new one is written: reading them costs one read unit.
const MIN_STORED_BYTES: u64 = 4 * 1024;

/// The changes after a snapshot may reach the snapshot's size divided by this number.
///
/// So a read costs at most half as much again as the snapshot itself, and a snapshot is written only after changes of
/// half its size.
const SNAPSHOT_SHARE: u64 = 2;

/// How many changes one run removes, so that it ends in time; the next run goes on.
///
/// A run removes more only if there are more between two snapshots, because the remaining log always begins at a
/// snapshot.
const MAX_REMOVED: u64 = 1_000;

/// The changes that must stay. A change may be removed if it is outside both limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Every change younger than this stays.
    pub age: Duration,
    /// The changes of this many versions up to the head stay; at least 1.
    pub versions: u64,
}

/// The effect of one run of [`Portfolio::compact`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compacted {
    /// The version of the snapshot that it wrote, if any.
    pub snapshot: Option<Version>,
    /// The number of changes that it removed.
    pub removed: u64,
}

impl<S: Store> Portfolio<'_, S> {
    /// Writes a snapshot of the head if the changes since the last one have outgrown it, then removes the changes that
    /// have expired by `retention`, and finally moves the directory entry's mark.
    ///
    /// This takes two requests if there is nothing to do. The mark moves last, so that after an interruption the next
    /// run is due again and continues the removal. A deleted portfolio is left as it is, because it may be restored.
    ///
    /// Changes are removed oldest first, and only those at or before a snapshot that stays. Before anything is
    /// removed, the version of that snapshot is written to the directory entry ([`Entry::retained_from`]). So if a
    /// version before it cannot be read, a reader knows that it has expired, even if a run was interrupted.
    ///
    /// # Errors
    /// Those of the store. An unreadable item does not prevent the snapshot: `Corrupt` from the removal is returned
    /// only after the mark has moved.
    pub async fn compact(self, retention: &Retention, now: Timestamp) -> Result<Compacted, StoreError> {
        let entry = self.store.entry(self.key);
        let (entry, mut window) = try_join(entry, Window::read_newest(self, 1)).await?;
        let (Some(Entry { snapshot: mark, .. }), Some(head)) = (entry, window.head().cloned()) else {
            return Ok(Compacted::default());
        };
        if head.kind == Kind::Deleted || !is_due(head.extent.stored_bytes, mark.unwrap_or_default()) {
            return Ok(Compacted::default());
        }
        let document = window.document_at(head.version).await?;
        let mut done = Compacted::default();
        let mark = match window.snapshot() {
            // Another run has written this snapshot and has not moved the mark yet.
            Some(snapshot) if snapshot.version == head.version => *snapshot,
            _ => {
                done.snapshot = Some(head.version);
                let draft = SnapshotDraft::of(&head, Arc::unwrap_or_clone(document));
                self.store.write_snapshot(self.key, &draft).await?
            }
        };
        let removed = match self.remove_expired(&head, retention, now).await {
            Err(error) if !matches!(error, StoreError::Corrupt { .. }) => return Err(error),
            removed => removed,
        };
        self.store.mark_snapshot(self.key, &mark).await?;
        done.removed = removed?;
        Ok(done)
    }

    /// Removes the changes that have expired by `retention`, and the snapshots that only they needed; returns the
    /// number of changes. This takes one request when none have expired.
    async fn remove_expired(self, head: &Change, retention: &Retention, now: Timestamp) -> Result<u64, StoreError> {
        let age = i64::try_from(retention.age.as_millis()).unwrap_or(i64::MAX);
        let limits = Limits {
            version: head.version.saturating_sub(retention.versions.max(1)),
            made_before: Timestamp::from_millis(now.millis().saturating_sub(age)),
        };
        let oldest = self.store.oldest_since(self.key, 0).await?;
        let Some(oldest) = oldest.filter(|oldest| limits.allow_removal_of(oldest)) else {
            return Ok(0);
        };
        let newest = self.newest_removable(&oldest, &limits).await?;
        let Some(retained_from) = self.retained_from(&oldest, newest).await? else {
            return Ok(0);
        };
        // Written before the first removal, so that a reader of a partly removed range learns the reason.
        self.store.retain_from(self.key, retained_from).await?;
        // The changes up to version `retained_from` are those whose parent is below it.
        let newest_first = self.store.between(self.key, oldest.parent, retained_from).await?;
        let mut removed = 0;
        for change in newest_first.iter().rev() {
            self.store.remove(self.key, change).await?;
            removed += 1;
        }
        self.store.remove_snapshots_before(self.key, retained_from).await?;
        Ok(removed)
    }

    /// Returns the version of the newest change that may be removed, given that `oldest` may.
    ///
    /// Times grow with versions, so a binary search finds it: one read unit for each step.
    async fn newest_removable(self, oldest: &Change, limits: &Limits) -> Result<Version, StoreError> {
        // The change that made `removable` may be removed; those whose parent is `stays` or later must stay.
        let (mut removable, mut stays) = (oldest.version, limits.version);
        while removable < stays {
            let middle = removable + (stays - removable) / 2;
            match self.store.oldest_since(self.key, middle).await? {
                Some(change) if limits.allow_removal_of(&change) => removable = change.version,
                _ => stays = middle,
            }
        }
        Ok(removable)
    }

    /// Returns the version at which the remaining log is to begin; `None` if nothing can be removed.
    ///
    /// It is the version of a readable snapshot at `newest` or before. If possible, at most [`MAX_REMOVED`] changes are
    /// before it.
    async fn retained_from(self, oldest: &Change, newest: Version) -> Result<Option<Version>, StoreError> {
        let near = oldest.parent.saturating_add(MAX_REMOVED);
        let limits = [Some(near).filter(|near| *near < newest), Some(newest)];
        for limit in limits.into_iter().flatten() {
            let snapshot = self.store.snapshot_before(self.key, limit).await?;
            if let Some(snapshot) = snapshot.filter(|snapshot| snapshot.mark.version > oldest.parent) {
                return Ok(Some(snapshot.mark.version));
            }
        }
        Ok(None)
    }
}

/// True if the changes since the marked snapshot, of a log of `stored_bytes` bytes, have outgrown it.
fn is_due(stored_bytes: u64, mark: SnapshotMark) -> bool {
    let since = stored_bytes.saturating_sub(mark.at_stored_bytes);
    since > MIN_STORED_BYTES.max(mark.stored_bytes / SNAPSHOT_SHARE)
}

/// The limits beyond which a change may be removed.
struct Limits {
    version: Version,
    made_before: Timestamp,
}

impl Limits {
    fn allow_removal_of(&self, change: &Change) -> bool {
        change.version <= self.version && change.last_sync_at < self.made_before
    }
}

#[cfg(test)]
mod tests {
    use super::is_due;
    use crate::log::SnapshotMark;

    #[test]
    fn a_snapshot_is_due_if_the_changes_exceed_half_of_it_and_4_kb() {
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
