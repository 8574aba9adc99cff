//! The fingerprint of a v2 request, by which a repetition is recognized.

use crate::algebra::{Op, Path};
use crate::id::{DeviceId, SyncId};
use crate::json::Value;
use crate::log::{Fingerprint, Version};
use crate::time::Timestamp;
use crate::wire::v2::{EditTime, Rejoin, SyncRequest};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// The members of a request that are the same in every repetition.
///
/// Not among them are `sent_at` and `age_ms`, which are measured anew for each sending, and the permissions `base_lost`
/// and `allow_wipe`, which a device may add after a refusal. A member that a request does not have adds nothing, so that
/// the fingerprints that earlier releases stored are still recognized.
#[derive(Serialize)]
struct Repeated<'a> {
    device_id: &'a DeviceId,
    base_version: Version,
    changes: Vec<(&'a Op, Option<Timestamp>)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    edited_on: Option<Version>,
    #[serde(skip_serializing_if = "Option::is_none")]
    follows: Option<&'a SyncId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rejoin: Option<Rejoined<'a>>,
}

#[derive(Serialize)]
struct Rejoined<'a> {
    document: &'a Value,
    edits: Vec<(&'a Path, Option<Timestamp>)>,
}

/// Returns the SHA-256 of the JSON of these members; in that JSON, the members of each object are sorted.
pub(super) fn fingerprint(request: &SyncRequest) -> Fingerprint {
    let changes = request.changes.iter().map(|edit| (&edit.op, modified_at(edit.time)));
    let repeated = Repeated {
        device_id: &request.device_id,
        base_version: request.base_version,
        changes: changes.collect(),
        base_at: request.base_at,
        edited_on: request.edited_on,
        follows: request.follows.as_ref(),
        rejoin: request.rejoin.as_ref().map(rejoined),
    };
    let mut json = Vec::new();
    // Writing to memory cannot fail, and every part of a request can be written as JSON.
    let _ = serde_json::to_writer(&mut json, &repeated);
    Sha256::digest(&json).into()
}

fn rejoined(rejoin: &Rejoin) -> Rejoined<'_> {
    let edits = rejoin.edits.iter().map(|(path, time)| (path, modified_at(Some(*time))));
    Rejoined {
        document: &rejoin.document,
        edits: edits.collect(),
    }
}

const fn modified_at(time: Option<EditTime>) -> Option<Timestamp> {
    match time {
        Some(EditTime::Clock(modified_at)) => Some(modified_at),
        Some(EditTime::Age(_)) | None => None,
    }
}
