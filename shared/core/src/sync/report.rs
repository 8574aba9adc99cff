//! The report of a request, for telemetry.

use crate::json::Value;
use crate::log::{Version, json_size};
use crate::wire::Outcome;

/// Facts about how the engine carried out a request (docs/OBSERVABILITY.md).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The result, if the request was a sync.
    pub outcome: Option<Outcome>,
    /// True if the log already had the request's change, so that the answer is repeated.
    pub repeated: bool,
    /// The number of conflicts that this request met, without those that were in the log before.
    pub conflicts: u64,
    /// The size of the operations that this request stored, in bytes of JSON.
    pub patch_bytes: u64,
    /// The size of the document as compact JSON, in bytes, if it was read.
    pub document_bytes: Option<u64>,
    /// The base of the client's edits, if the request was a sync with a base.
    pub base: Option<Version>,
}

impl Report {
    /// Reports a request that read `document` and stored nothing.
    pub(super) fn of_read(document: &Value) -> Self {
        Self {
            document_bytes: Some(json_size(document)),
            ..Self::default()
        }
    }
}

/// An answer, and the report of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered<T> {
    /// The answer to the client.
    pub answer: T,
    /// The report for telemetry.
    pub report: Report,
}
