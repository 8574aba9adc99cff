//! A log that records its requests and lets another writer come first if a test asks for it.

use coinolio_core::algebra::Ranks;
use coinolio_core::devices::RankSource;
use coinolio_core::id::UserId;
use coinolio_core::log::{
    Appended, Change, ChangeLog, Entry, LogError, MemoryLog, NewChange, Patch, PortfolioKey, Snapshot, SnapshotMark,
    Version,
};
use std::collections::VecDeque;
use std::sync::Mutex;

/// What happens to an append.
pub(crate) enum Fate {
    /// Another writer appends this change just before it.
    ComesSecond(Box<NewChange>),
    /// It is written, but its writer is told that the parent is occupied: the store's client sent the request twice.
    HiddenSuccess,
}

#[derive(Default)]
pub(crate) struct Probe {
    pub(crate) log: MemoryLog,
    requests: Mutex<Vec<&'static str>>,
    fates: Mutex<VecDeque<Fate>>,
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

    fn count(&self, request: &'static str) {
        self.requests.lock().unwrap().push(request);
    }

    fn fate(&self) -> Option<Fate> {
        self.fates.lock().unwrap().pop_front()
    }
}

impl RankSource for Probe {
    async fn ranks(&self, user: &UserId) -> Result<Ranks, LogError> {
        self.count("ranks");
        self.log.ranks(user).await
    }
}

impl ChangeLog for Probe {
    async fn since(&self, key: &PortfolioKey, parent: Version) -> Result<Vec<Change>, LogError> {
        self.count("since");
        self.log.since(key, parent).await
    }

    async fn between(&self, key: &PortfolioKey, from: Version, to: Version) -> Result<Vec<Change>, LogError> {
        self.count("between");
        self.log.between(key, from, to).await
    }

    async fn newest(&self, key: &PortfolioKey, limit: u16) -> Result<Vec<Change>, LogError> {
        self.count("newest");
        self.log.newest(key, limit).await
    }

    async fn before(&self, key: &PortfolioKey, parent: Version, limit: u16) -> Result<Vec<Change>, LogError> {
        self.count("before");
        self.log.before(key, parent, limit).await
    }

    async fn patch(&self, key: &PortfolioKey, change: &Change) -> Result<Patch, LogError> {
        if change.patch.is_none() {
            self.count("patch");
        }
        self.log.patch(key, change).await
    }

    async fn append(&self, key: &PortfolioKey, new: &NewChange) -> Result<Appended, LogError> {
        self.count("append");
        match self.fate() {
            Some(Fate::ComesSecond(first)) => {
                self.log.append(key, &first).await?;
            }
            Some(Fate::HiddenSuccess) => {
                self.log.append(key, new).await?;
            }
            None => {}
        }
        self.log.append(key, new).await
    }

    async fn create(&self, key: &PortfolioKey, entry: &Entry, first: &NewChange) -> Result<Appended, LogError> {
        self.count("create");
        if let Some(Fate::HiddenSuccess) = self.fate() {
            self.log.create(key, entry, first).await?;
        }
        self.log.create(key, entry, first).await
    }

    async fn snapshot_before(&self, key: &PortfolioKey, version: Version) -> Result<Option<Snapshot>, LogError> {
        self.count("snapshot_before");
        self.log.snapshot_before(key, version).await
    }

    async fn write_snapshot(&self, key: &PortfolioKey, snapshot: &Snapshot) -> Result<SnapshotMark, LogError> {
        self.count("write_snapshot");
        self.log.write_snapshot(key, snapshot).await
    }

    async fn remove_snapshots_before(&self, key: &PortfolioKey, version: Version) -> Result<(), LogError> {
        self.count("remove_snapshots_before");
        self.log.remove_snapshots_before(key, version).await
    }

    async fn mark_snapshot(&self, key: &PortfolioKey, mark: &SnapshotMark) -> Result<bool, LogError> {
        self.count("mark_snapshot");
        self.log.mark_snapshot(key, mark).await
    }

    async fn oldest_since(&self, key: &PortfolioKey, parent: Version) -> Result<Option<Change>, LogError> {
        self.count("oldest_since");
        let oldest = self.log.oldest_since(key, parent).await?;
        let expiring = std::mem::take(&mut *self.expiring.lock().unwrap());
        for change in &expiring {
            self.log.remove(key, change).await?;
        }
        Ok(oldest)
    }

    async fn keep_from(&self, key: &PortfolioKey, version: Version) -> Result<bool, LogError> {
        self.count("keep_from");
        self.log.keep_from(key, version).await
    }

    async fn remove(&self, key: &PortfolioKey, change: &Change) -> Result<(), LogError> {
        self.count("remove");
        self.log.remove(key, change).await
    }

    async fn entries(&self, user: &UserId) -> Result<Vec<Entry>, LogError> {
        self.count("entries");
        self.log.entries(user).await
    }

    async fn entry(&self, key: &PortfolioKey) -> Result<Option<Entry>, LogError> {
        self.count("entry");
        self.log.entry(key).await
    }

    async fn rename(&self, key: &PortfolioKey, name: &str) -> Result<bool, LogError> {
        self.count("rename");
        self.log.rename(key, name).await
    }
}
