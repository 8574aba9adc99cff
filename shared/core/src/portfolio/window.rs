//! The newest changes of a log, read only as far back as a request needs them.

use super::Portfolio;
use super::conflicts::is_lost_by;
use crate::algebra::Op;
use crate::error::{Code, Error};
use crate::id::DeviceId;
use crate::log::{Change, ConflictRecord, Extent, Kind, Patch, SnapshotMark, Version};
use crate::store::{Store, StoreError};
use crate::time::Timestamp;
use std::collections::HashMap;

/// How many versions further back the first step of a search reads.
const REACH: u64 = 16;

/// By which factor each step of a search reads further back than the step before it.
const REACH_FACTOR: u64 = 8;

/// The log's knowledge of a version that a device claims to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// The log has the version.
    Present,
    /// The log has no such version: no version with this number, or one that was made at another time.
    Unknown,
    /// Retention has removed the version, or the change by which it could be told from another with this number.
    Expired,
}

/// The newest changes of a portfolio's log, without a gap.
#[derive(Debug)]
pub struct Window<'a, S> {
    portfolio: Portfolio<'a, S>,
    /// Oldest first: each change's parent is the version of the one before it.
    changes: Vec<Change>,
    /// Every change whose parent is this version or a later one is in `changes`.
    from: Version,
    /// How many versions further back the next step of a search reads.
    reach: u64,
    /// The newest snapshot noted so far.
    snapshot: Option<SnapshotMark>,
    /// The device for which the window is read, if it is one that syncs.
    device: Option<DeviceId>,
    /// The conflicts that concern the device, of each other device's change whose patch has been loaded. The loaded
    /// patch has none.
    concerning: HashMap<Version, Vec<ConflictRecord>>,
}

impl<'a, S: Store> Window<'a, S> {
    /// Makes a window of the newest changes, in the order in which they were read: newest first, from the head on.
    pub fn new(portfolio: Portfolio<'a, S>, mut newest_first: Vec<Change>) -> Self {
        newest_first.reverse();
        Self {
            portfolio,
            from: newest_first.first().map_or(0, |oldest| oldest.parent),
            changes: newest_first,
            reach: REACH,
            snapshot: None,
            device: None,
            concerning: HashMap::new(),
        }
    }

    /// Returns the window for a sync of `device`, which loads no conflicts except those that concern the device.
    ///
    /// The conflicts of others can be many times as large as the document.
    #[must_use]
    pub fn for_device(self, device: &DeviceId) -> Self {
        Self {
            device: Some(device.clone()),
            ..self
        }
    }

    /// Reads the newest `limit` changes in one request; none without such a portfolio.
    pub async fn read_newest(portfolio: Portfolio<'a, S>, limit: u16) -> Result<Self, StoreError> {
        let newest_first = portfolio.store.newest(portfolio.key, limit).await?;
        Ok(Self::new(portfolio, newest_first))
    }

    /// Reads the change that made `version`, if its parent is `version - 1`, and every change since.
    ///
    /// This takes one request, a second one if the log has no such change (to learn the head), and a third one after a
    /// write between the two. The window is empty only without such a portfolio.
    pub async fn read_since(portfolio: Portfolio<'a, S>, version: Version) -> Result<Self, StoreError> {
        let from = version.saturating_sub(1);
        let mut newest_first = portfolio.store.since(portfolio.key, from).await?;
        // The first request has shown the whole log if it began at parent 0.
        if newest_first.is_empty() && version > 1 {
            newest_first = portfolio.store.newest(portfolio.key, 1).await?;
            // The head alone would not show that the log has `version` before it.
            if newest_first.first().is_some_and(|head| head.parent > version) {
                newest_first = portfolio.store.since(portfolio.key, from).await?;
            }
        }
        let window = Self::new(portfolio, newest_first);
        Ok(Self {
            // There is no change between `from` and the oldest one, even if a jump skipped `from`.
            from: window.from.min(from),
            ..window
        })
    }

    /// Returns the portfolio that the window shows.
    pub const fn portfolio(&self) -> Portfolio<'a, S> {
        self.portfolio
    }

    /// Adds changes made since the head, newest first; leaves out those that the window has already.
    pub fn extend(&mut self, newest_first: Vec<Change>) {
        let known = self.changes.last().map(|head| head.version);
        let newer = newest_first
            .into_iter()
            .rev()
            .filter(|change| known.is_none_or(|known| change.parent >= known));
        self.changes.extend(newer);
    }

    /// Reads the changes made since the head: one request.
    pub async fn catch_up(&mut self) -> Result<(), StoreError> {
        let head = self.head().map_or(0, |head| head.version);
        let newer = self.portfolio.store.since(self.portfolio.key, head).await?;
        self.extend(newer);
        Ok(())
    }

    /// Returns the head's extent, with the newest snapshot noted; the extent of the next change is computed from it.
    pub fn extent(&self) -> Extent {
        let head = self.head().map_or(Extent::EMPTY, |head| head.extent);
        self.snapshot
            .iter()
            .fold(head, |extent, mark| extent.with_snapshot(mark))
    }

    /// Removes the changes that are expiring: those made on top of a version before `retained_from`.
    pub(super) fn cut_to(&mut self, retained_from: Version) {
        self.changes.retain(|change| change.parent >= retained_from);
        self.from = self.from.max(retained_from);
    }

    /// Notes a snapshot if it is newer than the one noted before.
    pub fn note_snapshot(&mut self, mark: SnapshotMark) {
        if self.snapshot.is_none_or(|known| known.version < mark.version) {
            self.snapshot = Some(mark);
        }
    }

    /// Notes the newest snapshot that the directory entry knows, in one request. This is the tightest bound of the
    /// document's size that is known without reading a document.
    pub async fn note_directorys_snapshot(&mut self) -> Result<(), StoreError> {
        let entry = self.portfolio.store.entry(self.portfolio.key).await?;
        if let Some(mark) = entry.and_then(|entry| entry.snapshot) {
            self.note_snapshot(mark);
        }
        Ok(())
    }

    /// Returns the newest snapshot that was noted.
    pub const fn snapshot(&self) -> Option<&SnapshotMark> {
        self.snapshot.as_ref()
    }

    /// Returns the changes, oldest first.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Returns the newest change; `None` without such a portfolio.
    pub fn head(&self) -> Option<&Change> {
        self.changes.last()
    }

    /// Returns the newest change of a portfolio that exists.
    ///
    /// # Errors
    /// Not found (404) if it never existed; deleted (410) if it was deleted.
    pub fn living_head(&self) -> Result<&Change, Error> {
        match self.head() {
            None => Err(no_such_portfolio()),
            Some(head) if head.kind == Kind::Deleted => {
                Err(Error::new(Code::Deleted, "the portfolio has been deleted"))
            }
            Some(head) => Ok(head),
        }
    }

    /// Returns the newest change of a portfolio that exists or has existed.
    ///
    /// # Errors
    /// Not found (404) if it never existed.
    pub fn any_head(&self) -> Result<&Change, Error> {
        self.head().ok_or_else(no_such_portfolio)
    }

    /// Tells whether the window shows that the log has `version`; every log has version 0.
    pub fn knows(&self, version: Version) -> bool {
        version == 0 && !self.changes.is_empty()
            || self
                .changes
                .iter()
                .any(|change| change.version == version || change.parent == version)
    }

    /// Tells whether the log of an existing portfolio has `version`, made at `made_at` if that is known.
    ///
    /// A number alone does not identify a version: another account's log, or one that was restored from a backup and
    /// then diverged, has the same numbers with other times. Version 0 is the empty document of every log and has no
    /// time.
    ///
    /// Takes no request if the window has the change that made the version, otherwise at most one.
    pub(crate) async fn check(&self, version: Version, made_at: Option<Timestamp>) -> Result<Claim, StoreError> {
        let verdict = |made: &Change| {
            let is_present = made.version == version && made_at.is_none_or(|at| at == made.last_sync_at);
            if is_present { Claim::Present } else { Claim::Unknown }
        };
        if let Some(made) = self.changes.iter().find(|change| change.version == version) {
            return Ok(verdict(made));
        }
        if version == 0 || made_at.is_none() && self.knows(version) {
            return Ok(Claim::Present);
        }
        let oldest_parent = self.changes.first().map_or(0, |oldest| oldest.parent);
        if oldest_parent <= version && !self.knows(version) {
            // A jump skipped it, or it is above the head.
            return Ok(Claim::Unknown);
        }
        // Times grow with versions.
        let mut later = self.changes.iter().filter(|change| change.parent >= version);
        if later.any(|later| made_at.is_some_and(|at| later.last_sync_at <= at)) {
            return Ok(Claim::Unknown);
        }
        let Portfolio { store, key } = self.portfolio;
        let before = store.before(key, version, 1).await?;
        // If retention has removed the change that made the version, at most a snapshot has it, and a snapshot has no
        // time that could be compared.
        Ok(before.first().map_or(Claim::Expired, verdict))
    }

    /// Returns the changes made since `version`, oldest first.
    pub fn after(&self, version: Version) -> &[Change] {
        self.changes.get(self.first_after(version)..).unwrap_or_default()
    }

    fn first_after(&self, version: Version) -> usize {
        self.changes.partition_point(|change| change.parent < version)
    }

    /// Returns the device for which the window is read.
    pub(super) const fn device(&self) -> Option<&DeviceId> {
        self.device.as_ref()
    }

    /// Returns the conflicts of `change` if they are loaded: all of them, or at least those that concern the device.
    pub(super) fn loaded_conflicts(&self, change: &Change) -> Option<Vec<ConflictRecord>> {
        if let Some(concerning) = self.concerning.get(&change.version) {
            return Some(concerning.clone());
        }
        let patch = change.patch.as_ref()?;
        let conflicts = Patch {
            conflicts: patch.conflicts.clone(),
            edits: Vec::new(),
        };
        Some(conflicts.into_records(change.version).collect())
    }

    /// Tells whether the window has every change from version 0 up to `version`, with its patch loaded.
    pub(super) fn has_all_up_to(&self, version: Version) -> bool {
        let mut up_to = self.changes.iter().filter(|change| change.version <= version);
        self.changes.first().is_some_and(|oldest| oldest.parent == 0) && up_to.all(|change| change.patch.is_some())
    }
}

/// Reading further back.
impl<S: Store> Window<'_, S> {
    /// Reads every change since `version` that the window does not have yet: at most one request.
    pub async fn reach(&mut self, version: Version) -> Result<(), StoreError> {
        if self.from > version {
            let Portfolio { store, key } = self.portfolio;
            let mut older = store.between(key, version, self.from).await?;
            older.reverse();
            self.changes.splice(0..0, older);
            // There is no change between the oldest one and its parent.
            let oldest = self.changes.first().map_or(0, |oldest| oldest.parent);
            self.from = version.min(oldest);
        }
        Ok(())
    }

    /// Tells whether a change in the log made `version`; reads as far back as that takes.
    ///
    /// False for version 0, which no change made: a document from before the portfolio's creation has no base.
    pub(crate) async fn has_version(&mut self, version: Version) -> Result<bool, StoreError> {
        let head = self.head().map_or(0, |head| head.version);
        if version == 0 || version > head {
            return Ok(false);
        }
        self.reach(version).await?;
        Ok(version == head || self.changes.iter().any(|change| change.parent == version))
    }

    /// Returns the change that made `version`.
    ///
    /// # Errors
    /// Base expired (410) if retention has removed the version, which takes one more request to find out; not found
    /// (404) if the portfolio never had it.
    pub(crate) async fn change_of(&mut self, version: Version) -> Result<Change, Error> {
        if self.has_version(version).await?
            && let Some(change) = self.find_newest(|change| change.version == version).await?
        {
            return Ok(change.clone());
        }
        let head = self.head().map_or(0, |head| head.version);
        let Portfolio { store, key } = self.portfolio;
        if (1..head).contains(&version)
            && let Some(oldest) = store.oldest_since(key, 0).await?
            && oldest.parent >= version
        {
            return Err(Error::new(Code::BaseExpired, format!("version {version} has expired")));
        }
        Err(Error::new(
            Code::NotFound,
            format!("the portfolio has no version {version}"),
        ))
    }

    /// Returns the newest change for which `is_wanted` is true, however far back it is.
    pub(crate) async fn find_newest(
        &mut self,
        is_wanted: impl Fn(&Change) -> bool,
    ) -> Result<Option<&Change>, StoreError> {
        let mut searched = 0;
        loop {
            let unsearched = self.changes.len() - searched;
            if let Some(found) = self.changes[..unsearched].iter().rposition(&is_wanted) {
                return Ok(self.changes.get(found));
            }
            if self.from == 0 {
                return Ok(None);
            }
            searched = self.changes.len();
            self.reach(self.from.saturating_sub(self.reach)).await?;
            self.reach = self.reach.saturating_mul(REACH_FACTOR);
        }
    }
}

/// The contents of the changes.
impl<S: Store> Window<'_, S> {
    /// Returns the operations of the changes made since `version`, in log order; paths may repeat across changes.
    pub async fn operations(&mut self, version: Version) -> Result<Vec<Op>, StoreError> {
        self.load(version, |_| true).await?;
        let patches = self.after(version).iter().filter_map(|change| change.patch.as_ref());
        let edits = patches.flat_map(|patch| &patch.edits);
        Ok(edits.map(|edit| edit.op.clone()).collect())
    }

    /// Loads the patches that are stored apart, of the changes since `version` for which `is_wanted` is true; each only
    /// once.
    pub(super) async fn load(
        &mut self,
        version: Version,
        is_wanted: impl Fn(&Change) -> bool,
    ) -> Result<(), StoreError> {
        let from = self.first_after(version);
        for change in self.changes.iter_mut().skip(from) {
            if change.patch.is_none() && is_wanted(change) {
                let mut patch = self.portfolio.patch_of(change).await?;
                if let Some(device) = self
                    .device
                    .as_ref()
                    .filter(|own| change.device_id.as_ref() != Some(own))
                {
                    let conflicts = Patch {
                        conflicts: std::mem::take(&mut patch.conflicts),
                        edits: Vec::new(),
                    };
                    let records = conflicts.into_records(change.version);
                    let concerning = records.filter(|record| is_lost_by(&record.conflict, device)).collect();
                    self.concerning.insert(change.version, concerning);
                }
                change.patch = Some(patch);
            }
        }
        Ok(())
    }

    /// Drops the loaded patches of the changes up to `version`, because each may be as large as the document.
    pub(super) fn unload(&mut self, version: Version) {
        for change in self.changes.iter_mut().filter(|change| change.version <= version) {
            if change.patch_id.is_some() {
                change.patch = None;
            }
        }
    }
}

fn no_such_portfolio() -> Error {
    Error::new(Code::NotFound, "there is no such portfolio")
}
