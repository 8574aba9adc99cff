//! The port to whole documents.

use super::StoreError;
use crate::json::Value;
use crate::log::{Change, PortfolioKey, Snapshot, SnapshotDraft, SnapshotMark, Version};
use std::future::Future;
use std::sync::Arc;

/// The stored snapshots of all users' portfolios, and the documents that a process remembers.
///
/// Every read MUST be strongly consistent.
pub trait Snapshots: Send + Sync {
    /// Returns the newest readable snapshot of `version` or an earlier one.
    ///
    /// A snapshot that is incomplete, fails its checksum or has a later format MUST NOT be returned: the store reports
    /// it to the operator and goes on to the one before it.
    fn snapshot_before(
        &self,
        key: &PortfolioKey,
        version: Version,
    ) -> impl Future<Output = Result<Option<Snapshot>, StoreError>> + Send;

    /// Stores a snapshot, and returns its mark with the bytes that it needs.
    ///
    /// Readers MUST NOT find the snapshot before it is whole. Writing the same version again is harmless: a version's
    /// document never changes.
    fn write_snapshot(
        &self,
        key: &PortfolioKey,
        snapshot: &SnapshotDraft,
    ) -> impl Future<Output = Result<SnapshotMark, StoreError>> + Send;

    /// Removes the snapshots of versions before `version`.
    fn remove_snapshots_before(
        &self,
        key: &PortfolioKey,
        version: Version,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Returns the document of the version that `change` made, if this process remembers it from an earlier request.
    ///
    /// This needs no request: a change is never modified, so a remembered document stays right.
    fn remembered(&self, key: &PortfolioKey, change: &Change) -> Option<Arc<Value>> {
        let _ = (key, change);
        None
    }

    /// Remembers the document of the version that `change` made, if there is room; it has `bytes` bytes as compact
    /// JSON.
    fn remember(&self, key: &PortfolioKey, change: &Change, document: &Arc<Value>, bytes: u64) {
        let _ = (key, change, document, bytes);
    }
}
