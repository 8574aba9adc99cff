//! The items of the log.

use crate::algebra::{Conflict, Op};
use crate::id::{DeviceId, PortfolioId, SyncId, UserId};
use crate::json::Value;
use crate::time::Timestamp;

/// A version of a portfolio: 0 before its creation, growing with each change by 1, or by more where a
/// v1 client is ahead (design section 5).
pub type Version = u64;

/// The largest version that every JavaScript client can hold: 2^53 − 1 (ECMA-262 `Number.MAX_SAFE_INTEGER`).
pub const MAX_VERSION: Version = (1 << 53) - 1;

/// Which portfolio of which user.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PortfolioKey {
    /// The user, from the authorizer's claims.
    pub user: UserId,
    /// The portfolio, unique among the user's.
    pub portfolio: PortfolioId,
}

/// What made a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The portfolio's first change.
    Created,
    /// A sync of a device, v1 or v2.
    Synced,
    /// A whole document put in the head's place.
    Replaced,
    /// The portfolio's deletion.
    Deleted,
    /// The document of an earlier version brought back, on a living portfolio or a deleted one.
    Restored,
    /// What lost in a conflict, brought back.
    KeptMine,
}

/// One operation and the effective time of the edit it stands for (design section 4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The operation.
    pub op: Op,
    /// The effective time of the edit.
    pub at: Timestamp,
}

/// SHA-256 of what a device sent: base and operations (v2), or version and document (v1).
pub type Fingerprint = [u8; 32];

/// How far a log has grown by a version, and what its writer knew of the newest snapshot.
///
/// The sums run over the log's whole life, so that the difference of two versions' sums is what lies between
/// them. With a snapshot's size they bound the document's without reading it (design section 5); the snapshot
/// need not be the newest, which a writer that reads no document does not look for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// The version of the newest snapshot known when the change was written; 0 without one.
    pub snapshot: Version,
    /// The size of that snapshot's document as compact JSON, in bytes.
    pub snapshot_bytes: u64,
    /// [`Self::patch_bytes`] of that snapshot's version.
    pub snapshot_at: u64,
    /// The size of all patches as JSON, this change's included, in bytes.
    pub patch_bytes: u64,
    /// What the store keeps for all changes, this one included, in bytes: their items and the chunks of their
    /// patches, compressed where they are.
    ///
    /// A change to append has its parent's sum here; the log adds what it stores for the change.
    pub stored_bytes: u64,
}

impl Extent {
    /// An upper bound of the document's size as compact JSON, in bytes.
    pub const fn bound(&self) -> u64 {
        let since = self.patch_bytes.saturating_sub(self.snapshot_at);
        self.snapshot_bytes.saturating_add(since)
    }

    /// The same with what `mark` tells, where that is of a newer snapshot and not past the extent's version.
    #[must_use]
    pub const fn knowing(self, mark: &SnapshotMark) -> Self {
        if mark.version <= self.snapshot || mark.at_patch_bytes > self.patch_bytes {
            return self;
        }
        Self {
            snapshot: mark.version,
            snapshot_bytes: mark.document_bytes,
            snapshot_at: mark.at_patch_bytes,
            ..self
        }
    }
}

/// A change as the log keeps it, its patch apart.
///
/// Keyed by `parent`, written once, never modified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The version that the change was made on top of.
    pub parent: Version,
    /// The version that the change made.
    pub version: Version,
    /// What made it.
    pub kind: Kind,
    /// The device that made it, where one did.
    pub device_id: Option<DeviceId>,
    /// The sync that made it: v2 only.
    pub sync_id: Option<SyncId>,
    /// What the device sent, so that a repetition is recognised.
    pub fingerprint: Option<Fingerprint>,
    /// True where the version's document is exactly the whole document that the device had sent.
    pub verbatim: bool,
    /// When the service took it: strictly greater than the parent's.
    pub last_sync_at: Timestamp,
    /// What a full read of this version takes.
    pub extent: Extent,
    /// How many conflicts its patch records.
    pub conflicts: u64,
    /// The size of its patch's operations as JSON, in bytes.
    pub patch_bytes: u64,
    /// Its patch where it is small enough to be kept with the change; [`super::ChangeLog::patch`] reads it
    /// otherwise.
    pub patch: Option<Patch>,
    /// The log's own name for the patch where it is kept apart; `None` in a change to append, which the log
    /// ignores.
    pub patch_id: Option<Box<str>>,
}

/// What tells a change from any other, also of a log that was deleted or restored from a backup and took another turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Making {
    version: Version,
    parent: Version,
    last_sync_at: Timestamp,
    fingerprint: Option<Fingerprint>,
}

impl Making {
    /// What tells `change`.
    pub const fn of(change: &Change) -> Self {
        Self {
            version: change.version,
            parent: change.parent,
            last_sync_at: change.last_sync_at,
            fingerprint: change.fingerprint,
        }
    }
}

/// What a change did: kept with the change where small, apart from it where big.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patch {
    /// The operations, in the order in which they apply.
    pub edits: Vec<Edit>,
    /// The conflicts that the merge met, with both values.
    pub conflicts: Vec<Conflict>,
}

/// A conflict and the version that recorded it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedConflict {
    /// The version of the change that records it.
    pub version: Version,
    /// The conflict.
    pub conflict: Conflict,
}

/// A change to append: `change.patch` and `change.patch_id` are ignored, the log decides where `patch` is
/// kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewChange {
    /// The change.
    pub change: Change,
    /// Its patch.
    pub patch: Patch,
}

/// The whole document at a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// What is known of it without reading it.
    pub mark: SnapshotMark,
    /// The document.
    pub document: Value,
}

/// What a snapshot weighs, and where in its log it stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SnapshotMark {
    /// The version whose document it holds.
    pub version: Version,
    /// The size of the document as compact JSON, in bytes.
    pub document_bytes: u64,
    /// What the store keeps for the snapshot, in bytes: the log says, and ignores it in a snapshot to write.
    pub stored_bytes: u64,
    /// [`Extent::patch_bytes`] of the version.
    pub at_patch_bytes: u64,
    /// [`Extent::stored_bytes`] of the version.
    pub at_stored_bytes: u64,
}

/// A portfolio in its user's directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The portfolio.
    pub portfolio: PortfolioId,
    /// Its name.
    pub name: String,
    /// When it was created.
    pub created: Timestamp,
    /// Its newest snapshot, as far as the entry was told: there may be a newer one.
    pub snapshot: Option<SnapshotMark>,
    /// Retention has removed what the versions before this one were made from, or is doing so; 0 where it never has.
    pub kept_from: Version,
}
