//! A log whose beginning retention has removed.

use coinolio_core::algebra::Ranks;
use coinolio_core::id::UserId;
use coinolio_core::log::{Change, Draft, Entry, Patch, PortfolioKey, Snapshot, SnapshotDraft, SnapshotMark, Version};
use coinolio_core::portfolio::{Portfolio, Window};
use coinolio_core::store::{Appended, ChangeLog, Directory, RankSource, Snapshots, Store, StoreError};

/// A view of a log that shows only the snapshot of one version and the changes on top of it.
pub(crate) struct Retained<'a, L> {
    log: &'a L,
    /// The parent of the oldest retained change; 0 if all changes are retained.
    from: Version,
}

impl<'a, L: Store> Retained<'a, L> {
    /// Shows only the changes on top of version `from`, which must have a snapshot (see [`snapshot`]).
    pub(crate) fn after(log: &'a L, from: Version) -> Self {
        Self { log, from }
    }

    fn retained(&self, mut changes: Vec<Change>) -> Vec<Change> {
        changes.retain(|change| change.parent >= self.from);
        changes
    }
}

/// Stores a snapshot of `version`.
pub(crate) async fn snapshot(log: &impl Store, key: &PortfolioKey, version: Version) {
    let mut window = Window::read_since(Portfolio::new(log, key), version).await.unwrap();
    let document = (*window.document_at(version).await.unwrap()).clone();
    let changes = window.changes();
    let made_by = changes.iter().find(|change| change.version == version).unwrap();
    log.write_snapshot(key, &SnapshotDraft::of(made_by, document))
        .await
        .unwrap();
}

impl<L: RankSource> RankSource for Retained<'_, L> {
    async fn ranks(&self, user: &UserId) -> Result<Ranks, StoreError> {
        self.log.ranks(user).await
    }
}

impl<L: Store> ChangeLog for Retained<'_, L> {
    async fn since(&self, key: &PortfolioKey, parent: Version) -> Result<Vec<Change>, StoreError> {
        Ok(self.retained(self.log.since(key, parent.max(self.from)).await?))
    }

    async fn between(&self, key: &PortfolioKey, from: Version, to: Version) -> Result<Vec<Change>, StoreError> {
        Ok(self.retained(self.log.between(key, from.max(self.from), to).await?))
    }

    async fn newest(&self, key: &PortfolioKey, limit: u16) -> Result<Vec<Change>, StoreError> {
        Ok(self.retained(self.log.newest(key, limit).await?))
    }

    async fn before(&self, key: &PortfolioKey, parent: Version, limit: u16) -> Result<Vec<Change>, StoreError> {
        Ok(self.retained(self.log.before(key, parent, limit).await?))
    }

    async fn oldest_since(&self, key: &PortfolioKey, parent: Version) -> Result<Option<Change>, StoreError> {
        self.log.oldest_since(key, parent.max(self.from)).await
    }

    async fn patch(&self, key: &PortfolioKey, change: &Change) -> Result<Patch, StoreError> {
        self.log.patch(key, change).await
    }

    async fn append(&self, key: &PortfolioKey, draft: &Draft) -> Result<Appended, StoreError> {
        self.log.append(key, draft).await
    }

    async fn remove(&self, key: &PortfolioKey, change: &Change) -> Result<(), StoreError> {
        self.log.remove(key, change).await
    }
}

impl<L: Store> Snapshots for Retained<'_, L> {
    async fn snapshot_before(&self, key: &PortfolioKey, version: Version) -> Result<Option<Snapshot>, StoreError> {
        let snapshot = self.log.snapshot_before(key, version).await?;
        Ok(snapshot.filter(|snapshot| snapshot.mark.version >= self.from))
    }

    async fn write_snapshot(&self, key: &PortfolioKey, snapshot: &SnapshotDraft) -> Result<SnapshotMark, StoreError> {
        self.log.write_snapshot(key, snapshot).await
    }

    async fn remove_snapshots_before(&self, key: &PortfolioKey, version: Version) -> Result<(), StoreError> {
        self.log.remove_snapshots_before(key, version).await
    }
}

impl<L: Store> Directory for Retained<'_, L> {
    async fn create(&self, key: &PortfolioKey, entry: &Entry, first: &Draft) -> Result<Appended, StoreError> {
        self.log.create(key, entry, first).await
    }

    async fn retain_from(&self, key: &PortfolioKey, version: Version) -> Result<bool, StoreError> {
        self.log.retain_from(key, version).await
    }

    async fn mark_snapshot(&self, key: &PortfolioKey, mark: &SnapshotMark) -> Result<bool, StoreError> {
        self.log.mark_snapshot(key, mark).await
    }

    async fn entries(&self, user: &UserId) -> Result<Vec<Entry>, StoreError> {
        self.log.entries(user).await
    }

    async fn entry(&self, key: &PortfolioKey) -> Result<Option<Entry>, StoreError> {
        self.log.entry(key).await
    }

    async fn rename(&self, key: &PortfolioKey, name: &str) -> Result<bool, StoreError> {
        self.log.rename(key, name).await
    }

    async fn append_and_rename(&self, key: &PortfolioKey, draft: &Draft, name: &str) -> Result<Appended, StoreError> {
        self.log.append_and_rename(key, draft, name).await
    }
}
