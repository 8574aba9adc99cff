//! The extent of a log: sums by which a document's size is bounded without reading the document.

use super::{Edit, Patch, SnapshotMark, Version, json_size};

/// The size of a document without members, `{}`, as compact JSON, in bytes.
const EMPTY_DOCUMENT_BYTES: u64 = 2;

/// The bytes that one token of an operation's path can add to a document beyond the token's own JSON, at most: `apply`
/// creates a missing parent with two braces, a colon and a comma.
const TOKEN_OVERHEAD_BYTES: u64 = 4;

/// The size of a log up to a version, and the newest snapshot that the version's writer knew.
///
/// The sums also count removed changes, so the difference of two versions' sums is the size of the changes between
/// them. Together with a snapshot's size they bound the document's size without reading it (docs/adr/0003). The
/// snapshot may not be the newest: a writer that reads no document does not look for a newer one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// The version of the newest snapshot known when the change was written; 0 without one.
    pub snapshot: Version,
    /// The size of that snapshot's document as compact JSON, in bytes.
    pub snapshot_bytes: u64,
    /// [`Self::patch_bytes`] at the version of that snapshot.
    pub snapshot_at: u64,
    /// The size of all patches as JSON, this change's included, in bytes.
    pub patch_bytes: u64,
    /// The bytes that the store needs for all changes, this one included: their items and the chunks of their patches,
    /// after compression. In a [`super::Draft`] the sum ends with the parent; the store adds the draft's own bytes.
    pub stored_bytes: u64,
}

impl Extent {
    /// The extent of version 0, the empty document.
    pub const EMPTY: Self = Self {
        snapshot: 0,
        snapshot_bytes: EMPTY_DOCUMENT_BYTES,
        snapshot_at: 0,
        patch_bytes: 0,
        stored_bytes: 0,
    };

    /// Returns an upper bound of the document's size as compact JSON, in bytes.
    pub const fn bound(&self) -> u64 {
        let since = self.patch_bytes.saturating_sub(self.snapshot_at);
        self.snapshot_bytes.saturating_add(since)
    }

    /// Returns the extent with the snapshot of `mark`, if that snapshot is newer than the known one and not newer
    /// than the extent's version.
    #[must_use]
    pub const fn with_snapshot(self, mark: &SnapshotMark) -> Self {
        if mark.version <= self.snapshot || mark.at_patch_bytes > self.patch_bytes {
            return self;
        }
        Self {
            snapshot: mark.version,
            snapshot_bytes: mark.document_bytes,
            snapshot_at: mark.at_patch_bytes,
            ..self
        }
    }

    /// Returns the extent after `patch` is applied: its bound holds for the new document.
    ///
    /// [`Self::stored_bytes`] does not change here; the store adds to it.
    #[must_use]
    pub fn grown_by(self, patch: &Patch) -> Self {
        let tokens = |edit: &Edit| u64::try_from(edit.op.path().tokens().len()).unwrap_or(u64::MAX);
        let overhead: u64 = patch.edits.iter().map(|edit| TOKEN_OVERHEAD_BYTES * tokens(edit)).sum();
        Self {
            patch_bytes: self
                .patch_bytes
                .saturating_add(patch.operations_bytes())
                .saturating_add(overhead),
            ..self
        }
    }
}

impl Patch {
    /// Returns the size of the operations as JSON, in bytes, with a comma after each.
    pub fn operations_bytes(&self) -> u64 {
        self.edits.iter().map(|edit| json_size(&edit.op) + 1).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::super::json_size;
    use crate::algebra::{Op, apply};
    use crate::json::{Value, read};
    use crate::log::{Edit, Extent, Patch};
    use crate::time::Timestamp;

    fn patch(op: &str) -> Patch {
        let op = read(op.as_bytes())
            .map_err(crate::Error::from)
            .and_then(|json| Op::from_json(&json));
        Patch {
            edits: vec![Edit {
                op: op.unwrap_or_else(|error| panic!("{error}")),
                at: Timestamp::from_millis(0),
            }],
            conflicts: Vec::new(),
        }
    }

    #[test]
    fn the_bound_is_never_below_the_size_of_a_document_whose_parents_an_operation_created() {
        let deep = vec![r#""a""#; 63].join(",");
        let lists = vec![r#""a",{"id":1}"#; 31].join(",");
        for op in [
            r#"{"op":"set","path":["a"],"value":1}"#.to_owned(),
            r#"{"op":"set","path":["a",{"value":"b"}],"value":"b","after":null}"#.to_owned(),
            format!(r#"{{"op":"set","path":[{deep}],"value":1}}"#),
            format!(r#"{{"op":"set","path":[{lists},"b"],"value":1}}"#),
        ] {
            let patch = patch(&op);
            let mut document = Value::empty_object();
            assert_eq!(json_size(&document), Extent::EMPTY.bound());
            apply(&mut document, patch.edits.iter().map(|edit| &edit.op));
            let bound = Extent::EMPTY.grown_by(&patch).bound();
            assert!(
                json_size(&document) <= bound,
                "{op}: {} bytes exceed the bound {bound}",
                json_size(&document)
            );
        }
    }

    #[test]
    fn operations_bytes_is_the_size_of_the_json_with_a_comma_after_each_operation() {
        let patch = patch(r#"{"op":"delete","path":["a"]}"#);
        assert_eq!(patch.operations_bytes(), 29, "28 bytes and a comma");
        assert_eq!(Patch::default().operations_bytes(), 0);
    }
}
