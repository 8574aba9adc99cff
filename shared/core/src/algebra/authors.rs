//! Who last altered which value, and when.

use super::patch::Op;
use super::path::Path;
use crate::id::DeviceId;
use crate::json::Value;
use crate::time::Timestamp;

/// An author and an effective time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The device, where one is known.
    pub device_id: Option<DeviceId>,
    /// The effective time of the edit.
    pub at: Timestamp,
}

/// Who last altered which value of a document since its base, and when.
#[derive(Clone, Debug)]
pub struct Authors {
    unknown: Stamp,
}

impl Authors {
    /// Nothing altered yet; `unknown` is the stamp of whatever no recorded change altered.
    pub fn new(unknown: Stamp) -> Self {
        Self { unknown }
    }

    /// Applies a change's operations to `document` and remembers each value that they alter (not one that
    /// an operation merely covers), as altered by `device` at the operation's effective time.
    pub fn record<'a>(
        &mut self,
        document: &mut Value,
        device: Option<&DeviceId>,
        edits: impl IntoIterator<Item = (&'a Op, Timestamp)>,
    ) {
        let _ = (document, device, edits.into_iter().count());
        unimplemented!()
    }

    /// The stamp of the newest alteration of the value at `path` or inside it by a device other than
    /// `own`; where only `own` altered it, the newest of those.
    pub fn newest(&self, path: &Path, own: Option<&DeviceId>) -> Stamp {
        let _ = (path, own);
        self.unknown.clone()
    }
}
