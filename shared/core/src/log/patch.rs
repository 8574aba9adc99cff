//! A patch: the operations of a change and the conflicts that its merge met.

use super::Version;
use crate::algebra::{Conflict, Op, diff};
use crate::json::Value;
use crate::time::Timestamp;

/// One operation, and the effective time of the client's edit (docs/MERGE.md).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The operation.
    pub op: Op,
    /// The effective time of the edit.
    pub at: Timestamp,
}

/// The contents of a change. A store may write a large patch apart from its change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patch {
    /// The operations, in the order in which they apply.
    pub edits: Vec<Edit>,
    /// The conflicts that the merge met, with both values.
    pub conflicts: Vec<Conflict>,
}

impl Patch {
    /// Returns the patch that turns `from` into `to`: without conflicts, and with `at` as the time of every operation.
    pub fn between(from: &Value, to: &Value, at: Timestamp) -> Self {
        Self {
            edits: diff(from, to).into_iter().map(|op| Edit { op, at }).collect(),
            conflicts: Vec::new(),
        }
    }

    /// Returns the conflicts as the records of `version`, the version that the patch makes.
    pub fn into_records(self, version: Version) -> impl Iterator<Item = ConflictRecord> {
        let numbered = (0_u64..).zip(self.conflicts);
        numbered.map(move |(index, conflict)| ConflictRecord {
            version,
            index,
            conflict,
        })
    }
}

/// A conflict, with the version that recorded it and its index there. In a request, the two identify the conflict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConflictRecord {
    /// The version that recorded the conflict.
    pub version: Version,
    /// The conflict's index among those of that version, from 0.
    pub index: u64,
    /// The conflict.
    pub conflict: Conflict,
}
