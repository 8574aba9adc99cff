//! The port to where logs are kept.

use super::{Change, Entry, NewChange, Patch, PortfolioKey, Snapshot, SnapshotMark, Version};
use crate::error::{Code, Error};
use crate::id::UserId;
use crate::json::Value;
use std::future::Future;
use std::sync::Arc;

/// What became of an append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Appended {
    /// The change is the parent's one child, for good.
    Written,
    /// The parent already has a child: this one. It may be our own, written by an earlier attempt.
    Taken(Box<Change>),
}

/// Why the log did not answer.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Throttled or down, after the client's own retries; nothing is known of the attempted effect.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// A stored item does not decode.
    #[error("the stored item {item} cannot be read: {reason}")]
    Corrupt {
        /// The item's key.
        item: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Retention has removed what a version was made from, or is about to.
    #[error("version {version} is no longer kept, nor is any before {kept_from}")]
    Expired {
        /// The version.
        version: Version,
        /// The directory entry's [`Entry::kept_from`]: everything from there on is whole.
        kept_from: Version,
    },
    /// The store refused the request: a defect of this service or of its configuration.
    #[error("the store refused the request: {0}")]
    Refused(String),
}

impl From<LogError> for Error {
    fn from(error: LogError) -> Self {
        let public = match error {
            LogError::Unavailable(_) => Self::new(Code::Unavailable, "the store is busy or down; try again soon"),
            LogError::Corrupt { .. } => Self::new(Code::Unavailable, "what is stored cannot be read at the moment"),
            LogError::Expired { version, .. } => {
                return Self::new(Code::BaseExpired, format!("version {version} is no longer kept"));
            }
            LogError::Refused(_) => Self::new(Code::Internal, "the service has a defect; nothing was changed"),
        };
        public.because(error)
    }
}

/// Where the change logs and directories of all users are kept.
///
/// Every read MUST be strongly consistent: it sees every write that was acknowledged before it began.
pub trait ChangeLog: Send + Sync {
    /// The changes whose parent is `parent` or later, newest first. Empty where there are none, or no such
    /// portfolio. One request, whatever their number, up to the store's page size.
    fn since(&self, key: &PortfolioKey, parent: Version) -> impl Future<Output = Result<Vec<Change>, LogError>> + Send;

    /// The changes whose parent is at least `from` and below `to`, newest first: as [`Self::since`].
    fn between(
        &self,
        key: &PortfolioKey,
        from: Version,
        to: Version,
    ) -> impl Future<Output = Result<Vec<Change>, LogError>> + Send;

    /// The oldest change whose parent is `parent` or later, in one request; `None` where there is none, or no such
    /// portfolio. That of parent 0 or later is the oldest change kept: its own parent is 0 until retention has removed
    /// the changes before it.
    fn oldest_since(
        &self,
        key: &PortfolioKey,
        parent: Version,
    ) -> impl Future<Output = Result<Option<Change>, LogError>> + Send;

    /// The newest `limit` changes, newest first, in one request.
    fn newest(&self, key: &PortfolioKey, limit: u16) -> impl Future<Output = Result<Vec<Change>, LogError>> + Send;

    /// The newest `limit` changes whose parent is below `parent`, newest first: as [`Self::newest`].
    fn before(
        &self,
        key: &PortfolioKey,
        parent: Version,
        limit: u16,
    ) -> impl Future<Output = Result<Vec<Change>, LogError>> + Send;

    /// The patch of `change`, from the change itself where it is there, else in one request up to the
    /// store's page size.
    fn patch(&self, key: &PortfolioKey, change: &Change) -> impl Future<Output = Result<Patch, LogError>> + Send;

    /// Appends a change to an existing log: of all that name one parent, exactly one MUST be written. A
    /// patch kept apart MUST be whole before its change is visible. The returned [`Appended::Taken`] MUST
    /// hold the change that is there. The log MUST add what it stores for the change, patch included, to the
    /// parent's [`super::Extent::stored_bytes`], which `new` has.
    fn append(&self, key: &PortfolioKey, new: &NewChange) -> impl Future<Output = Result<Appended, LogError>> + Send;

    /// Puts into the existing directory entry that versions before `version` are no longer kept, where it has not
    /// such a mark of a later one; false where it has, or where there is no entry.
    fn keep_from(&self, key: &PortfolioKey, version: Version) -> impl Future<Output = Result<bool, LogError>> + Send;

    /// Removes a change and its patch, of a version that [`Self::keep_from`] was told of. Those who remove several MUST
    /// do so oldest first, one after the other: a log is a run without a gap at any moment. Where it fails, the change
    /// MUST still be there while anything of its patch is, so that the next attempt finds it. Removing what is gone is
    /// harmless.
    fn remove(&self, key: &PortfolioKey, change: &Change) -> impl Future<Output = Result<(), LogError>> + Send;

    /// Writes a portfolio's directory entry and its first change (parent 0), both or neither. Where either is there
    /// it MUST write none: a log is begun once, also when retention has removed its first change, and
    /// [`Appended::Taken`] then holds its oldest.
    fn create(
        &self,
        key: &PortfolioKey,
        entry: &Entry,
        first: &NewChange,
    ) -> impl Future<Output = Result<Appended, LogError>> + Send;

    /// The newest snapshot of `version` or before that can be read; `None` where there is none.
    ///
    /// A snapshot that is not whole, does not prove itself or is of a later format MUST NOT be returned: the
    /// log tells the operator which it is and takes the one before it.
    fn snapshot_before(
        &self,
        key: &PortfolioKey,
        version: Version,
    ) -> impl Future<Output = Result<Option<Snapshot>, LogError>> + Send;

    /// Keeps a snapshot, and returns its mark with what it takes. It MUST NOT be found before it is whole.
    /// Writing the same version again is harmless: a version's document never changes.
    fn write_snapshot(
        &self,
        key: &PortfolioKey,
        snapshot: &Snapshot,
    ) -> impl Future<Output = Result<SnapshotMark, LogError>> + Send;

    /// Removes the snapshots of versions before `version`.
    fn remove_snapshots_before(
        &self,
        key: &PortfolioKey,
        version: Version,
    ) -> impl Future<Output = Result<(), LogError>> + Send;

    /// Puts a snapshot's mark into the existing directory entry, where that has none or an older one's; false
    /// where it has not, or where there is no entry.
    fn mark_snapshot(
        &self,
        key: &PortfolioKey,
        mark: &SnapshotMark,
    ) -> impl Future<Output = Result<bool, LogError>> + Send;

    /// The user's directory, sorted by id; deleted portfolios included.
    fn entries(&self, user: &UserId) -> impl Future<Output = Result<Vec<Entry>, LogError>> + Send;

    /// The portfolio's directory entry.
    fn entry(&self, key: &PortfolioKey) -> impl Future<Output = Result<Option<Entry>, LogError>> + Send;

    /// The document of the version that `change` made, where it is remembered from an earlier request.
    ///
    /// No request: a change is never modified, so a document that was right once stays right.
    fn remembered(&self, key: &PortfolioKey, change: &Change) -> Option<Arc<Value>> {
        let _ = (key, change);
        None
    }

    /// Remembers the document of the version that `change` made, `bytes` long as compact JSON, for as long
    /// as there is room.
    fn remember(&self, key: &PortfolioKey, change: &Change, document: &Arc<Value>, bytes: u64) {
        let _ = (key, change, document, bytes);
    }

    /// Gives an existing directory entry another name; false where there is none.
    fn rename(&self, key: &PortfolioKey, name: &str) -> impl Future<Output = Result<bool, LogError>> + Send;
}
