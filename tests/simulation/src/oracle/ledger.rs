//! Who wrote each value, and who removed it knowingly.

use crate::model::{Mark, Marks};
use coinolio_core::id::DeviceId;
use std::collections::BTreeMap;

/// The history of all marks.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    written: Marks,
    /// The marks that each device replaced or deleted while it had them.
    superseded: BTreeMap<DeviceId, Marks>,
    /// The marks removed by requests that replace the whole document: the log still has them, and no conflict
    /// reports them.
    undone: Marks,
    /// Whether any edit has changed the kind of a list.
    pub(crate) lists_renamed: bool,
}

impl Ledger {
    /// Records that a device's edit turned a document with the marks `before` into one with the marks `after`;
    /// `own` are the marks that the edit itself wrote.
    pub(crate) fn edited(&mut self, device: &DeviceId, before: &Marks, after: &Marks, own: &Marks) {
        self.written.extend(own.intersection(after));
        let gone = before.difference(after);
        self.superseded.entry(device.clone()).or_default().extend(gone);
    }

    /// Returns true if `device` removed `mark` knowingly.
    pub(crate) fn was_removed_by(&self, device: Option<&DeviceId>, mark: Mark) -> bool {
        let own = device.and_then(|device| self.superseded.get(device));
        own.is_some_and(|marks| marks.contains(&mark))
    }

    /// Records the marks that an undo or a replacement removed.
    pub(super) fn undo(&mut self, gone: impl Iterator<Item = Mark>) {
        self.undone.extend(gone);
    }

    /// Returns the marks that were written and that nobody removed.
    pub(crate) fn standing(&self) -> Marks {
        let is_gone =
            |mark: &Mark| self.undone.contains(mark) || self.superseded.values().any(|marks| marks.contains(mark));
        self.written.iter().copied().filter(|mark| !is_gone(mark)).collect()
    }
}
