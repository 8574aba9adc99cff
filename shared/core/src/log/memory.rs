//! The log in memory: the port's contract without a store behind it.

use super::{Appended, Change, ChangeLog, Entry, LogError, NewChange, Patch, PortfolioKey, Snapshot, Version};
use crate::devices;
use crate::id::UserId;
use std::collections::{BTreeMap, HashMap};
use std::ops::RangeBounds;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The size of operations, in bytes of JSON, from which a patch is kept apart from its change, as the store
/// keeps it to hold a change item small.
const PATCH_APART_FROM: u64 = 3 * 1024;

/// A [`ChangeLog`] in memory, and the [`Devices`](crate::devices::Devices) beside it.
///
/// It decides races as a conditional put does: whoever writes a key first has it.
#[derive(Debug, Default)]
pub struct MemoryLog {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    logs: HashMap<PortfolioKey, Log>,
    entries: BTreeMap<PortfolioKey, Entry>,
    devices: devices::Kept,
}

/// One portfolio's items; changes and patches by the change's parent.
#[derive(Debug, Default)]
struct Log {
    changes: BTreeMap<Version, Change>,
    patches: BTreeMap<Version, Patch>,
    snapshots: BTreeMap<Version, Snapshot>,
}

impl Log {
    fn write(&mut self, new: &NewChange) -> Appended {
        let NewChange { change, patch } = new;
        if let Some(taken) = self.changes.get(&change.parent) {
            return Appended::Taken(Box::new(taken.clone()));
        }
        let inline = change.patch_bytes < PATCH_APART_FROM;
        if !inline {
            self.patches.insert(change.parent, patch.clone());
        }
        let stored = Change {
            patch: inline.then(|| patch.clone()),
            ..change.clone()
        };
        self.changes.insert(change.parent, stored);
        Appended::Written
    }
}

impl MemoryLog {
    /// A log without portfolios.
    pub fn new() -> Self {
        Self::default()
    }

    /// The state; no holder of the lock leaves it half-written, so a poisoned one is as good.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What `act` makes of the devices, while nobody else does anything.
    pub(crate) fn with_devices<T>(&self, act: impl FnOnce(&mut devices::Kept) -> T) -> T {
        act(&mut self.state().devices)
    }

    fn newest_of(&self, key: &PortfolioKey, parents: impl RangeBounds<Version>, limit: usize) -> Vec<Change> {
        let state = self.state();
        let Some(log) = state.logs.get(key) else {
            return Vec::new();
        };
        let newest_first = log.changes.range(parents).rev();
        newest_first.map(|(_, change)| change.clone()).take(limit).collect()
    }

    fn patch_of(&self, key: &PortfolioKey, change: &Change) -> Result<Patch, LogError> {
        if let Some(patch) = &change.patch {
            return Ok(patch.clone());
        }
        let state = self.state();
        let apart = state.logs.get(key).and_then(|log| log.patches.get(&change.parent));
        apart.cloned().ok_or_else(|| LogError::Corrupt {
            item: format!("the patch of version {}", change.version),
            reason: "it is missing".to_owned(),
        })
    }
}

impl ChangeLog for MemoryLog {
    async fn since(&self, key: &PortfolioKey, parent: Version) -> Result<Vec<Change>, LogError> {
        Ok(self.newest_of(key, parent.., usize::MAX))
    }

    async fn between(&self, key: &PortfolioKey, from: Version, to: Version) -> Result<Vec<Change>, LogError> {
        // A range that ends before it begins is empty, where `BTreeMap::range` would panic.
        Ok(self.newest_of(key, from.min(to)..to, usize::MAX))
    }

    async fn newest(&self, key: &PortfolioKey, limit: u16) -> Result<Vec<Change>, LogError> {
        Ok(self.newest_of(key, .., usize::from(limit)))
    }

    async fn oldest(&self, key: &PortfolioKey) -> Result<Option<Change>, LogError> {
        let state = self.state();
        let oldest = state.logs.get(key).and_then(|log| log.changes.values().next());
        Ok(oldest.cloned())
    }

    async fn before(&self, key: &PortfolioKey, parent: Version, limit: u16) -> Result<Vec<Change>, LogError> {
        Ok(self.newest_of(key, ..parent, usize::from(limit)))
    }

    async fn patch(&self, key: &PortfolioKey, change: &Change) -> Result<Patch, LogError> {
        self.patch_of(key, change)
    }

    async fn append(&self, key: &PortfolioKey, new: &NewChange) -> Result<Appended, LogError> {
        Ok(self.state().logs.entry(key.clone()).or_default().write(new))
    }

    async fn create(&self, key: &PortfolioKey, entry: &Entry, first: &NewChange) -> Result<Appended, LogError> {
        let mut state = self.state();
        let written = state.logs.entry(key.clone()).or_default().write(first);
        if written == Appended::Written {
            state.entries.insert(key.clone(), entry.clone());
        }
        Ok(written)
    }

    async fn snapshot(&self, key: &PortfolioKey, version: Version) -> Result<Option<Snapshot>, LogError> {
        let state = self.state();
        let kept = state.logs.get(key).and_then(|log| log.snapshots.get(&version));
        Ok(kept.cloned())
    }

    async fn write_snapshot(&self, key: &PortfolioKey, snapshot: &Snapshot) -> Result<(), LogError> {
        let mut state = self.state();
        let log = state.logs.entry(key.clone()).or_default();
        log.snapshots.insert(snapshot.version, snapshot.clone());
        Ok(())
    }

    async fn entries(&self, user: &UserId) -> Result<Vec<Entry>, LogError> {
        let state = self.state();
        // Keys sort by user, then by portfolio.
        let entries = state.entries.iter().filter(|(key, _)| key.user == *user);
        Ok(entries.map(|(_, entry)| entry.clone()).collect())
    }

    async fn entry(&self, key: &PortfolioKey) -> Result<Option<Entry>, LogError> {
        Ok(self.state().entries.get(key).cloned())
    }

    async fn rename(&self, key: &PortfolioKey, name: &str) -> Result<bool, LogError> {
        let mut state = self.state();
        let entry = state.entries.get_mut(key);
        let is_there = entry.is_some();
        if let Some(entry) = entry {
            name.clone_into(&mut entry.name);
        }
        Ok(is_there)
    }
}
