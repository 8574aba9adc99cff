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

/// How many versions a v2 merge replays before it keeps a snapshot: few enough for one page of a Query
/// (1 MB) at the 4 KB that a change takes at most and the half KB that it takes usually, so many that a
/// merge is one write nearly always.
const MERGE_VERSIONS: u64 = 512;

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
    let from = if is_due { begun_at(head, held) } else { head.extent };
    let extent = from.grown_by(patch);
    if extent.bound() > MAX_DOCUMENT_BYTES {
        check_size(json_size(made))?;
    }
    if is_due {
        keep(log, key, head, held).await?;
    }
    Ok(extent)
}

/// As [`extent`] for a v2 merge, whose document's size is checked already: a log that only v2 clients write
/// gets its snapshots here, one in [`MERGE_VERSIONS`].
///
/// # Errors
/// As the log's.
pub(super) async fn extent_of_merge<L: ChangeLog>(
    log: &L,
    key: &PortfolioKey,
    head: &Change,
    held: &Value,
    patch: &Patch,
) -> Result<Extent, Error> {
    if head.version.saturating_sub(head.extent.snapshot) < MERGE_VERSIONS {
        return Ok(head.extent.grown_by(patch));
    }
    keep(log, key, head, held).await?;
    Ok(begun_at(head, held).grown_by(patch))
}

/// What a full read of `head` takes once there is a snapshot of it.
fn begun_at(head: &Change, held: &Value) -> Extent {
    Extent {
        snapshot: head.version,
        snapshot_bytes: json_size(held),
        patch_bytes: 0,
    }
}

async fn keep<L: ChangeLog>(log: &L, key: &PortfolioKey, head: &Change, held: &Value) -> Result<(), Error> {
    let snapshot = Snapshot {
        version: head.version,
        document: held.clone(),
    };
    Ok(log.write_snapshot(key, &snapshot).await?)
}
