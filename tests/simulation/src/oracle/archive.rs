//! Every change ever made, with its document computed by the oracle's own model.

use super::{Asked, Call, Replacement};
use crate::model::{self, Marks, marks};
use crate::violation::{Law, Violation, check};
use coinolio_core::json::Value;
use coinolio_core::log::{Change, Draft, Kind, Patch, Version};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A change with its result.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// The change.
    pub(crate) change: Change,
    /// Its patch.
    pub(crate) patch: Patch,
    /// The document at the change's version.
    pub(crate) document: Arc<Value>,
    /// The marks in that document.
    pub(crate) marks: Marks,
    /// The number of the request that made it.
    pub(crate) by: u64,
    /// The device's own number for that request.
    pub(crate) request: Option<u64>,
    /// Whether retention has removed it.
    pub(crate) is_removed: bool,
}

/// All changes, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Archive {
    records: Vec<Record>,
    /// Versions before this one may be removed at any time; some may be gone already.
    expire_before: Version,
    /// The names that requests gave to the portfolio, each with the number of the first request that did.
    names: BTreeMap<String, u64>,
}

impl Archive {
    /// Returns all changes, oldest first.
    pub(crate) fn records(&self) -> &[Record] {
        &self.records
    }

    /// Returns the changes that retention has not removed, oldest first.
    pub(crate) fn retained(&self) -> impl DoubleEndedIterator<Item = &Record> {
        self.records.iter().filter(|record| !record.is_removed)
    }

    /// Returns the newest change.
    pub(crate) fn head(&self) -> Option<&Record> {
        self.records.last()
    }

    /// Returns the newest version, or 0 if there is none.
    pub(crate) fn version(&self) -> Version {
        self.head().map_or(0, |head| head.change.version)
    }

    /// Returns the newest document, or an empty one if there is none.
    pub(crate) fn document(&self) -> Arc<Value> {
        self.head()
            .map_or_else(|| Arc::new(Value::empty_object()), |head| Arc::clone(&head.document))
    }

    /// Returns the change that made `version`.
    pub(crate) fn find(&self, version: Version) -> Option<&Record> {
        let at = self
            .records
            .binary_search_by_key(&version, |record| record.change.version);
        self.records.get(at.ok()?)
    }

    /// Returns the changes made since `version`.
    pub(crate) fn after(&self, version: Version) -> &[Record] {
        let at = self.records.partition_point(|record| record.change.parent < version);
        &self.records[at..]
    }

    /// Returns true if the log still has `version` as a base: the change that made it, or the one on top of it.
    pub(crate) fn is_retained(&self, version: Version) -> bool {
        version == 0 || version >= self.retained_from() && self.find(version).is_some()
    }

    /// Returns the parent of the oldest retained change.
    pub(crate) fn retained_from(&self) -> Version {
        self.retained()
            .next()
            .map_or_else(|| self.version(), |record| record.change.parent)
    }

    /// Returns the oldest version that retention is not removing; it removes no later one either.
    pub(crate) fn stable_from(&self) -> Version {
        self.retained_from().max(self.expire_before)
    }

    /// Returns true if the log has `version` as a base and retention is not removing it.
    pub(crate) fn is_stable(&self, version: Version) -> bool {
        self.is_retained(version) && version >= self.stable_from()
    }

    /// Records that versions before `version` may be removed from now on.
    pub(crate) fn expire_before(&mut self, version: Version) {
        self.expire_before = self.expire_before.max(version);
    }

    /// Returns true if the portfolio is deleted.
    pub(crate) fn is_deleted(&self) -> bool {
        self.head().is_some_and(|head| head.change.kind == Kind::Deleted)
    }

    /// Adds a change that the log has acknowledged.
    pub(super) fn append(&mut self, call: &Call, draft: &Draft) -> Result<(), Violation> {
        let change = Change::from(draft.clone());
        let parent = self.version();
        check(change.parent == parent, Law::Chain, || {
            format!(
                "version {} was made on top of version {}, but the head is version {parent}",
                change.version, change.parent
            )
        })?;
        check(change.version > parent, Law::Growth, || {
            format!("version {} follows version {parent}", change.version)
        })?;
        if let Some(head) = self.head() {
            check(change.last_sync_at > head.change.last_sync_at, Law::Growth, || {
                format!(
                    "version {} has the time {}, but the one before it has {}",
                    change.version, change.last_sync_at, head.change.last_sync_at
                )
            })?;
        }
        let mut document = Value::clone(&self.document());
        model::apply_all(&mut document, draft.patch.edits.iter().map(|edit| &edit.op));
        self.records.push(Record {
            change,
            patch: draft.patch.clone(),
            marks: marks(&document),
            document: document.into(),
            by: call.number,
            request: call.request,
            is_removed: false,
        });
        Ok(())
    }

    /// Records that a request has renamed the portfolio; returns true if it never had that name before.
    pub(crate) fn rename(&mut self, call: &Call, name: &str) -> bool {
        let is_new = !self.names.contains_key(name);
        if is_new {
            self.names.insert(name.to_owned(), call.number);
        }
        is_new
    }

    /// Returns true if the request with this number gave the portfolio a name that it never had before.
    pub(crate) fn was_renamed_by(&self, number: u64) -> bool {
        self.names.values().any(|by| *by == number)
    }

    /// Checks that a replacement that has just made a version has renamed the portfolio too, if it asks for a name.
    ///
    /// A duplicate of the request may have done so before it.
    pub(crate) fn renamed(&self, call: &Call) -> Result<(), Violation> {
        let Asked::Replace(Replacement { name: Some(name), .. }) = &call.asked else {
            return Ok(());
        };
        check(self.names.contains_key(name), Law::Undo, || {
            format!(
                "version {} was made, but the portfolio was not renamed to {name}",
                self.version()
            )
        })
    }

    /// Records that retention has removed a change, which must be the oldest one and old enough.
    pub(crate) fn remove(&mut self, call: &Call, version: Version) -> Result<(), Violation> {
        let head = self.version();
        let Some(at) = self.records.iter().position(|record| record.change.version == version) else {
            return Err(Violation::new(
                Law::Retention,
                format!("version {version} never existed"),
            ));
        };
        let retained = self.records[..at].iter().filter(|record| !record.is_removed).count();
        check(retained == 0, Law::Retention, || {
            format!("version {version} was removed before {retained} older ones")
        })?;
        if let Asked::Compact(age, versions) = &call.asked {
            let change = &self.records[at].change;
            let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
            let is_old = change.last_sync_at.millis() < call.received.saturating_sub(age);
            check(is_old, Law::Retention, || {
                format!("version {version} was removed before it reached the minimum age")
            })?;
            check(version.saturating_add(*versions) <= head, Law::Retention, || {
                format!("version {version} was removed, although the head is only version {head}")
            })?;
        }
        self.records[at].is_removed = true;
        Ok(())
    }
}
