//! What a request did, for telemetry.

use crate::log::Version;
use serde::ser::{Serialize, Serializer};

/// What a sync came to; JSON: `up_to_date`, `accepted`, `pulled` or `merged` (design section 5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Neither side had anything new.
    #[default]
    UpToDate,
    /// The client's edits were taken as they came: nothing had been written since its base.
    Accepted,
    /// The client had no edits and receives the others'.
    Pulled,
    /// The client's edits met the others'.
    Merged,
}

impl Outcome {
    /// The outcome as it stands in JSON and in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UpToDate => "up_to_date",
            Self::Accepted => "accepted",
            Self::Pulled => "pulled",
            Self::Merged => "merged",
        }
    }
}

impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// What a request did, as far as the engine knows it (design section 6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What it came to.
    pub outcome: Outcome,
    /// True where the log held the request already, and the answer is a repetition.
    pub repeated: bool,
    /// The conflicts that this request met, not those logged before.
    pub conflicts: u64,
    /// How often another writer won the race for the head.
    pub optimistic_retries: u64,
    /// The operations that this request stored, in bytes of JSON.
    pub patch_bytes: u64,
    /// The document, in bytes of compact JSON, where it was read.
    pub document_bytes: Option<u64>,
    /// The version that the client's document was made from, where a sync has one.
    pub base: Option<Version>,
}

/// An answer and the report of how it came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered<T> {
    /// What the client gets.
    pub answer: T,
    /// What telemetry gets.
    pub report: Report,
}
