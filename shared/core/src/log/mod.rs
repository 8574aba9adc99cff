//! The log of a portfolio: the entries that are stored, and their encoding.
//!
//! A portfolio is a log of changes (docs/ARCHITECTURE.md). Each [`Change`] is keyed by its parent, so two writers on
//! the same parent race for one key and exactly one of them wins. A [`Snapshot`] is the whole document at a version,
//! so that a read starts there instead of at the beginning.
//!
//! ```
//! use coinolio_core::json::read;
//! use coinolio_core::log::{Change, Draft, Extent, Kind, Patch};
//! use coinolio_core::time::Timestamp;
//!
//! let (empty, document) = (read(b"{}")?, read(br#"{"btc": "1.0"}"#)?);
//! let noon = Timestamp::parse("2026-01-01T12:00:00.000Z")?;
//!
//! let patch = Patch::between(&empty, &document, noon);
//! let draft = Draft::on(None, Extent::EMPTY, Kind::Created, patch, noon);
//! assert_eq!((draft.parent, draft.version), (0, 1));
//!
//! // The next change is made on top of the first, and is later, even if the clock has stopped.
//! let head = Change::from(draft);
//! let next = Draft::on(Some(&head), head.extent, Kind::Deleted, Patch::default(), noon);
//! assert_eq!((next.parent, next.version), (1, 2));
//! assert!(next.last_sync_at > head.last_sync_at);
//! # Ok::<(), coinolio_core::Error>(())
//! ```

mod change;
mod codec;
mod entry;
mod extent;
mod patch;
mod size;
mod snapshot;

pub use change::{Change, ChangeIdentity, Draft, Fingerprint, Kind};
pub use codec::DecodeError;
pub use entry::{Entry, PortfolioKey};
pub use extent::Extent;
pub use patch::{ConflictRecord, Edit, Patch};
pub use size::json_size;
pub use snapshot::{Snapshot, SnapshotDraft, SnapshotMark};

/// A version of a portfolio: 0 before its creation.
///
/// Each change adds 1, or more if a v1 client that counts its own edits is ahead (docs/PROTOCOL.md).
pub type Version = u64;

/// The largest version that every JavaScript client can represent: 2^53 − 1 (ECMA-262 `Number.MAX_SAFE_INTEGER`).
pub const MAX_VERSION: Version = (1 << 53) - 1;
