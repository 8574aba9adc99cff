//! The port to users' directories.

use super::{Appended, StoreError};
use crate::id::UserId;
use crate::log::{Draft, Entry, PortfolioKey, SnapshotMark, Version};
use std::future::Future;

/// The directories of all users: one entry for each portfolio, deleted ones included.
///
/// Every read MUST be strongly consistent.
pub trait Directory: Send + Sync {
    /// Returns the user's entries, sorted by id.
    fn entries(&self, user: &UserId) -> impl Future<Output = Result<Vec<Entry>, StoreError>> + Send;

    /// Returns a portfolio's entry.
    fn entry(&self, key: &PortfolioKey) -> impl Future<Output = Result<Option<Entry>, StoreError>> + Send;

    /// Writes a portfolio's entry and its first change (parent 0): both or neither.
    ///
    /// If either exists, the store MUST write neither: a log begins only once, even if retention has removed its first
    /// change. [`Appended::Occupied`] then contains the oldest change.
    fn create(
        &self,
        key: &PortfolioKey,
        entry: &Entry,
        first: &Draft,
    ) -> impl Future<Output = Result<Appended, StoreError>> + Send;

    /// Renames an existing entry; returns false if there is none.
    fn rename(&self, key: &PortfolioKey, name: &str) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Appends a change, as [`super::ChangeLog::append`], and renames the existing entry: both or neither.
    fn append_and_rename(
        &self,
        key: &PortfolioKey,
        draft: &Draft,
        name: &str,
    ) -> impl Future<Output = Result<Appended, StoreError>> + Send;

    /// Sets a snapshot's mark in an existing entry that has no mark or an older one; returns false if it did not.
    fn mark_snapshot(
        &self,
        key: &PortfolioKey,
        mark: &SnapshotMark,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Records in an existing entry that versions before `version` are about to expire; returns false if the entry is
    /// missing, or already names that version or a later one.
    fn retain_from(
        &self,
        key: &PortfolioKey,
        version: Version,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;
}
