//! How a new version's [`Extent`] comes about, and when a snapshot is due.

use super::MAX_DOCUMENT_BYTES;
use super::limits::check_size;
use crate::error::Error;
use crate::json::Value;
use crate::log::{Change, ChangeLog, Extent, Patch, PortfolioKey, Snapshot, json_size};

/// Patches that together take less than this are read as fast as a snapshot is.
const LEAST_PATCH_BYTES: u64 = 4 * 1024;

/// The part of a snapshot's size that the patches after it may take: with it a full read costs at most a
/// quarter more than the document, and a snapshot is written once in that many bytes of edits.
const SNAPSHOT_SHARE: u64 = 4;

/// What a full read of the version takes that `patch` makes of `head`, whose document is `held`.
///
/// Keeps a snapshot of `held` where the patches since the last one outgrew it (design section 3): this is
/// for those who have read the document anyway, since it is off no hot path of theirs.
///
/// # Errors
/// Too large where `made`, the new version's document, is over the limit.
pub(super) async fn extent<L: ChangeLog>(
    log: &L,
    key: &PortfolioKey,
    head: &Change,
    held: &Value,
    patch: &Patch,
    made: &Value,
) -> Result<Extent, Error> {
    let is_due = head.extent.patch_bytes > LEAST_PATCH_BYTES.max(head.extent.snapshot_bytes / SNAPSHOT_SHARE);
    let from = if is_due {
        Extent {
            snapshot: head.version,
            snapshot_bytes: json_size(held),
            patch_bytes: 0,
        }
    } else {
        head.extent
    };
    let extent = from.grown_by(patch);
    if extent.bound() > MAX_DOCUMENT_BYTES {
        check_size(json_size(made))?;
    }
    if is_due {
        let document = held.clone();
        let snapshot = Snapshot {
            version: head.version,
            document,
        };
        log.write_snapshot(key, &snapshot).await?;
    }
    Ok(extent)
}
