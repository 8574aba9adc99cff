//! What a sync-status must tell.

use super::Archive;
use crate::violation::{Law, Violation, check};
use coinolio_core::id::DeviceId;
use coinolio_core::log::Version;
use coinolio_core::sync::SyncStatus;

/// Holds a status against the table of docs/PROTOCOL.md; `edits` is what the device says of its edits.
pub(crate) fn status(
    archive: &Archive,
    device: &DeviceId,
    version: Version,
    edits: Option<bool>,
    told: &SyncStatus,
) -> Result<(), Violation> {
    let head = archive.version();
    let is_behind = version < head;
    let since = archive.after(version);
    let is_whole = since
        .first()
        .is_none_or(|oldest| oldest.change.parent <= version && !oldest.is_removed);
    let is_anothers = since
        .iter()
        .any(|record| record.change.device_id.as_ref() != Some(device));
    let needs_sync = version != head || edits == Some(true);
    let has_conflicts = is_behind && edits != Some(false) && (is_anothers || !is_whole);
    // A version that a jump passed over is none of the log's: who wrote around it is not known.
    let is_known = !is_behind || version == 0 || archive.find(version).is_some();
    check(
        told.server_version == head
            && told.needs_sync == needs_sync
            && (told.has_conflicts == has_conflicts || !is_known),
        Law::Status,
        || format!("at {head}, {device} at {version} with edits {edits:?} is told {told:?}"),
    )
}
