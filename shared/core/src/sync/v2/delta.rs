//! The delta for a device: operations, or the whole document if that is smaller.

use super::Sync;
use crate::algebra::Op;
use crate::error::Error;
use crate::json::Value;
use crate::log::{Version, json_size};
use crate::portfolio::Window;
use crate::store::{Store, StoreError};
use crate::wire::v2::Delta;
use std::sync::Arc;

/// Operations below this size, in bytes of JSON, are always sent as operations (docs/PROTOCOL.md).
const ALWAYS_CHANGES_BYTES: u64 = 4 * 1024;

/// How many times the document's bound is assumed to exceed its size, at most, without a look at the directory entry.
///
/// That look costs one read unit, and operations that are smaller than the bound by this factor are rarely larger
/// than the document.
const LOOSE_BY: u64 = 4;

/// Returns `changes`, or the `document` that they make if that is smaller.
pub(super) fn smaller(changes: Vec<Op>, document: Value, document_bytes: u64) -> Delta {
    if is_smaller_as_document(json_size(&changes), document_bytes) {
        Delta::Document(document)
    } else {
        Delta::Changes(changes)
    }
}

impl Sync<'_> {
    /// Returns the delta from the document of `version` to the head's: the operations since then, or the head's
    /// document if they are known to be larger.
    pub(super) async fn delta_since<S: Store>(
        &mut self,
        window: &mut Window<'_, S>,
        version: Version,
    ) -> Result<Delta, Error> {
        let since = window.after(version);
        let operations_bytes = since.iter().map(|change| change.patch_bytes).sum();
        // Every log has version 0, but retention may have removed the first changes on top of it.
        let is_whole = since.first().is_none_or(|oldest| oldest.parent == version);
        if is_whole && may_be_smaller_as_document(operations_bytes, window.extent().bound()) {
            window.note_directorys_snapshot().await?;
        }
        if !is_whole || is_smaller_as_document(operations_bytes, window.extent().bound()) {
            return self.head_document(window).await;
        }
        match window.operations(version).await {
            Ok(operations) => Ok(Delta::Changes(operations)),
            Err(StoreError::Expired { .. }) if version == 0 => self.head_document(window).await,
            Err(error) => Err(error.into()),
        }
    }

    /// Returns the head's document.
    pub(super) async fn head_document<S: Store>(&mut self, window: &mut Window<'_, S>) -> Result<Delta, Error> {
        let head = window.living_head()?.version;
        let document = window.document_at(head).await?;
        self.report.document_bytes = Some(json_size(&*document));
        Ok(Delta::Document(Arc::unwrap_or_clone(document)))
    }
}

/// True if operations of this size may be larger than the document, whose `bound` may be loose.
const fn may_be_smaller_as_document(operations_bytes: u64, bound: u64) -> bool {
    operations_bytes > ALWAYS_CHANGES_BYTES && operations_bytes > bound / LOOSE_BY
}

/// True if operations of this size are larger than the document, and not so small that they are always sent.
const fn is_smaller_as_document(operations_bytes: u64, document_bytes: u64) -> bool {
    operations_bytes > ALWAYS_CHANGES_BYTES && operations_bytes > document_bytes
}
