//! The port to the changes of a portfolio.

use super::StoreError;
use crate::log::{Change, Draft, Patch, PortfolioKey, Version};
use std::future::Future;

/// The result of an append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Appended {
    /// The draft is now the parent's only child, for good.
    Written,
    /// The parent already has this child. An earlier attempt of the same request may have written it.
    Occupied(Box<Change>),
}

/// The logs of all users' portfolios.
///
/// Every read MUST be strongly consistent: it sees every write that was acknowledged before it began.
pub trait ChangeLog: Send + Sync {
    /// Returns the changes whose parent is `parent` or later, newest first; none if there is no such portfolio.
    ///
    /// One request up to the store's page size, whatever their number.
    fn since(
        &self,
        key: &PortfolioKey,
        parent: Version,
    ) -> impl Future<Output = Result<Vec<Change>, StoreError>> + Send;

    /// Returns the changes whose parent is at least `from` and below `to`, newest first: as [`Self::since`].
    fn between(
        &self,
        key: &PortfolioKey,
        from: Version,
        to: Version,
    ) -> impl Future<Output = Result<Vec<Change>, StoreError>> + Send;

    /// Returns the oldest change whose parent is `parent` or later, in one request.
    ///
    /// For parent 0 that is the oldest stored change: its own parent is 0 until retention removes the changes before
    /// it.
    fn oldest_since(
        &self,
        key: &PortfolioKey,
        parent: Version,
    ) -> impl Future<Output = Result<Option<Change>, StoreError>> + Send;

    /// Returns the newest `limit` changes, newest first, in one request.
    fn newest(&self, key: &PortfolioKey, limit: u16) -> impl Future<Output = Result<Vec<Change>, StoreError>> + Send;

    /// Returns the newest `limit` changes whose parent is below `parent`, newest first: as [`Self::newest`].
    fn before(
        &self,
        key: &PortfolioKey,
        parent: Version,
        limit: u16,
    ) -> impl Future<Output = Result<Vec<Change>, StoreError>> + Send;

    /// Returns the patch of `change`: from the change itself if that contains it, otherwise in one request up to the
    /// store's page size.
    fn patch(&self, key: &PortfolioKey, change: &Change) -> impl Future<Output = Result<Patch, StoreError>> + Send;

    /// Appends a change to an existing log.
    ///
    /// Of all drafts that name one parent, exactly one MUST be written. A patch that is stored apart MUST be whole
    /// before its change is visible. [`Appended::Occupied`] MUST contain the change that is there. The store MUST add
    /// the bytes that it stores for the change, patch included, to [`crate::log::Extent::stored_bytes`].
    fn append(&self, key: &PortfolioKey, draft: &Draft) -> impl Future<Output = Result<Appended, StoreError>> + Send;

    /// Removes a change and its patch; [`super::Directory::retain_from`] MUST have been called for it before.
    ///
    /// A caller that removes several changes MUST do so oldest first, one after the other, so that the log never has a
    /// gap. If the removal fails, the change MUST still be there as long as any part of its patch is, so that the next
    /// attempt finds it. Removing a change that is gone is harmless.
    fn remove(&self, key: &PortfolioKey, change: &Change) -> impl Future<Output = Result<(), StoreError>> + Send;
}
