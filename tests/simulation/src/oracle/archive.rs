//! Every change that there ever was, with its document in the plainest way.

use super::Call;
use crate::model::{self, Marks, marks};
use crate::violation::{Law, Violation, check};
use coinolio_core::json::Value;
use coinolio_core::log::{Change, Kind, NewChange, Patch, Version};
use std::sync::Arc;

/// A change, and what it made.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// The change.
    pub(crate) change: Change,
    /// Its patch.
    pub(crate) patch: Patch,
    /// The document that it made.
    pub(crate) document: Arc<Value>,
    /// The marks in that document.
    pub(crate) marks: Marks,
    /// The number of the request that made it.
    pub(crate) by: u64,
    /// The device's own number for that.
    pub(crate) request: Option<u64>,
    /// True once retention has removed it.
    pub(crate) is_removed: bool,
}

/// All changes, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Archive {
    records: Vec<Record>,
    /// Retention is removing what the versions before this one were made from, whether it is still there or not.
    let_go: Version,
}

impl Archive {
    /// All changes, oldest first.
    pub(crate) fn records(&self) -> &[Record] {
        &self.records
    }

    /// The changes that retention has not removed, oldest first.
    pub(crate) fn kept(&self) -> impl DoubleEndedIterator<Item = &Record> {
        self.records.iter().filter(|record| !record.is_removed)
    }

    /// The newest change.
    pub(crate) fn head(&self) -> Option<&Record> {
        self.records.last()
    }

    /// The newest version; 0 without one.
    pub(crate) fn version(&self) -> Version {
        self.head().map_or(0, |head| head.change.version)
    }

    /// The newest document; empty without one.
    pub(crate) fn document(&self) -> Arc<Value> {
        self.head()
            .map_or_else(|| Arc::new(Value::empty_object()), |head| Arc::clone(&head.document))
    }

    /// The change that made `version`.
    pub(crate) fn find(&self, version: Version) -> Option<&Record> {
        let at = self
            .records
            .binary_search_by_key(&version, |record| record.change.version);
        self.records.get(at.ok()?)
    }

    /// The changes made since `version`.
    pub(crate) fn after(&self, version: Version) -> &[Record] {
        let at = self.records.partition_point(|record| record.change.parent < version);
        &self.records[at..]
    }

    /// True where the log still has `version` as a base: its own change, or the one made on top of it.
    pub(crate) fn is_kept(&self, version: Version) -> bool {
        version == 0 || version >= self.kept_from() && self.find(version).is_some()
    }

    /// The parent of the oldest change that is kept.
    pub(crate) fn kept_from(&self) -> Version {
        self.kept()
            .next()
            .map_or_else(|| self.version(), |record| record.change.parent)
    }

    /// Where what is kept for certain begins: from there on nothing is being removed.
    pub(crate) fn certain_from(&self) -> Version {
        self.kept_from().max(self.let_go)
    }

    /// True where the log has `version` as a base, and will have it for a while.
    pub(crate) fn is_certain(&self, version: Version) -> bool {
        self.is_kept(version) && version >= self.certain_from()
    }

    /// Takes note that versions before `version` may be gone from now on.
    pub(crate) fn let_go(&mut self, version: Version) {
        self.let_go = self.let_go.max(version);
    }

    /// True while the portfolio is deleted.
    pub(crate) fn is_deleted(&self) -> bool {
        self.head().is_some_and(|head| head.change.kind == Kind::Deleted)
    }

    /// Takes a change that the log has acknowledged.
    pub(super) fn append(&mut self, call: &Call, new: &NewChange) -> Result<(), Violation> {
        let NewChange { change, patch } = new;
        let parent = self.version();
        check(change.parent == parent, Law::Chain, || {
            format!(
                "version {} was made on top of {}, and {parent} is the head",
                change.version, change.parent
            )
        })?;
        check(change.version > parent, Law::Growth, || {
            format!("version {} follows version {parent}", change.version)
        })?;
        if let Some(head) = self.head() {
            check(change.last_sync_at > head.change.last_sync_at, Law::Growth, || {
                format!(
                    "version {} of {} follows one of {}",
                    change.version, change.last_sync_at, head.change.last_sync_at
                )
            })?;
        }
        let mut document = Value::clone(&self.document());
        model::apply_all(&mut document, patch.edits.iter().map(|edit| &edit.op));
        self.records.push(Record {
            change: change.clone(),
            patch: patch.clone(),
            marks: marks(&document),
            document: document.into(),
            by: call.number,
            request: call.request,
            is_removed: false,
        });
        Ok(())
    }

    /// Takes note that retention has removed a change, which must be the oldest and be let go.
    pub(crate) fn remove(&mut self, call: &Call, version: Version) -> Result<(), Violation> {
        let head = self.version();
        let Some(at) = self.records.iter().position(|record| record.change.version == version) else {
            return Err(Violation::new(Law::Retention, format!("version {version} never was")));
        };
        let kept = self.records[..at].iter().filter(|record| !record.is_removed).count();
        check(kept == 0, Law::Retention, || {
            format!("version {version} goes before {kept} older ones")
        })?;
        if let super::Asked::Compact(age, versions) = &call.asked {
            let change = &self.records[at].change;
            let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
            let is_old = change.last_sync_at.millis() < call.received.saturating_sub(age);
            check(is_old, Law::Retention, || {
                format!("version {version} goes before its time")
            })?;
            check(version.saturating_add(*versions) <= head, Law::Retention, || {
                format!("version {version} goes, and {head} is the head")
            })?;
        }
        self.records[at].is_removed = true;
        Ok(())
    }
}
