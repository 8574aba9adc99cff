//! A change that brings something back: appended to the log like any other, never taken from it.

use super::grow;
use super::portfolios::whole_patch;
use crate::error::Error;
use crate::id::{DeviceId, SyncId};
use crate::json::Value;
use crate::log::{Appended, Change, ChangeLog, Fingerprint, Kind, NewChange, PortfolioKey, Version, Window};
use crate::time::Timestamp;
use sha2::{Digest, Sha256};

/// What stands before the version in the `sync_id` of a [`Kind::Restored`] change.
const RESTORE: &str = "restore.";

/// A change to be made on top of whatever the head is.
#[derive(Debug)]
pub(super) struct Undo {
    /// [`Kind::Restored`] or [`Kind::KeptMine`].
    pub(super) kind: Kind,
    /// The device that asks.
    pub(super) device_id: Option<DeviceId>,
    /// What is brought back, by name.
    pub(super) sync_id: SyncId,
    /// What tells the change from any other.
    pub(super) fingerprint: Fingerprint,
    /// When the request came in: the effective time of its edits.
    pub(super) received: Timestamp,
}

impl Undo {
    /// The restoring of `version`, as asked for at `received`: the same version may be restored again later.
    pub(super) fn restore(version: Version, device_id: Option<DeviceId>, received: Timestamp) -> Result<Self, Error> {
        let name = format!("{RESTORE}{version}");
        Ok(Self {
            kind: Kind::Restored,
            device_id,
            sync_id: SyncId::parse(&name)?,
            fingerprint: Sha256::digest(format!("{name}\n{}", received.millis())).into(),
            received,
        })
    }

    /// The bringing back of what lost in the conflict `index` of `version`: the same whoever asks, and whenever.
    pub(super) fn keep_mine(
        version: Version,
        index: u64,
        device_id: Option<DeviceId>,
        received: Timestamp,
    ) -> Result<Self, Error> {
        let name = format!("keep-mine.{version}.{index}");
        Ok(Self {
            kind: Kind::KeptMine,
            device_id,
            sync_id: SyncId::parse(&name)?,
            fingerprint: Sha256::digest(&name).into(),
            received,
        })
    }

    /// True where this request, sent before, made `change`.
    pub(super) fn made(&self, change: &Change) -> bool {
        change.kind == self.kind && change.fingerprint == Some(self.fingerprint)
    }

    /// Appends what makes `made` of the document `held` that `head`, the window's, has.
    ///
    /// # Errors
    /// Too large where `made` is over the limit; as the log's.
    pub(super) async fn append<L: ChangeLog>(
        &self,
        log: &L,
        key: &PortfolioKey,
        window: &Window,
        head: &Change,
        held: &Value,
        made: &Value,
    ) -> Result<(Appended, Change), Error> {
        let patch = whole_patch(held, made, self.received);
        let change = Change {
            parent: head.version,
            version: head.version.saturating_add(1),
            kind: self.kind,
            device_id: self.device_id.clone(),
            sync_id: Some(self.sync_id.clone()),
            fingerprint: Some(self.fingerprint),
            verbatim: false,
            last_sync_at: Timestamp::after(head.last_sync_at, self.received),
            extent: grow::extent(window, &patch, made)?,
            conflicts: 0,
            patch_bytes: patch.operations_bytes(),
            patch: None,
            patch_id: None,
        };
        let new = NewChange { change, patch };
        let appended = log.append(key, &new).await?;
        Ok((appended, new.change))
    }
}

/// The version that a [`Kind::Restored`] change brought back.
pub(super) fn restored_version(change: &Change) -> Option<Version> {
    change.sync_id.as_ref()?.as_str().strip_prefix(RESTORE)?.parse().ok()
}
