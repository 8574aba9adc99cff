//! A change: one entry of the log, and the draft that becomes one.

use super::{Extent, Patch, Version};
use crate::id::{DeviceId, SyncId};
use crate::named_enum::named_enum;
use crate::time::Timestamp;

named_enum! {
    /// The reason for a change.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum Kind {
        /// The portfolio's first change.
        Created = "created",
        /// A sync of a device, v1 or v2.
        Synced = "synced",
        /// A whole document that replaced the head's.
        Replaced = "replaced",
        /// The portfolio's deletion.
        Deleted = "deleted",
        /// The document of an earlier version, restored; also after a deletion.
        Restored = "restored",
        /// The losing value of a conflict, brought back.
        KeptMine = "kept_mine",
    }
}

/// The SHA-256 of a request's content: base and operations (v2), or version and document (v1).
///
/// A repeated request has the fingerprint of the change that it made the first time.
pub type Fingerprint = [u8; 32];

/// A change in the log.
///
/// Its key is `parent`. It is written once and never modified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The version on top of which the change was made.
    pub parent: Version,
    /// The version that the change made.
    pub version: Version,
    /// The base of the sync that made it: the version that its device had; 0 if the sync had no base.
    ///
    /// It equals `parent` unless others wrote in between. It is the evidence by which a device that went back in time
    /// (restored from a phone backup, or cloned) is told from one whose answer did not arrive.
    pub base: Version,
    /// The reason for the change.
    pub kind: Kind,
    /// The device that made it, if the request named one.
    pub device_id: Option<DeviceId>,
    /// The id of the sync that made it: only in v2.
    pub sync_id: Option<SyncId>,
    /// The request's fingerprint, by which a repeated request is recognized.
    pub fingerprint: Option<Fingerprint>,
    /// True if the version's document is exactly the whole document that the device sent.
    pub verbatim: bool,
    /// When the service accepted the change: always later than the parent's time.
    pub last_sync_at: Timestamp,
    /// The size of the log up to and including this change.
    pub extent: Extent,
    /// The number of conflicts that the patch records.
    pub conflicts: u64,
    /// The size of the patch's operations as JSON, in bytes.
    pub patch_bytes: u64,
    /// The patch, if it is small enough to be stored inside the change or has been loaded;
    /// [`crate::store::ChangeLog::patch`] reads it otherwise.
    pub patch: Option<Patch>,
    /// The store's name for a patch that it stores apart from the change.
    pub patch_id: Option<Box<str>>,
}

/// A change that is not yet in the log.
///
/// [`Draft::on`] makes one; set the members that a request adds with the struct update syntax.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The version on top of which the change is to be made; 0 for a portfolio's first change.
    pub parent: Version,
    /// The version that it makes.
    pub version: Version,
    /// The base of the sync that makes it, as [`Change::base`].
    pub base: Version,
    /// The reason for the change.
    pub kind: Kind,
    /// The device that makes it, if the request names one.
    pub device_id: Option<DeviceId>,
    /// The id of the sync that makes it: only in v2.
    pub sync_id: Option<SyncId>,
    /// The request's fingerprint.
    pub fingerprint: Option<Fingerprint>,
    /// True if the version's document is exactly the whole document that the device sent.
    pub verbatim: bool,
    /// When the service accepted the change.
    pub last_sync_at: Timestamp,
    /// The parent's extent, grown by the patch. The store adds the bytes that it stores for the change.
    pub extent: Extent,
    /// The size of the patch's operations as JSON, in bytes.
    pub patch_bytes: u64,
    /// The patch.
    pub patch: Patch,
}

impl Draft {
    /// Drafts a change of `kind` with `patch` on top of `head`, or a portfolio's first change if there is no head.
    ///
    /// `extent` is that of the head, including the newest known snapshot; `received` is when the request arrived. The
    /// change's time is later than the head's, whatever the clock says.
    pub fn on(head: Option<&Change>, extent: Extent, kind: Kind, patch: Patch, received: Timestamp) -> Self {
        let parent = head.map_or(0, |head| head.version);
        Self {
            parent,
            version: parent.saturating_add(1),
            base: parent,
            kind,
            device_id: None,
            sync_id: None,
            fingerprint: None,
            verbatim: false,
            last_sync_at: head.map_or(received, |head| Timestamp::after(head.last_sync_at, received)),
            extent: extent.grown_by(&patch),
            patch_bytes: patch.operations_bytes(),
            patch,
        }
    }

    /// Returns the number of conflicts that the patch records.
    pub fn conflicts(&self) -> u64 {
        u64::try_from(self.patch.conflicts.len()).unwrap_or(u64::MAX)
    }
}

impl From<Draft> for Change {
    /// Returns the change that `draft` becomes, with its patch loaded.
    fn from(draft: Draft) -> Self {
        Self {
            conflicts: draft.conflicts(),
            parent: draft.parent,
            version: draft.version,
            base: draft.base,
            kind: draft.kind,
            device_id: draft.device_id,
            sync_id: draft.sync_id,
            fingerprint: draft.fingerprint,
            verbatim: draft.verbatim,
            last_sync_at: draft.last_sync_at,
            extent: draft.extent,
            patch_bytes: draft.patch_bytes,
            patch: Some(draft.patch),
            patch_id: None,
        }
    }
}

/// Identifies a change, even in a log that was restored from a backup and then diverged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangeIdentity {
    version: Version,
    parent: Version,
    last_sync_at: Timestamp,
    fingerprint: Option<Fingerprint>,
}

impl ChangeIdentity {
    /// Returns the identity of `change`.
    pub const fn of(change: &Change) -> Self {
        Self {
            version: change.version,
            parent: change.parent,
            last_sync_at: change.last_sync_at,
            fingerprint: change.fingerprint,
        }
    }
}
