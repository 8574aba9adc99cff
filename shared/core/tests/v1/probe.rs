//! A log that records its requests and lets another writer come first if a test asks for it.

use coinolio_core::algebra::Ranks;
use coinolio_core::id::UserId;
use coinolio_core::log::{Change, Draft, Entry, Patch, PortfolioKey, Snapshot, SnapshotDraft, SnapshotMark, Version};
use coinolio_core::store::{Appended, ChangeLog, Directory, MemoryStore, RankSource, Snapshots, StoreError};
use std::collections::VecDeque;
use std::sync::Mutex;

/// What happens to an append.
pub(crate) enum Fate {
    /// Another writer appends this change just before it.
    ComesSecond(Box<Draft>),
    /// It is written, but its writer is told that the parent is occupied: the store's client sent the request twice.
    HiddenSuccess,
}

#[derive(Default)]
pub(crate) struct Probe {
    pub(crate) log: MemoryStore,
    requests: Mutex<Vec<&'static str>>,
    fates: Mutex<VecDeque<Fate>>,
    /// The requests that fail without an effect.
    failing: Mutex<Vec<&'static str>>,
    /// The changes that retention removes right after the next request for the oldest change.
    expiring: Mutex<Vec<Change>>,
}

impl Probe {
    /// Returns the requests since the last call.
    pub(crate) fn take_requests(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.requests.lock().unwrap())
    }

    pub(crate) fn next_append(&self, fate: Fate) {
        self.fates.lock().unwrap().push_back(fate);
    }

    pub(crate) fn let_expire(&self, changes: Vec<Change>) {
        *self.expiring.lock().unwrap() = changes;
    }

    /// Lets the requests of these names fail until the next call.
    pub(crate) fn fail(&self, requests: &[&'static str]) {
        *self.failing.lock().unwrap() = requests.to_vec();
    }

    fn count(&self, request: &'static str) -> Result<(), StoreError> {
        self.requests.lock().unwrap().push(request);
        if self.failing.lock().unwrap().contains(&request) {
            return Err(StoreError::Unavailable("throttled".into()));
        }
        Ok(())
    }

    fn fate(&self) -> Option<Fate> {
        self.fates.lock().unwrap().pop_front()
    }
}

impl RankSource for Probe {
    async fn ranks(&self, user: &UserId) -> Result<Ranks, StoreError> {
        self.count("ranks")?;
        self.log.ranks(user).await
    }
}

impl ChangeLog for Probe {
    async fn since(&self, key: &PortfolioKey, parent: Version) -> Result<Vec<Change>, StoreError> {
        self.count("since")?;
        self.log.since(key, parent).await
    }

    async fn between(&self, key: &PortfolioKey, from: Version, to: Version) -> Result<Vec<Change>, StoreError> {
        self.count("between")?;
        self.log.between(key, from, to).await
    }

    async fn newest(&self, key: &PortfolioKey, limit: u16) -> Result<Vec<Change>, StoreError> {
        self.count("newest")?;
        self.log.newest(key, limit).await
    }

    async fn before(&self, key: &PortfolioKey, parent: Version, limit: u16) -> Result<Vec<Change>, StoreError> {
        self.count("before")?;
        self.log.before(key, parent, limit).await
    }

    async fn patch(&self, key: &PortfolioKey, change: &Change) -> Result<Patch, StoreError> {
        if change.patch.is_none() {
            self.count("patch")?;
        }
        self.log.patch(key, change).await
    }

    async fn append(&self, key: &PortfolioKey, draft: &Draft) -> Result<Appended, StoreError> {
        self.count("append")?;
        match self.fate() {
            Some(Fate::ComesSecond(first)) => {
                self.log.append(key, &first).await?;
            }
            Some(Fate::HiddenSuccess) => {
                self.log.append(key, draft).await?;
            }
            None => {}
        }
        self.log.append(key, draft).await
    }

    async fn oldest_since(&self, key: &PortfolioKey, parent: Version) -> Result<Option<Change>, StoreError> {
        self.count("oldest_since")?;
        let oldest = self.log.oldest_since(key, parent).await?;
        let expiring = std::mem::take(&mut *self.expiring.lock().unwrap());
        for change in &expiring {
            self.log.remove(key, change).await?;
        }
        Ok(oldest)
    }

    async fn remove(&self, key: &PortfolioKey, change: &Change) -> Result<(), StoreError> {
        self.count("remove")?;
        self.log.remove(key, change).await
    }
}

impl Snapshots for Probe {
    async fn snapshot_before(&self, key: &PortfolioKey, version: Version) -> Result<Option<Snapshot>, StoreError> {
        self.count("snapshot_before")?;
        self.log.snapshot_before(key, version).await
    }

    async fn write_snapshot(&self, key: &PortfolioKey, snapshot: &SnapshotDraft) -> Result<SnapshotMark, StoreError> {
        self.count("write_snapshot")?;
        self.log.write_snapshot(key, snapshot).await
    }

    async fn remove_snapshots_before(&self, key: &PortfolioKey, version: Version) -> Result<(), StoreError> {
        self.count("remove_snapshots_before")?;
        self.log.remove_snapshots_before(key, version).await
    }
}

impl Directory for Probe {
    async fn create(&self, key: &PortfolioKey, entry: &Entry, first: &Draft) -> Result<Appended, StoreError> {
        self.count("create")?;
        if let Some(Fate::HiddenSuccess) = self.fate() {
            self.log.create(key, entry, first).await?;
        }
        self.log.create(key, entry, first).await
    }

    async fn mark_snapshot(&self, key: &PortfolioKey, mark: &SnapshotMark) -> Result<bool, StoreError> {
        self.count("mark_snapshot")?;
        self.log.mark_snapshot(key, mark).await
    }

    async fn retain_from(&self, key: &PortfolioKey, version: Version) -> Result<bool, StoreError> {
        self.count("retain_from")?;
        self.log.retain_from(key, version).await
    }

    async fn entries(&self, user: &UserId) -> Result<Vec<Entry>, StoreError> {
        self.count("entries")?;
        self.log.entries(user).await
    }

    async fn entry(&self, key: &PortfolioKey) -> Result<Option<Entry>, StoreError> {
        self.count("entry")?;
        self.log.entry(key).await
    }

    async fn rename(&self, key: &PortfolioKey, name: &str) -> Result<bool, StoreError> {
        self.count("rename")?;
        self.log.rename(key, name).await
    }

    async fn append_and_rename(&self, key: &PortfolioKey, draft: &Draft, name: &str) -> Result<Appended, StoreError> {
        self.count("append_and_rename")?;
        match self.fate() {
            Some(Fate::ComesSecond(first)) => {
                self.log.append(key, &first).await?;
            }
            Some(Fate::HiddenSuccess) => {
                self.log.append_and_rename(key, draft, name).await?;
            }
            None => {}
        }
        self.log.append_and_rename(key, draft, name).await
    }
}
