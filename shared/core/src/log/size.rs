//! How much a patch and a document weigh, known without reading the document.

use super::{Edit, Extent, Patch};
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
        patch_bytes: 0,
    };

    /// The extent of the version that `patch` makes on top of this one's, still a bound of its document.
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
