//! The delta that brings a device to the head: operations, or the whole document if that is smaller.

use crate::algebra::{Op, squash};
use crate::error::Error;
use crate::json::Value;
use crate::log::{Edit, Version, json_size};
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

/// Returns the delta from the document of `version` to the head's: the squashed operations since then, or the head's
/// document if they are known to be larger.
///
/// Patches that are stored apart are read only if all operations together are not known to be larger than the document.
pub(super) async fn delta_since<S: Store>(window: &mut Window<'_, S>, version: Version) -> Result<Delta, Error> {
    if !is_whole_since(window, version) {
        return head_document(window).await;
    }
    let mut bound = Bound { is_tight: false };
    let since = window.after(version);
    let is_loaded = since.iter().all(|change| change.patch.is_some());
    let stored_bytes = since.iter().map(|change| change.patch_bytes).sum();
    if !is_loaded && bound.is_below(window, stored_bytes).await? {
        return head_document(window).await;
    }
    let operations = match window.operations(version).await {
        Ok(operations) => squash(operations),
        Err(StoreError::Expired { .. }) if version == 0 => return head_document(window).await,
        Err(error) => return Err(error.into()),
    };
    if bound.is_below(window, json_size(&operations)).await? {
        return head_document(window).await;
    }
    Ok(Delta::Changes(operations))
}

/// Returns the delta from the document of `version` to `document`, which `edits` make of the head's.
///
/// Everything is read before the edits are written, so a request that fails has changed nothing.
pub(super) async fn delta_to<S: Store>(
    window: &mut Window<'_, S>,
    version: Version,
    edits: &[Edit],
    document: &Value,
) -> Result<Delta, Error> {
    let document_bytes = json_size(document);
    let since = window.after(version);
    let is_loaded = since.iter().all(|change| change.patch.is_some());
    let stored_bytes = since.iter().map(|change| change.patch_bytes).sum();
    let is_large = !is_loaded && is_smaller_as_document(stored_bytes, document_bytes);
    if is_large || !is_whole_since(window, version) {
        return Ok(Delta::Document(document.clone()));
    }
    let mut operations = match window.operations(version).await {
        Ok(operations) => operations,
        Err(StoreError::Expired { .. }) => return Ok(Delta::Document(document.clone())),
        Err(error) => return Err(error.into()),
    };
    operations.extend(edits.iter().map(|edit| edit.op.clone()));
    let operations = squash(operations);
    if is_smaller_as_document(json_size(&operations), document_bytes) {
        return Ok(Delta::Document(document.clone()));
    }
    Ok(Delta::Changes(operations))
}

/// Returns the head's document.
pub(super) async fn head_document<S: Store>(window: &mut Window<'_, S>) -> Result<Delta, Error> {
    let head = window.living_head()?.version;
    let document = window.document_at(head).await?;
    Ok(Delta::Document(Arc::unwrap_or_clone(document)))
}

/// Tells whether `window` has every change since `version`. Every log has version 0, but retention may have removed
/// the first changes on top of it.
fn is_whole_since<S: Store>(window: &Window<'_, S>, version: Version) -> bool {
    window
        .after(version)
        .first()
        .is_none_or(|oldest| oldest.parent == version)
}

/// The knowledge of the document's size, without a document: the window has an upper bound.
struct Bound {
    /// True once the newest snapshot that the directory entry knows has been noted.
    is_tight: bool,
}

impl Bound {
    /// Tells whether operations of this size are known to be larger than the document. Looks at the directory entry, once
    /// in a request, if the bound may be loose.
    async fn is_below<S: Store>(
        &mut self,
        window: &mut Window<'_, S>,
        operations_bytes: u64,
    ) -> Result<bool, StoreError> {
        if operations_bytes <= ALWAYS_CHANGES_BYTES {
            return Ok(false);
        }
        if !self.is_tight && operations_bytes > window.extent().bound() / LOOSE_BY {
            window.note_directorys_snapshot().await?;
            self.is_tight = true;
        }
        Ok(is_smaller_as_document(operations_bytes, window.extent().bound()))
    }
}

/// True if operations of this size are larger than the document, and not so small that they are always sent.
const fn is_smaller_as_document(operations_bytes: u64, document_bytes: u64) -> bool {
    operations_bytes > ALWAYS_CHANGES_BYTES && operations_bytes > document_bytes
}
