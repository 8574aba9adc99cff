//! The port of the snapshots, which are stored as chunks and found by their keys.
//!
//! A writer stores the last chunk last, and a reader looks for it first. So a reader finds a snapshot only when all
//! its chunks are stored.

use super::chunks::{self, Joined};
use super::errors::corrupt;
use super::item::{self, Item, Stored};
use super::keys::{self, SortRange};
use super::store::DynamoStore;
use super::table::Order;
use coinolio_core::error::with_causes;
use coinolio_core::json::Value;
use coinolio_core::log::{Change, PortfolioKey, Snapshot, SnapshotDraft, SnapshotMark, Version};
use coinolio_core::store::{Snapshots, StoreError};
use std::sync::Arc;

/// The result of reading a snapshot.
enum Found {
    /// The complete snapshot.
    Whole(Box<Snapshot>),
    /// The last chunk is missing: the snapshot is being written, or its writer stopped.
    Unfinished,
}

impl Snapshots for DynamoStore {
    async fn snapshot_before(&self, key: &PortfolioKey, version: Version) -> Result<Option<Snapshot>, StoreError> {
        self.newest_snapshot(&keys::portfolio_partition(key), version).await
    }

    async fn write_snapshot(&self, key: &PortfolioKey, snapshot: &SnapshotDraft) -> Result<SnapshotMark, StoreError> {
        let (pk, prefix) = (keys::portfolio_partition(key), keys::snapshot_prefix(snapshot.version));
        let chunks = chunks::compress_and_cut(&pk, &prefix, &snapshot.encode())?;
        // The last chunk goes last: readers find the snapshot by it.
        let (others, last) = chunks.split_at(chunks.len().saturating_sub(1));
        self.table.put_all(others).await?;
        self.table.put_all(last).await?;
        Ok(snapshot.mark(stored_bytes(&chunks)))
    }

    async fn remove_snapshots_before(&self, key: &PortfolioKey, version: Version) -> Result<(), StoreError> {
        let Some(last) = version.checked_sub(1) else {
            return Ok(());
        };
        let pk = keys::portfolio_partition(key);
        self.table.delete_range(&pk, SortRange::snapshots_to(last)).await
    }

    fn remembered(&self, key: &PortfolioKey, change: &Change) -> Option<Arc<Value>> {
        self.documents.get(key, change)
    }

    fn remember(&self, key: &PortfolioKey, change: &Change, document: &Arc<Value>, bytes: u64) {
        self.documents.put(key, change, document, bytes);
    }
}

impl DynamoStore {
    /// Returns the newest readable snapshot at `version` or before. One request reads its last chunk, whose key
    /// contains the number of chunks. If there are other chunks, a second request reads them.
    async fn newest_snapshot(&self, pk: &str, version: Version) -> Result<Option<Snapshot>, StoreError> {
        let mut up_to = version;
        loop {
            let range = SortRange::snapshots_to(up_to);
            let Some(last) = self.table.first(pk, range, Order::Descending).await? else {
                return Ok(None);
            };
            let (version, index) = chunk_position(&last)?;
            match self.read_snapshot(pk, version, index, last).await {
                Ok(Found::Whole(snapshot)) => return Ok(Some(*snapshot)),
                Ok(Found::Unfinished) => {
                    let item = format!("{pk} {}", keys::snapshot_prefix(version));
                    tracing::warn!(item, "a snapshot is unfinished; the one before it is read instead");
                }
                Err(error @ StoreError::Corrupt { .. }) => {
                    tracing::error!(
                        cause = with_causes(&error),
                        "a snapshot cannot be read; the one before it is read instead"
                    );
                }
                Err(error) => return Err(error),
            }
            let Some(before) = version.checked_sub(1) else {
                return Ok(None);
            };
            up_to = before;
        }
    }

    /// Reads the snapshot at `version`. `last` is the stored chunk with the highest `index`.
    async fn read_snapshot(&self, pk: &str, version: Version, index: usize, last: Item) -> Result<Found, StoreError> {
        let stored = Stored::open(&last)?;
        if stored.whole::<usize>("count")? > index.saturating_add(1) {
            return Ok(Found::Unfinished);
        }
        let prefix = keys::snapshot_prefix(version);
        let mut chunks = Vec::new();
        if index > 0 {
            let others = SortRange::chunks_before(&prefix, index);
            chunks = self.table.query(pk, others, Order::Ascending, None).await?;
        }
        chunks.push(last);
        let plain = match chunks::join(&prefix, &chunks)? {
            Joined::Whole(plain) => plain,
            Joined::Missing(index) => return Err(corrupt(pk, &keys::chunk_sort(&prefix, index), "is missing")),
        };
        let snapshot = Snapshot::decode(version, &plain, stored_bytes(&chunks));
        let snapshot = snapshot.map_err(|error| corrupt(pk, &prefix, error))?;
        Ok(Found::Whole(Box::new(snapshot)))
    }
}

/// Reads the version and the index of a snapshot's chunk from its key.
fn chunk_position(chunk: &Item) -> Result<(Version, usize), StoreError> {
    let stored = Stored::open_any(chunk);
    let position = keys::snapshot_chunk(stored.text("sk")?);
    position.ok_or_else(|| stored.corrupt("is not the key of a snapshot's chunk"))
}

fn stored_bytes(chunks: &[Item]) -> u64 {
    let bytes: usize = chunks.iter().map(item::size).sum();
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
