//! A snapshot: the whole document at a version.

use super::{Change, Version, json_size};
use crate::json::Value;

/// A stored snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Its sizes, and its position in the log.
    pub mark: SnapshotMark,
    /// The document.
    pub document: Value,
}

/// The sizes of a stored snapshot, and its position in the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SnapshotMark {
    /// The version whose document it contains.
    pub version: Version,
    /// The size of the document as compact JSON, in bytes.
    pub document_bytes: u64,
    /// The bytes that the store needs for the snapshot.
    pub stored_bytes: u64,
    /// [`super::Extent::patch_bytes`] of the version.
    pub at_patch_bytes: u64,
    /// [`super::Extent::stored_bytes`] of the version.
    pub at_stored_bytes: u64,
}

/// A snapshot that is not yet stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotDraft {
    /// The version whose document it contains.
    pub version: Version,
    /// The size of the document as compact JSON, in bytes.
    pub document_bytes: u64,
    /// [`super::Extent::patch_bytes`] of the version.
    pub at_patch_bytes: u64,
    /// [`super::Extent::stored_bytes`] of the version.
    pub at_stored_bytes: u64,
    /// The document.
    pub document: Value,
}

impl SnapshotDraft {
    /// Drafts the snapshot of `document`, the document of the version that `change` made.
    pub fn of(change: &Change, document: Value) -> Self {
        Self {
            version: change.version,
            document_bytes: json_size(&document),
            at_patch_bytes: change.extent.patch_bytes,
            at_stored_bytes: change.extent.stored_bytes,
            document,
        }
    }

    /// Returns the mark of this snapshot once it is stored in `stored_bytes` bytes.
    pub const fn mark(&self, stored_bytes: u64) -> SnapshotMark {
        SnapshotMark {
            version: self.version,
            document_bytes: self.document_bytes,
            stored_bytes,
            at_patch_bytes: self.at_patch_bytes,
            at_stored_bytes: self.at_stored_bytes,
        }
    }
}
