//! The sync-status: whether a device should sync, and whether that sync may meet conflicts (docs/PROTOCOL.md).

use crate::error::Error;
use crate::id::DeviceId;
use crate::log::{Change, Version};
use crate::portfolio::{Portfolio, Window};
use crate::store::Store;
use crate::time::Timestamp;
use serde::Serialize;

/// How many of the newest changes the first request reads. Most devices are only a few versions behind, and even four
/// changes of the largest size cost few read units.
const NEWEST: u16 = 4;

/// A device's question about its sync status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncStatusQuery {
    /// The device's version: v1's `client_version`, v2's `base_version`.
    pub version: Version,
    /// The device that asks.
    pub device_id: DeviceId,
    /// Whether it has unsent edits, if the request says so.
    pub local_changes: Option<bool>,
}

/// The answer to a sync-status, in both protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SyncStatus {
    /// True if the device should sync.
    pub needs_sync: bool,
    /// True if its sync may meet edits of another device.
    pub has_conflicts: bool,
    /// The head's version.
    pub server_version: Version,
    /// When the head was made.
    pub server_last_sync: Timestamp,
}

impl<S: Store> Portfolio<'_, S> {
    /// Compares a device's version with the head.
    ///
    /// This takes one read of the log, and a second one only if the newest changes are all the device's own and do not
    /// reach back to its version.
    ///
    /// # Errors
    /// 404 without such a portfolio; 410 if it was deleted; 503 if the store fails.
    pub async fn sync_status(self, query: &SyncStatusQuery) -> Result<SyncStatus, Error> {
        let newest = Window::read_newest(self, NEWEST).await?;
        let head = newest.living_head()?;
        let is_behind = query.version < head.version;
        let is_ahead = query.version > head.version;
        let has_edits = query.local_changes;
        Ok(SyncStatus {
            needs_sync: is_behind || is_ahead || has_edits == Some(true),
            has_conflicts: is_behind && has_edits != Some(false) && another_wrote(&newest, query).await?,
            server_version: head.version,
            server_last_sync: head.last_sync_at,
        })
    }
}

/// True unless every change since the device's version is its own.
async fn another_wrote<S: Store>(newest: &Window<'_, S>, query: &SyncStatusQuery) -> Result<bool, Error> {
    let is_anothers =
        |change: &Change| change.version > query.version && change.device_id.as_ref() != Some(&query.device_id);
    let reaches_back = |window: &Window<'_, S>| {
        let oldest = window.changes().first();
        oldest.is_some_and(|oldest| oldest.parent <= query.version)
    };
    if newest.changes().iter().any(is_anothers) {
        return Ok(true);
    }
    if reaches_back(newest) {
        return Ok(false);
    }
    let portfolio = newest.portfolio();
    let since = portfolio.store.since(portfolio.key, query.version).await?;
    let since = Window::new(portfolio, since);
    // If a jump skipped the device's version, the device did not get it from us. A change that is not in `since` may be
    // another device's, so report a possible conflict.
    Ok(since.changes().iter().any(is_anothers) || !reaches_back(&since))
}
