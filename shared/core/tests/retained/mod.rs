//! A log of which retention has removed the beginning.

use coinolio_core::algebra::Ranks;
use coinolio_core::devices::RankSource;
use coinolio_core::id::UserId;
use coinolio_core::log::{
    Appended, Change, ChangeLog, Entry, Extent, LogError, NewChange, Patch, PortfolioKey, Snapshot, Version, Window,
    document_at,
};

/// What is left of a log after a snapshot of one version: that, and the changes on top of it.
pub(crate) struct Retained<'a, L> {
    log: &'a L,
    /// The parent of the oldest change kept; 0 where all are.
    from: Version,
}

impl<'a, L: ChangeLog> Retained<'a, L> {
    /// What is left after `from`, of which [`snapshot`] was kept.
    pub(crate) fn after(log: &'a L, from: Version) -> Self {
        Self { log, from }
    }

    fn kept(&self, mut changes: Vec<Change>) -> Vec<Change> {
        changes.retain(|change| change.parent >= self.from);
        for change in &mut changes {
            let extent = change.extent;
            change.extent = Extent {
                snapshot: extent.snapshot.max(self.from),
                ..extent
            };
        }
        changes
    }
}

/// Keeps a snapshot of `version`.
pub(crate) async fn snapshot(log: &impl ChangeLog, key: &PortfolioKey, version: Version) {
    let mut window = Window::read(log, key, version).await.unwrap();
    let document = (*document_at(log, key, &mut window, version).await.unwrap()).clone();
    log.write_snapshot(key, &Snapshot { version, document }).await.unwrap();
}

impl<L: RankSource> RankSource for Retained<'_, L> {
    async fn ranks(&self, user: &UserId) -> Result<Ranks, LogError> {
        self.log.ranks(user).await
    }
}

impl<L: ChangeLog> ChangeLog for Retained<'_, L> {
    async fn since(&self, key: &PortfolioKey, parent: Version) -> Result<Vec<Change>, LogError> {
        Ok(self.kept(self.log.since(key, parent.max(self.from)).await?))
    }

    async fn between(&self, key: &PortfolioKey, from: Version, to: Version) -> Result<Vec<Change>, LogError> {
        Ok(self.kept(self.log.between(key, from.max(self.from), to).await?))
    }

    async fn newest(&self, key: &PortfolioKey, limit: u16) -> Result<Vec<Change>, LogError> {
        Ok(self.kept(self.log.newest(key, limit).await?))
    }

    async fn before(&self, key: &PortfolioKey, parent: Version, limit: u16) -> Result<Vec<Change>, LogError> {
        Ok(self.kept(self.log.before(key, parent, limit).await?))
    }

    async fn oldest(&self, key: &PortfolioKey) -> Result<Option<Change>, LogError> {
        if self.from == 0 {
            return self.log.oldest(key).await;
        }
        Ok(self.kept(self.log.between(key, self.from, self.from + 1).await?).pop())
    }

    async fn patch(&self, key: &PortfolioKey, change: &Change) -> Result<Patch, LogError> {
        self.log.patch(key, change).await
    }

    async fn append(&self, key: &PortfolioKey, new: &NewChange) -> Result<Appended, LogError> {
        self.log.append(key, new).await
    }

    async fn create(&self, key: &PortfolioKey, entry: &Entry, first: &NewChange) -> Result<Appended, LogError> {
        self.log.create(key, entry, first).await
    }

    async fn snapshot(&self, key: &PortfolioKey, version: Version) -> Result<Option<Snapshot>, LogError> {
        if version < self.from {
            return Ok(None);
        }
        self.log.snapshot(key, version).await
    }

    async fn write_snapshot(&self, key: &PortfolioKey, snapshot: &Snapshot) -> Result<(), LogError> {
        self.log.write_snapshot(key, snapshot).await
    }

    async fn entries(&self, user: &UserId) -> Result<Vec<Entry>, LogError> {
        self.log.entries(user).await
    }

    async fn entry(&self, key: &PortfolioKey) -> Result<Option<Entry>, LogError> {
        self.log.entry(key).await
    }

    async fn rename(&self, key: &PortfolioKey, name: &str) -> Result<bool, LogError> {
        self.log.rename(key, name).await
    }
}
