//! A change that brings something back. It is appended to the log like any other; nothing is removed from the log.

use crate::algebra::Winner;
use crate::error::{Code, Error};
use crate::id::{DeviceId, SyncId};
use crate::json::Value;
use crate::log::{Change, Fingerprint, Kind, Patch, Version};
use crate::portfolio::{Claim, Window};
use crate::store::Store;
use crate::sync::append::{NewDocument, Proposal};
use crate::sync::delta::{delta_since, delta_to};
use crate::time::Timestamp;
use crate::wire::v2::{Base, Delta, KeepMineRequest, RestoreRequest};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// The text before the version in the `sync_id` of a [`Kind::Restored`] change.
const RESTORE: &str = "restore.";

/// Refuses a request whose base the log never had.
///
/// An expired base is not refused: the answer then has the document.
pub(super) async fn check_base<S: Store>(window: &Window<'_, S>, base: Option<Base>) -> Result<(), Error> {
    let Some(base) = base else {
        return Ok(());
    };
    match window.check(base.version, base.at).await? {
        Claim::Present | Claim::Expired => Ok(()),
        Claim::Unknown => Err(Error::new(
            Code::BaseUnknown,
            "the portfolio has no such base_version, or one that was made at another time",
        )),
    }
}

/// Returns the version from which a request on `version` reads the log: that version, or its base if that is older.
pub(super) fn read_from(version: Version, base: Option<Base>) -> Version {
    // At base 0 the device has nothing, and the answer has the document.
    let base = base.map(|base| base.version).filter(|base| *base > 0);
    base.map_or(version, |base| base.min(version))
}

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
    /// The version that the device has, if the answer shall bring it to the new head.
    base: Option<Version>,
    /// When the request arrived: the effective time of its edits.
    received: Timestamp,
}

impl Undo {
    /// Restores `version`. The fingerprint contains `received`, so that the same version can be restored again later.
    pub(super) fn restore(request: RestoreRequest, received: Timestamp) -> Result<Self, Error> {
        let RestoreRequest {
            version,
            device_id,
            base,
        } = request;
        let name = format!("{RESTORE}{version}");
        Ok(Self {
            kind: Kind::Restored,
            device_id,
            sync_id: SyncId::parse(&name)?,
            fingerprint: Sha256::digest(format!("{name}\n{}", received.millis())).into(),
            base: base.map(|base| base.version),
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
            base: request.base.map(|base| base.version),
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
            base: self.base,
            device_id: self.device_id.clone(),
            sync_id: Some(self.sync_id.clone()),
            document: NewDocument::Made(document),
            ..Proposal::new(self.kind, self.fingerprint, patch)
        }
    }

    /// Returns the delta that brings the device from its base to `document`, which `patch` makes of the head's; `None`
    /// without a base.
    pub(super) async fn delta<S: Store>(
        &self,
        window: &mut Window<'_, S>,
        patch: &Patch,
        document: &Value,
    ) -> Result<Option<Delta>, Error> {
        match self.base {
            Some(base) => Ok(Some(delta_to(window, base, &patch.edits, document).await?)),
            None => Ok(None),
        }
    }

    /// Returns the delta that brings the device from its base to the head; `None` without a base.
    pub(super) async fn delta_to_head<S: Store>(&self, window: &mut Window<'_, S>) -> Result<Option<Delta>, Error> {
        match self.base {
            Some(base) => Ok(Some(delta_since(window, base).await?)),
            None => Ok(None),
        }
    }

    /// Returns the base.
    pub(super) const fn base(&self) -> Option<Version> {
        self.base
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

/// Tells whether a [`Kind::KeptMine`] change brought back the winning value of its conflict.
pub(super) fn is_of_winner(change: &Change) -> bool {
    let sync_id = change.sync_id.as_ref().map_or("", |id| id.as_str());
    Winner::ALL.iter().any(|side| sync_id.ends_with(side.as_str()))
}
