//! Who wrote which value, and who took it away knowingly.

use crate::model::{Mark, Marks};
use coinolio_core::id::DeviceId;
use std::collections::BTreeMap;

/// The book of marks.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    written: Marks,
    /// What each device wrote over or deleted while it held it.
    superseded: BTreeMap<DeviceId, Marks>,
    /// What was taken away by requests that replace whatever there is: the log keeps it, and nobody is told.
    undone: Marks,
    /// True once somebody made a list of another kind.
    pub(crate) lists_renamed: bool,
}

impl Ledger {
    /// A device made a document with the marks `after` of one with the marks `before`.
    pub(crate) fn edited(&mut self, device: &DeviceId, before: &Marks, after: &Marks, own: &Marks) {
        self.written.extend(own.intersection(after));
        let gone = before.difference(after);
        self.superseded.entry(device.clone()).or_default().extend(gone);
    }

    /// True where `device` took `mark` away.
    pub(crate) fn took_away(&self, device: Option<&DeviceId>, mark: Mark) -> bool {
        let own = device.and_then(|device| self.superseded.get(device));
        own.is_some_and(|marks| marks.contains(&mark))
    }

    /// Notes what an undoing request took away.
    pub(super) fn undo(&mut self, gone: impl Iterator<Item = Mark>) {
        self.undone.extend(gone);
    }

    /// What was written, and taken away by nobody.
    pub(crate) fn standing(&self) -> Marks {
        let is_gone =
            |mark: &Mark| self.undone.contains(mark) || self.superseded.values().any(|marks| marks.contains(mark));
        self.written.iter().copied().filter(|mark| !is_gone(mark)).collect()
    }
}
