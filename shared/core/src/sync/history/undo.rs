//! A change that brings something back. It is appended to the log like any other; nothing is removed from the log.

use crate::algebra::Winner;
use crate::error::Error;
use crate::id::{DeviceId, SyncId};
use crate::json::Value;
use crate::log::{Change, Fingerprint, Kind, Patch, Version};
use crate::sync::append::{NewDocument, Proposal};
use crate::time::Timestamp;
use crate::wire::v2::KeepMineRequest;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// The text before the version in the `sync_id` of a [`Kind::Restored`] change.
const RESTORE: &str = "restore.";

/// A request to bring something back, on top of any head.
#[derive(Debug)]
pub(super) struct Undo {
    /// [`Kind::Restored`] or [`Kind::KeptMine`].
    kind: Kind,
    /// The device that asks.
    device_id: Option<DeviceId>,
    /// The id of the change; it names the restored version, or the conflict.
    sync_id: SyncId,
    /// The request's fingerprint.
    fingerprint: Fingerprint,
    /// When the request arrived: the effective time of its edits.
    received: Timestamp,
}

impl Undo {
    /// Restores `version`. The fingerprint contains `received`, so that the same version can be restored again later.
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

    /// Brings back the `chosen` side's value of the conflict `index` of `version`, which `winner` won. The fingerprint is
    /// the same for every device and every time, so that this happens only once.
    pub(super) fn keep_mine(
        version: Version,
        index: u64,
        chosen: Winner,
        winner: Winner,
        request: &KeepMineRequest,
        received: Timestamp,
    ) -> Result<Self, Error> {
        let mut name = format!("keep-mine.{version}.{index}");
        // Earlier releases brought back losing values only, under the name without a side.
        if chosen == winner {
            name = format!("{name}.{}", chosen.as_str());
        }
        Ok(Self {
            kind: Kind::KeptMine,
            device_id: request.device_id.clone(),
            sync_id: SyncId::parse(&name)?,
            fingerprint: Sha256::digest(&name).into(),
            received,
        })
    }

    /// True if an earlier sending of this request made `change`.
    pub(super) fn made(&self, change: &Change) -> bool {
        change.kind == self.kind && change.fingerprint == Some(self.fingerprint)
    }

    /// Returns the patch that turns the document `current` into `wanted`.
    pub(super) fn patch(&self, current: &Value, wanted: &Value) -> Patch {
        Patch::between(current, wanted, self.received)
    }

    /// Proposes the change of `patch`, which makes `document`.
    pub(super) fn proposal(&self, patch: Patch, document: Arc<Value>) -> Proposal {
        Proposal {
            device_id: self.device_id.clone(),
            sync_id: Some(self.sync_id.clone()),
            document: NewDocument::Made(document),
            ..Proposal::new(self.kind, self.fingerprint, patch)
        }
    }

    /// Returns the device that asks.
    pub(super) const fn device_id(&self) -> Option<&DeviceId> {
        self.device_id.as_ref()
    }

    /// Returns when the request arrived.
    pub(super) const fn received(&self) -> Timestamp {
        self.received
    }
}

/// Returns the version that a [`Kind::Restored`] change restored.
pub(super) fn restored_version(change: &Change) -> Option<Version> {
    change.sync_id.as_ref()?.as_str().strip_prefix(RESTORE)?.parse().ok()
}
