//! How much a patch and a document weigh, known without reading the document.

use super::{Change, Edit, Extent, Patch, Snapshot, SnapshotMark};
use crate::json::Value;
use serde::Serialize;
use std::io;

/// What a document without members takes as compact JSON, in bytes: `{}`.
const EMPTY_DOCUMENT_BYTES: u64 = 2;

/// The most that one path token makes a document grow beyond what the token itself takes in the
/// operation's JSON, in bytes: the braces, the colon and the comma of a parent that the operation makes.
const TOKEN_OVERHEAD_BYTES: u64 = 4;

impl Patch {
    /// The size of the operations as JSON, in bytes, each with the comma behind it.
    pub fn operations_bytes(&self) -> u64 {
        self.edits.iter().map(|edit| json_size(&edit.op) + 1).sum()
    }
}

impl Extent {
    /// The extent of version 0: the empty document.
    pub const EMPTY: Self = Self {
        snapshot: 0,
        snapshot_bytes: EMPTY_DOCUMENT_BYTES,
        snapshot_at: 0,
        patch_bytes: 0,
        stored_bytes: 0,
    };

    /// The extent of the version that `patch` makes on top of this one's, still a bound of its document; what
    /// the store will keep for it is for the log to add.
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

impl Snapshot {
    /// The snapshot of `document`, that of the version that `change` made.
    pub fn of(change: &Change, document: Value) -> Self {
        Self {
            mark: SnapshotMark {
                version: change.version,
                document_bytes: json_size(&document),
                stored_bytes: 0,
                at_patch_bytes: change.extent.patch_bytes,
                at_stored_bytes: change.extent.stored_bytes,
            },
            document,
        }
    }
}

/// The size of `value` as compact JSON, in bytes.
pub fn json_size<T: Serialize + ?Sized>(value: &T) -> u64 {
    let mut count = Count(0);
    // Counting cannot fail, and what this crate serialises to JSON has no part that cannot be.
    let _ = serde_json::to_writer(&mut count, value);
    count.0
}

struct Count(u64);

impl io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::json_size;
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
    fn the_bound_holds_whatever_parents_an_operation_makes() {
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
                "{op}: {} over {bound}",
                json_size(&document)
            );
        }
    }

    #[test]
    fn the_size_is_that_of_the_json() {
        let patch = patch(r#"{"op":"delete","path":["a"]}"#);
        assert_eq!(patch.operations_bytes(), 29, "28 and a comma");
        assert_eq!(Patch::default().operations_bytes(), 0);
    }
}
