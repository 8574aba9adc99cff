//! Checks a sync-status.

use super::Archive;
use crate::violation::{Law, Violation, check};
use coinolio_core::id::DeviceId;
use coinolio_core::log::Version;
use coinolio_core::sync::SyncStatus;

/// Checks a sync-status against the table in docs/PROTOCOL.md. `edits` is whether the device says that it has
/// edits, if it says so at all.
pub(crate) fn status(
    archive: &Archive,
    device: &DeviceId,
    version: Version,
    edits: Option<bool>,
    answer: &SyncStatus,
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
    // If a jump skipped this version, the log cannot tell who wrote next to it: either answer is right.
    let is_known = !is_behind || version == 0 || archive.find(version).is_some();
    check(
        answer.server_version == head
            && answer.needs_sync == needs_sync
            && (answer.has_conflicts == has_conflicts || !is_known),
        Law::Status,
        || format!("at {head}, {device} at {version} with edits {edits:?} is told {answer:?}"),
    )
}
