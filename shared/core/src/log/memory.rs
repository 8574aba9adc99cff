//! The log in memory: the port's contract without a store behind it.

use super::{
    Appended, Change, ChangeLog, Entry, Extent, LogError, NewChange, Patch, PortfolioKey, Snapshot, SnapshotMark,
    Version,
};
use crate::devices;
use crate::id::UserId;
use std::collections::{BTreeMap, HashMap};
use std::ops::RangeBounds;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The size of operations, in bytes of JSON, from which a patch is kept apart from its change, as the store
/// keeps it to hold a change item small.
const PATCH_APART_FROM: u64 = 3 * 1024;

/// What a change takes besides its patch, in bytes: about what its item takes in the store.
const CHANGE_BYTES: u64 = 400;

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
        let stored_bytes = CHANGE_BYTES + length(&patch.encode());
        let stored = Change {
            patch: inline.then(|| patch.clone()),
            extent: Extent {
                stored_bytes: change.extent.stored_bytes.saturating_add(stored_bytes),
                ..change.extent
            },
            ..change.clone()
        };
        self.changes.insert(change.parent, stored);
        Appended::Written
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
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

    async fn oldest_since(&self, key: &PortfolioKey, parent: Version) -> Result<Option<Change>, LogError> {
        let state = self.state();
        let log = state.logs.get(key);
        let oldest = log.and_then(|log| log.changes.range(parent..).next());
        Ok(oldest.map(|(_, change)| change.clone()))
    }

    async fn newest(&self, key: &PortfolioKey, limit: u16) -> Result<Vec<Change>, LogError> {
        Ok(self.newest_of(key, .., usize::from(limit)))
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

    async fn keep_from(&self, key: &PortfolioKey, version: Version) -> Result<bool, LogError> {
        let mut state = self.state();
        let entry = state.entries.get_mut(key).filter(|entry| entry.kept_from < version);
        let moves = entry.is_some();
        if let Some(entry) = entry {
            entry.kept_from = version;
        }
        Ok(moves)
    }

    async fn remove(&self, key: &PortfolioKey, change: &Change) -> Result<(), LogError> {
        if let Some(log) = self.state().logs.get_mut(key) {
            log.changes.remove(&change.parent);
            log.patches.remove(&change.parent);
        }
        Ok(())
    }

    async fn create(&self, key: &PortfolioKey, entry: &Entry, first: &NewChange) -> Result<Appended, LogError> {
        let mut state = self.state();
        let is_there = state.entries.contains_key(key);
        let log = state.logs.entry(key.clone()).or_default();
        // The entry outlives the first change, which retention may remove.
        if let Some((_, oldest)) = log.changes.first_key_value().filter(|_| is_there) {
            return Ok(Appended::Taken(Box::new(oldest.clone())));
        }
        let written = log.write(first);
        if written == Appended::Written {
            state.entries.insert(key.clone(), entry.clone());
        }
        Ok(written)
    }

    async fn snapshot_before(&self, key: &PortfolioKey, version: Version) -> Result<Option<Snapshot>, LogError> {
        let state = self.state();
        let log = state.logs.get(key);
        let newest = log.and_then(|log| log.snapshots.range(..=version).next_back());
        Ok(newest.map(|(_, snapshot)| snapshot.clone()))
    }

    async fn write_snapshot(&self, key: &PortfolioKey, snapshot: &Snapshot) -> Result<SnapshotMark, LogError> {
        let mark = SnapshotMark {
            stored_bytes: length(&snapshot.encode()),
            ..snapshot.mark
        };
        let kept = Snapshot {
            mark,
            document: snapshot.document.clone(),
        };
        let mut state = self.state();
        let log = state.logs.entry(key.clone()).or_default();
        log.snapshots.insert(mark.version, kept);
        Ok(mark)
    }

    async fn remove_snapshots_before(&self, key: &PortfolioKey, version: Version) -> Result<(), LogError> {
        if let Some(log) = self.state().logs.get_mut(key) {
            log.snapshots = log.snapshots.split_off(&version);
        }
        Ok(())
    }

    async fn mark_snapshot(&self, key: &PortfolioKey, mark: &SnapshotMark) -> Result<bool, LogError> {
        let mut state = self.state();
        let Some(entry) = state.entries.get_mut(key) else {
            return Ok(false);
        };
        let moves = entry.snapshot.is_none_or(|kept| kept.version < mark.version);
        if moves {
            entry.snapshot = Some(*mark);
        }
        Ok(moves)
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
