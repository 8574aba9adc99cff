//! How a new version's [`Extent`] comes about, and what bounds its document's size.

use super::MAX_DOCUMENT_BYTES;
use super::limits::check_size;
use crate::error::Error;
use crate::json::Value;
use crate::log::{ChangeLog, Extent, LogError, Patch, PortfolioKey, Window, json_size};

/// The extent of the version that `patch` makes of the window's head: the document `made`.
///
/// # Errors
/// Too large where `made` is over the limit.
pub(super) fn extent(window: &Window, patch: &Patch, made: &Value) -> Result<Extent, Error> {
    let extent = window.extent().grown_by(patch);
    if extent.bound() > MAX_DOCUMENT_BYTES {
        check_size(json_size(made))?;
    }
    Ok(extent)
}

/// Tells the window of the newest snapshot that the directory knows, so that its bound is as tight as it can be
/// without reading a document: one request.
pub(super) async fn tighten<L: ChangeLog>(log: &L, key: &PortfolioKey, window: &mut Window) -> Result<(), LogError> {
    let entry = log.entry(key).await?;
    if let Some(mark) = entry.and_then(|entry| entry.snapshot) {
        window.learn(mark);
    }
    Ok(())
}
