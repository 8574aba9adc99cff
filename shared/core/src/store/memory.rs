//! A store in memory: the ports' contracts without a database behind them.

use super::{Appended, ChangeLog, Described, Devices, Directory, Snapshots, StoreError};
use crate::devices::{Device, Profile, Sighting};
use crate::id::{DeviceId, UserId};
use crate::log::{Change, Draft, Entry, Extent, Patch, PortfolioKey, Snapshot, SnapshotDraft, SnapshotMark, Version};
use crate::time::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::ops::RangeBounds;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The size of operations, in bytes of JSON, from which a patch is stored apart from its change. The store on
/// DynamoDB does the same to keep change items small.
const PATCH_APART_FROM: u64 = 3 * 1024;

/// The bytes of a change without its patch: about the size of its item in DynamoDB.
const CHANGE_BYTES: u64 = 400;

/// A store in memory: all four ports.
///
/// It decides races as a conditional put does: the first writer of a key wins.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    logs: HashMap<PortfolioKey, Log>,
    entries: BTreeMap<PortfolioKey, Entry>,
    devices: BTreeMap<(UserId, DeviceId), Device>,
}

/// The items of one portfolio, with changes and patches under the parent of the change.
#[derive(Debug, Default)]
struct Log {
    changes: BTreeMap<Version, Change>,
    patches: BTreeMap<Version, Patch>,
    snapshots: BTreeMap<Version, Snapshot>,
}

impl Log {
    fn append(&mut self, draft: &Draft) -> Appended {
        if let Some(occupant) = self.changes.get(&draft.parent) {
            return Appended::Occupied(Box::new(occupant.clone()));
        }
        let stored_bytes = CHANGE_BYTES + length(&draft.patch.encode());
        let mut change = Change::from(draft.clone());
        if draft.patch_bytes >= PATCH_APART_FROM
            && let Some(patch) = change.patch.take()
        {
            self.patches.insert(draft.parent, patch);
        }
        change.extent = Extent {
            stored_bytes: draft.extent.stored_bytes.saturating_add(stored_bytes),
            ..draft.extent
        };
        self.changes.insert(draft.parent, change);
        Appended::Written
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

impl MemoryStore {
    /// Returns a store without portfolios.
    pub fn new() -> Self {
        Self::default()
    }

    /// Locks the state. A poisoned lock is used too, because no code leaves the state half-written, even if it
    /// panics.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn newest_of(&self, key: &PortfolioKey, parents: impl RangeBounds<Version>, limit: usize) -> Vec<Change> {
        let state = self.state();
        let Some(log) = state.logs.get(key) else {
            return Vec::new();
        };
        let newest_first = log.changes.range(parents).rev();
        newest_first.map(|(_, change)| change.clone()).take(limit).collect()
    }
}

impl ChangeLog for MemoryStore {
    async fn since(&self, key: &PortfolioKey, parent: Version) -> Result<Vec<Change>, StoreError> {
        Ok(self.newest_of(key, parent.., usize::MAX))
    }

    async fn between(&self, key: &PortfolioKey, from: Version, to: Version) -> Result<Vec<Change>, StoreError> {
        // `BTreeMap::range` panics if a range ends before it begins.
        Ok(self.newest_of(key, from.min(to)..to, usize::MAX))
    }

    async fn oldest_since(&self, key: &PortfolioKey, parent: Version) -> Result<Option<Change>, StoreError> {
        let state = self.state();
        let log = state.logs.get(key);
        let oldest = log.and_then(|log| log.changes.range(parent..).next());
        Ok(oldest.map(|(_, change)| change.clone()))
    }

    async fn newest(&self, key: &PortfolioKey, limit: u16) -> Result<Vec<Change>, StoreError> {
        Ok(self.newest_of(key, .., usize::from(limit)))
    }

    async fn before(&self, key: &PortfolioKey, parent: Version, limit: u16) -> Result<Vec<Change>, StoreError> {
        Ok(self.newest_of(key, ..parent, usize::from(limit)))
    }

    async fn patch(&self, key: &PortfolioKey, change: &Change) -> Result<Patch, StoreError> {
        if let Some(patch) = &change.patch {
            return Ok(patch.clone());
        }
        let state = self.state();
        let apart = state.logs.get(key).and_then(|log| log.patches.get(&change.parent));
        apart
            .cloned()
            .ok_or_else(|| StoreError::corrupt(format!("the patch of version {}", change.version), "it is missing"))
    }

    async fn append(&self, key: &PortfolioKey, draft: &Draft) -> Result<Appended, StoreError> {
        Ok(self.state().logs.entry(key.clone()).or_default().append(draft))
    }

    async fn remove(&self, key: &PortfolioKey, change: &Change) -> Result<(), StoreError> {
        if let Some(log) = self.state().logs.get_mut(key) {
            log.changes.remove(&change.parent);
            log.patches.remove(&change.parent);
        }
        Ok(())
    }
}

impl Snapshots for MemoryStore {
    async fn snapshot_before(&self, key: &PortfolioKey, version: Version) -> Result<Option<Snapshot>, StoreError> {
        let state = self.state();
        let log = state.logs.get(key);
        let newest = log.and_then(|log| log.snapshots.range(..=version).next_back());
        Ok(newest.map(|(_, snapshot)| snapshot.clone()))
    }

    async fn write_snapshot(&self, key: &PortfolioKey, snapshot: &SnapshotDraft) -> Result<SnapshotMark, StoreError> {
        let mark = snapshot.mark(length(&snapshot.encode()));
        let stored = Snapshot {
            mark,
            document: snapshot.document.clone(),
        };
        let mut state = self.state();
        let log = state.logs.entry(key.clone()).or_default();
        log.snapshots.insert(mark.version, stored);
        Ok(mark)
    }

    async fn remove_snapshots_before(&self, key: &PortfolioKey, version: Version) -> Result<(), StoreError> {
        if let Some(log) = self.state().logs.get_mut(key) {
            log.snapshots = log.snapshots.split_off(&version);
        }
        Ok(())
    }
}

impl Directory for MemoryStore {
    async fn entries(&self, user: &UserId) -> Result<Vec<Entry>, StoreError> {
        let state = self.state();
        // Keys sort by user, then by portfolio.
        let entries = state.entries.iter().filter(|(key, _)| key.user == *user);
        Ok(entries.map(|(_, entry)| entry.clone()).collect())
    }

    async fn entry(&self, key: &PortfolioKey) -> Result<Option<Entry>, StoreError> {
        Ok(self.state().entries.get(key).cloned())
    }

    async fn create(&self, key: &PortfolioKey, entry: &Entry, first: &Draft) -> Result<Appended, StoreError> {
        let mut state = self.state();
        let has_entry = state.entries.contains_key(key);
        let log = state.logs.entry(key.clone()).or_default();
        // Retention may have removed the first change, but never the entry.
        if let Some((_, oldest)) = log.changes.first_key_value().filter(|_| has_entry) {
            return Ok(Appended::Occupied(Box::new(oldest.clone())));
        }
        let appended = log.append(first);
        if appended == Appended::Written {
            state.entries.insert(key.clone(), entry.clone());
        }
        Ok(appended)
    }

    async fn rename(&self, key: &PortfolioKey, name: &str) -> Result<bool, StoreError> {
        let mut state = self.state();
        let Some(entry) = state.entries.get_mut(key) else {
            return Ok(false);
        };
        name.clone_into(&mut entry.name);
        Ok(true)
    }

    async fn append_and_rename(&self, key: &PortfolioKey, draft: &Draft, name: &str) -> Result<Appended, StoreError> {
        let mut state = self.state();
        if !state.entries.contains_key(key) {
            return Err(StoreError::Refused("the portfolio has no directory entry".into()));
        }
        let appended = state.logs.entry(key.clone()).or_default().append(draft);
        if appended == Appended::Written
            && let Some(entry) = state.entries.get_mut(key)
        {
            name.clone_into(&mut entry.name);
        }
        Ok(appended)
    }

    async fn mark_snapshot(&self, key: &PortfolioKey, mark: &SnapshotMark) -> Result<bool, StoreError> {
        let mut state = self.state();
        let Some(entry) = state.entries.get_mut(key) else {
            return Ok(false);
        };
        let is_newer = entry.snapshot.is_none_or(|marked| marked.version < mark.version);
        if is_newer {
            entry.snapshot = Some(*mark);
        }
        Ok(is_newer)
    }

    async fn retain_from(&self, key: &PortfolioKey, version: Version) -> Result<bool, StoreError> {
        let mut state = self.state();
        let Some(entry) = state.entries.get_mut(key) else {
            return Ok(false);
        };
        let is_later = entry.retained_from < version;
        if is_later {
            entry.retained_from = version;
        }
        Ok(is_later)
    }
}

impl Devices for MemoryStore {
    async fn devices(&self, user: &UserId) -> Result<Vec<Device>, StoreError> {
        let state = self.state();
        // Keys sort by user, then by device.
        let devices = state.devices.iter().filter(|((owner, _), _)| owner == user);
        Ok(devices.map(|(_, device)| device.clone()).collect())
    }

    async fn device(&self, user: &UserId, id: &DeviceId) -> Result<Option<Device>, StoreError> {
        Ok(self.state().devices.get(&(user.clone(), id.clone())).cloned())
    }

    async fn device_eventually(&self, user: &UserId, id: &DeviceId) -> Result<Option<Device>, StoreError> {
        self.device(user, id).await
    }

    async fn describe(
        &self,
        user: &UserId,
        id: &DeviceId,
        profile: &Profile,
        now: Timestamp,
    ) -> Result<Described, StoreError> {
        let mut state = self.state();
        let key = (user.clone(), id.clone());
        let created = !state.devices.contains_key(&key);
        let device = state.devices.entry(key).or_insert_with(|| Device::new(id.clone(), now));
        device.profile = profile.clone();
        Ok(Described {
            device: device.clone(),
            created,
        })
    }

    async fn record(&self, user: &UserId, id: &DeviceId, sighting: &Sighting) -> Result<bool, StoreError> {
        let mut state = self.state();
        let device = state.devices.entry((user.clone(), id.clone()));
        Ok(sighting.add_to(device.or_insert_with(|| Device::new(id.clone(), sighting.at))))
    }

    async fn forget(&self, user: &UserId, id: &DeviceId) -> Result<bool, StoreError> {
        let removed = self.state().devices.remove(&(user.clone(), id.clone()));
        Ok(removed.is_some())
    }
}
