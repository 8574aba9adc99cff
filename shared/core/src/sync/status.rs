//! Is there anything to sync, and may it conflict (design section 5, v1; v2 alike).

use crate::error::Error;
use crate::id::DeviceId;
use crate::log::{Change, ChangeLog, PortfolioKey, Version, Window};
use crate::time::Timestamp;
use serde::Serialize;

/// How many of the newest changes one request reads: most devices are hardly behind, and four changes at
/// their largest are still few read units.
const NEWEST: u16 = 4;

/// What a device says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncStatusQuery {
    /// The version that it holds: v1's `client_version`, v2's `base_version`.
    pub version: Version,
    /// The device.
    pub device_id: DeviceId,
    /// Whether it has edits that it has not synced, where it says so.
    pub local_changes: Option<bool>,
}

/// The answer to a sync-status, in both protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SyncStatus {
    /// True where the device should sync.
    pub needs_sync: bool,
    /// True where its sync may meet edits of another device.
    pub has_conflicts: bool,
    /// The head's version.
    pub server_version: Version,
    /// When the head was made.
    pub server_last_sync: Timestamp,
}

/// Compares a device's version with the head: one read of the log, a second one only where the newest
/// changes are all the device's own and do not reach back to its version.
///
/// # Errors
/// 404 without such a portfolio; 410 where it was deleted; 503 as the log does.
pub async fn sync_status<L: ChangeLog>(
    log: &L,
    key: &PortfolioKey,
    query: &SyncStatusQuery,
) -> Result<SyncStatus, Error> {
    let newest = Window::new(log.newest(key, NEWEST).await?);
    let head = newest.living_head()?;
    let is_behind = query.version < head.version;
    let is_ahead = query.version > head.version;
    let has_edits = query.local_changes;
    Ok(SyncStatus {
        needs_sync: is_behind || is_ahead || has_edits == Some(true),
        has_conflicts: is_behind && has_edits != Some(false) && another_wrote(log, key, query, &newest).await?,
        server_version: head.version,
        server_last_sync: head.last_sync_at,
    })
}

/// True unless every change since the device's version is its own.
async fn another_wrote<L: ChangeLog>(
    log: &L,
    key: &PortfolioKey,
    query: &SyncStatusQuery,
    newest: &Window,
) -> Result<bool, Error> {
    let is_anothers =
        |change: &Change| change.version > query.version && change.device_id.as_ref() != Some(&query.device_id);
    let reaches_back = |window: &Window| {
        let oldest = window.changes().first();
        oldest.is_some_and(|oldest| oldest.parent <= query.version)
    };
    if newest.changes().iter().any(is_anothers) {
        return Ok(true);
    }
    if reaches_back(newest) {
        return Ok(false);
    }
    let since = Window::new(log.since(key, query.version).await?);
    // A version that a jump passed over is none that this device can have got from here: what is left out
    // of sight may be another's.
    Ok(since.changes().iter().any(is_anothers) || !reaches_back(&since))
}
