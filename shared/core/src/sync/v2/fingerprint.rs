//! The fingerprint of a v2 request, by which a repetition is recognized.

use crate::algebra::Op;
use crate::id::DeviceId;
use crate::log::{Fingerprint, Version};
use crate::time::Timestamp;
use crate::wire::v2::SyncRequest;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// The members of a request that are the same in every repetition. `sent_at` is not among them: it is the clock of each
/// sending (docs/PROTOCOL.md).
#[derive(Serialize)]
struct Repeated<'a> {
    device_id: &'a DeviceId,
    base_version: Version,
    changes: Vec<(&'a Op, Option<Timestamp>)>,
}

/// Returns the SHA-256 of the JSON of these members; in that JSON, the members of each object are sorted.
pub(super) fn fingerprint(request: &SyncRequest) -> Fingerprint {
    let changes = request.changes.iter().map(|edit| (&edit.op, edit.modified_at));
    let repeated = Repeated {
        device_id: &request.device_id,
        base_version: request.base_version,
        changes: changes.collect(),
    };
    let mut json = Vec::new();
    // Writing to memory cannot fail, and every part of a request can be written as JSON.
    let _ = serde_json::to_writer(&mut json, &repeated);
    Sha256::digest(&json).into()
}
