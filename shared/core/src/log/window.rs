//! The newest changes of a log, as far back as a request needs them.

use super::expired::patch_of;
use super::{Change, ChangeLog, Extent, Kind, LogError, LoggedConflict, PortfolioKey, SnapshotMark, Version};
use crate::algebra::Op;
use crate::error::{Code, Error};

/// A run of a log's changes without a gap, up to the newest one read.
#[derive(Clone, Debug, Default)]
pub struct Window {
    /// Oldest first: each change's parent is the version of the one before it.
    changes: Vec<Change>,
    /// The newest snapshot met so far.
    snapshot: Option<SnapshotMark>,
}

impl Window {
    /// Takes changes as the log gives them, newest first, up to the head.
    pub fn new(newest_first: Vec<Change>) -> Self {
        let mut window = Self::default();
        window.extend(newest_first);
        window
    }

    /// Reads the change that made `base`, where its parent is `base - 1`, and all since.
    ///
    /// One request; a second one only where the log holds no such change, so that its head is known in any
    /// case, and a third where others wrote between the two. Empty only where there is no such portfolio.
    pub async fn read<L: ChangeLog>(log: &L, key: &PortfolioKey, base: Version) -> Result<Self, LogError> {
        let from = base.saturating_sub(1);
        let mut newest_first = log.since(key, from).await?;
        // From parent 0 on there is nothing that the first request does not show.
        if newest_first.is_empty() && base > 1 {
            newest_first = log.newest(key, 1).await?;
            // The head alone would not show that the log had the base before it.
            if newest_first.first().is_some_and(|head| head.parent > base) {
                newest_first = log.since(key, from).await?;
            }
        }
        Ok(Self::new(newest_first))
    }

    /// Adds the changes made since the head, newest first; those already here are left out.
    pub fn extend(&mut self, newest_first: Vec<Change>) {
        let known = self.changes.last().map(|head| head.version);
        let newer = newest_first
            .into_iter()
            .rev()
            .filter(|change| known.is_none_or(|known| change.parent >= known));
        self.changes.extend(newer);
    }

    /// The head's extent, with what was learnt since of the newest snapshot: what the next change grows from.
    pub fn extent(&self) -> Extent {
        let head = self.head().map_or(Extent::EMPTY, |head| head.extent);
        self.snapshot.iter().fold(head, |extent, mark| extent.knowing(mark))
    }

    /// Lets go of the changes that retention is removing: those made on top of a version before `kept_from`.
    pub(super) fn cut_to(&mut self, kept_from: Version) {
        self.changes.retain(|change| change.parent >= kept_from);
    }

    /// Learns of a snapshot; the newest one counts.
    pub fn learn(&mut self, mark: SnapshotMark) {
        if self.snapshot.is_none_or(|known| known.version < mark.version) {
            self.snapshot = Some(mark);
        }
    }

    /// The newest snapshot that was read for this window, or that it was told of.
    pub const fn snapshot(&self) -> Option<&SnapshotMark> {
        self.snapshot.as_ref()
    }

    /// The changes, oldest first.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// The newest change; `None` where there is no such portfolio.
    pub fn head(&self) -> Option<&Change> {
        self.changes.last()
    }

    /// The newest change of a portfolio that is there: 404 where it never was, 410 where it was deleted.
    pub fn living_head(&self) -> Result<&Change, Error> {
        living(self.head())
    }

    /// True where `version` is 0 or a version that the window shows to be in the log.
    pub fn knows(&self, version: Version) -> bool {
        version == 0 && !self.changes.is_empty()
            || self
                .changes
                .iter()
                .any(|change| change.version == version || change.parent == version)
    }

    /// The changes made since `version`, oldest first.
    pub fn after(&self, version: Version) -> &[Change] {
        self.changes.get(self.first_after(version)..).unwrap_or_default()
    }

    /// The operations of the changes made since `version`, in log order (paths may repeat across changes).
    pub async fn operations<L: ChangeLog>(
        &mut self,
        log: &L,
        key: &PortfolioKey,
        version: Version,
    ) -> Result<Vec<Op>, LogError> {
        self.load(log, key, version, |_| true).await?;
        let patches = self.after(version).iter().filter_map(|change| change.patch.as_ref());
        let edits = patches.flat_map(|patch| &patch.edits);
        Ok(edits.map(|edit| edit.op.clone()).collect())
    }

    /// The conflicts that the changes made since `version` recorded, in log order, as far as they are kept.
    pub async fn conflicts<L: ChangeLog>(
        &mut self,
        log: &L,
        key: &PortfolioKey,
        version: Version,
    ) -> Result<Vec<LoggedConflict>, LogError> {
        let has_some = |change: &Change| change.conflicts > 0;
        if let Err(error) = self.load(log, key, version, has_some).await {
            let LogError::Expired { kept_from, .. } = error else {
                return Err(error);
            };
            self.cut_to(kept_from);
            self.load(log, key, version, has_some).await?;
        }
        let mut conflicts = Vec::new();
        for change in self.after(version).iter().filter(|change| has_some(change)) {
            let recorded = change.patch.iter().flat_map(|patch| &patch.conflicts);
            conflicts.extend(recorded.map(|conflict| LoggedConflict {
                version: change.version,
                conflict: conflict.clone(),
            }));
        }
        Ok(conflicts)
    }

    /// Reads the patches kept apart of the changes made since `version` that are `wanted`, each once.
    pub(super) async fn load<L: ChangeLog>(
        &mut self,
        log: &L,
        key: &PortfolioKey,
        version: Version,
        wanted: impl Fn(&Change) -> bool,
    ) -> Result<(), LogError> {
        let from = self.first_after(version);
        for change in self.changes.iter_mut().skip(from) {
            if change.patch.is_none() && wanted(change) {
                change.patch = Some(patch_of(log, key, change).await?);
            }
        }
        Ok(())
    }

    /// Lets go of the patches kept apart of the changes up to `version`: each may be as large as the document.
    pub(super) fn unload(&mut self, version: Version) {
        for change in self.changes.iter_mut().filter(|change| change.version <= version) {
            if change.patch_id.is_some() {
                change.patch = None;
            }
        }
    }

    fn first_after(&self, version: Version) -> usize {
        self.changes.partition_point(|change| change.parent < version)
    }

    /// True where every change since version 0 up to `version` is here with its patch.
    pub(super) fn holds_all_up_to(&self, version: Version) -> bool {
        let mut up_to = self.changes.iter().filter(|change| change.version <= version);
        self.changes.first().is_some_and(|oldest| oldest.parent == 0) && up_to.all(|change| change.patch.is_some())
    }
}

/// `head`, where it is that of a portfolio that is there: 404 where it never was, 410 where it was deleted.
pub(crate) fn living(head: Option<&Change>) -> Result<&Change, Error> {
    match head {
        None => Err(Error::new(Code::NotFound, "there is no such portfolio")),
        Some(head) if head.kind == Kind::Deleted => Err(Error::new(Code::Deleted, "the portfolio has been deleted")),
        Some(head) => Ok(head),
    }
}
