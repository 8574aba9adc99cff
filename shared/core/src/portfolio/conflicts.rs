//! The conflicts that the answer to a sync reports (docs/PROTOCOL.md).

use super::Window;
use crate::algebra::{Conflict, Path, Winner};
use crate::id::DeviceId;
use crate::log::{Change, ConflictRecord, Version, json_size};
use crate::store::{Store, StoreError};
use std::collections::HashSet;

/// How many conflicts an answer reports at most.
pub const MAX_REPORTED_CONFLICTS: usize = 100;

/// How large the conflicts of an answer are together at most, in bytes of JSON.
pub const MAX_REPORTED_BYTES: u64 = 256 * 1024;

/// The conflicts that an answer reports to a device.
///
/// They concern the device: they were recorded by its sync, or they were recorded since its base and one of its edits
/// is the losing value. An answer reports the newest of them at each path, in log order, at most
/// [`MAX_REPORTED_CONFLICTS`] and [`MAX_REPORTED_BYTES`]. The history has the others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReportedConflicts {
    /// The reported conflicts.
    pub conflicts: Vec<ConflictRecord>,
    /// How many more conflicts concern the device.
    pub omitted: u64,
}

/// Tells whether an edit of `device` is the losing value of `conflict`.
pub(super) fn is_lost_by(conflict: &Conflict, device: &DeviceId) -> bool {
    let loser = match conflict.winner {
        Winner::Client => &conflict.server,
        Winner::Server => &conflict.client,
    };
    loser.device_id.as_ref() == Some(device)
}

impl<S: Store> Window<'_, S> {
    /// Returns the conflicts to report to the device of [`Self::for_device`]: those since `base`, and those of the
    /// device's sync, which made the changes for which `is_this_sync` is true. Without a base, the server does not know
    /// which conflicts the device has already received, and returns only the latter. Expired ones are left out.
    ///
    /// This takes one request for each change that may have such a conflict, whose patch is stored apart and has not
    /// been loaded. The patch is not retained.
    pub async fn conflicts(
        &self,
        base: Option<Version>,
        is_this_sync: impl Fn(&Change) -> bool,
    ) -> Result<ReportedConflicts, StoreError> {
        let portfolio = self.portfolio();
        let own = self.own_versions();
        let mut report = Report::default();
        for change in self.after(base.unwrap_or(0)).iter().rev() {
            let of_sync = is_this_sync(change);
            if change.conflicts == 0 || !of_sync && (base.is_none() || !self.may_concern(change, &own)) {
                continue;
            }
            let records = match self.loaded_conflicts(change) {
                Some(records) => records,
                None => match portfolio.patch_of(change).await {
                    Ok(patch) => patch.into_records(change.version).collect(),
                    // Older changes have expired, too.
                    Err(StoreError::Expired { .. }) => break,
                    Err(error) => return Err(error),
                },
            };
            let is_lost =
                |record: &ConflictRecord| self.device().is_some_and(|device| is_lost_by(&record.conflict, device));
            let concerning = records.into_iter().filter(|record| of_sync || is_lost(record));
            concerning.for_each(|record| report.add(record));
        }
        Ok(report.in_log_order())
    }

    /// Returns the versions that the device's changes in the window made, in ascending order.
    fn own_versions(&self) -> Vec<Version> {
        let own = |change: &&Change| change.device_id.is_some() && change.device_id.as_ref() == self.device();
        self.changes().iter().filter(own).map(|change| change.version).collect()
    }

    /// Tells whether an edit of the device may have lost in `change`, judged without the patch of `change`; `own` are
    /// the versions of the device's changes.
    ///
    /// In another device's change, an edit of this device can only have lost if the log had it after the base of that
    /// change.
    fn may_concern(&self, change: &Change, own: &[Version]) -> bool {
        let is_own = change.device_id.as_ref() == self.device();
        // A change with conflicts has a base before its parent. Otherwise an earlier release stored it without its base.
        let base_is_unknown = change.base == change.parent;
        let is_own_concurrent = || {
            let first = own.partition_point(|version| *version <= change.base);
            own.get(first).is_some_and(|version| *version <= change.parent)
        };
        // Retention may have removed changes of the device between that base and the oldest change.
        let oldest_parent = self.changes().first().map_or(0, |oldest| oldest.parent);
        is_own || base_is_unknown || change.base < oldest_parent || is_own_concurrent()
    }
}

/// The conflicts found so far.
#[derive(Default)]
struct Report {
    found: ReportedConflicts,
    bytes: u64,
    paths: HashSet<Path>,
}

impl Report {
    /// Adds a conflict that is older than those added before.
    fn add(&mut self, record: ConflictRecord) {
        let is_newest = self.paths.insert(record.conflict.path.clone());
        let bytes = self.bytes.saturating_add(json_size(&record));
        if is_newest && self.found.conflicts.len() < MAX_REPORTED_CONFLICTS && bytes <= MAX_REPORTED_BYTES {
            self.bytes = bytes;
            self.found.conflicts.push(record);
        } else {
            self.found.omitted += 1;
        }
    }

    fn in_log_order(mut self) -> ReportedConflicts {
        self.found
            .conflicts
            .sort_by_key(|record| (record.version, record.index));
        self.found
    }
}
