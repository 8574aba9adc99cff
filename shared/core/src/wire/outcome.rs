//! The result of a sync in one word.

use crate::named_enum::named_enum;
use serde::ser::{Serialize, Serializer};

named_enum! {
    /// The result of a sync; JSON: its name (docs/PROTOCOL.md).
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum Outcome {
        /// Neither side had anything new.
        UpToDate = "up_to_date",
        /// The client's edits were stored unchanged, because nothing had been written since its base.
        Accepted = "accepted",
        /// The client had no edits and receives those of others.
        Pulled = "pulled",
        /// The client's edits were merged with those of others.
        Merged = "merged",
    }
}

impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
