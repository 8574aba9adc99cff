//! Snapshots as chunks, found by their keys.
//!
//! The last chunk is written last and found first, so that a snapshot is found once it is whole.

use super::chunks::{self, Joined};
use super::errors::refused;
use super::items::{self, Item, Stored};
use super::keys::{self, SortRange};
use super::log::DynamoLog;
use super::requests::Order;
use coinolio_core::log::{Snapshot, SnapshotDraft, SnapshotMark, Version};
use coinolio_core::store::{BoxError, StoreError};

/// What the chunks of a snapshot came to.
enum Found {
    /// The snapshot.
    Whole(Box<Snapshot>),
    /// Its last chunk is not there: it is being written, or its writer stopped.
    Unfinished,
}

impl DynamoLog {
    /// Writes a snapshot, its last chunk after all others.
    pub(super) async fn put_snapshot(&self, pk: &str, snapshot: &SnapshotDraft) -> Result<SnapshotMark, StoreError> {
        let prefix = keys::snapshot_prefix(snapshot.version);
        let chunks = chunks::compress_and_cut(pk, &prefix, &snapshot.encode()).map_err(refused)?;
        let (others, last) = chunks.split_at(chunks.len().saturating_sub(1));
        self.put_all(others).await?;
        self.put_all(last).await?;
        Ok(snapshot.mark(stored_bytes(&chunks)))
    }

    /// The newest snapshot of `version` or before that can be read: one request for its last chunk, which says by
    /// its key how many there are, and one for the others where there are any.
    pub(super) async fn newest_snapshot(&self, pk: &str, version: Version) -> Result<Option<Snapshot>, StoreError> {
        let mut up_to = version;
        loop {
            let range = SortRange::snapshots_to(up_to);
            let last = self.query(pk, range, Order::Descending, Some(1)).await?;
            let Some(last) = last.into_iter().next() else {
                return Ok(None);
            };
            let (version, index) = place(&last)?;
            match self.read_snapshot(pk, version, index, last).await {
                Ok(Found::Whole(snapshot)) => return Ok(Some(*snapshot)),
                Ok(Found::Unfinished) => {
                    let item = format!("{pk} {}", keys::snapshot_prefix(version));
                    tracing::warn!(item, "a snapshot is not finished; the one before it is read");
                }
                Err(error @ StoreError::Corrupt { .. }) => {
                    tracing::error!(cause = %error, "a snapshot cannot be read; the one before it is");
                }
                Err(error) => return Err(error),
            }
            let Some(before) = version.checked_sub(1) else {
                return Ok(None);
            };
            up_to = before;
        }
    }

    /// Reads the snapshot of `version`, whose chunk of the highest number there is is `last`.
    async fn read_snapshot(&self, pk: &str, version: Version, index: usize, last: Item) -> Result<Found, StoreError> {
        let stored = Stored::open(&last)?;
        if stored.whole::<usize>("count")? > index.saturating_add(1) {
            return Ok(Found::Unfinished);
        }
        let prefix = keys::snapshot_prefix(version);
        let mut chunks = Vec::new();
        if index > 0 {
            let others = SortRange::chunks_before(&prefix, index);
            chunks = self.query(pk, others, Order::Ascending, None).await?;
        }
        chunks.push(last);
        let corrupt = |sk: &str, cause: BoxError| StoreError::corrupt(format!("{pk} {sk}"), cause);
        let plain = match chunks::join(&prefix, &chunks)? {
            Joined::Whole(plain) => plain,
            Joined::Missing(index) => {
                return Err(corrupt(&keys::chunk_sort(&prefix, index), "is missing".into()));
            }
        };
        let snapshot = Snapshot::decode(version, &plain, stored_bytes(&chunks));
        let snapshot = snapshot.map_err(|error| corrupt(&prefix, error.into()))?;
        Ok(Found::Whole(Box::new(snapshot)))
    }
}

/// The version and the number of a snapshot's chunk.
fn place(chunk: &Item) -> Result<(Version, usize), StoreError> {
    let stored = Stored::open_any(chunk);
    let place = keys::snapshot_chunk(stored.text("sk")?);
    place.ok_or_else(|| stored.corrupt("is not the key of a snapshot's chunk"))
}

fn stored_bytes(chunks: &[Item]) -> u64 {
    let bytes: usize = chunks.iter().map(items::size).sum();
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
