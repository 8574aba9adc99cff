//! What makes two v2 requests the same.

use crate::algebra::Op;
use crate::id::DeviceId;
use crate::log::{Fingerprint, Version};
use crate::time::Timestamp;
use crate::wire::v2::SyncRequest;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// The part of a request that a retry repeats: not `sent_at`, the clock of each sending (design section 3).
#[derive(Serialize)]
struct Repeated<'a> {
    device_id: &'a DeviceId,
    base_version: Version,
    changes: Vec<(&'a Op, Option<Timestamp>)>,
}

/// SHA-256 of the JSON of what a retry repeats, in which members of objects are sorted.
pub(super) fn fingerprint(request: &SyncRequest) -> Fingerprint {
    let changes = request.changes.iter().map(|edit| (&edit.op, edit.modified_at));
    let repeated = Repeated {
        device_id: &request.device_id,
        base_version: request.base_version,
        changes: changes.collect(),
    };
    let mut json = Vec::new();
    // Writing to memory cannot fail, and every part of a request serialises.
    let _ = serde_json::to_writer(&mut json, &repeated);
    Sha256::digest(&json).into()
}
