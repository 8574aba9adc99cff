//! The port of the change log.

use super::change_item::{APART, change_item, put_inline_patch, put_stored_bytes, read_change, was_written_as};
use super::chunks::{self, Joined};
use super::errors::{corrupt, refused};
use super::item::{self, Item};
use super::keys::{self, SortRange};
use super::payload;
use super::store::DynamoStore;
use super::table::{Order, Put, WRITE_UNIT};
use aws_sdk_dynamodb::types::AttributeValue;
use coinolio_core::error::with_causes;
use coinolio_core::log::{Change, Draft, Patch, PortfolioKey, Version};
use coinolio_core::store::{Appended, ChangeLog, StoreError};
use uuid::Uuid;

/// The maximum size of a change's item that contains its patch: one read unit, so that a read of the change with
/// its patch costs no more than a read without it.
const INLINE_ITEM: usize = 4096;

/// The condition for the write of a change: no other change has this parent.
pub(super) const NO_SUCH_CHANGE: &str = "attribute_not_exists(version)";

/// A change, ready to be written.
pub(super) struct Write {
    /// A random id that distinguishes this write from every other write, even of the same change.
    pub(super) id: String,
    /// The item of the change.
    pub(super) item: Item,
    /// The chunks of a patch that is too large for the item.
    pub(super) chunks: Vec<Item>,
}

impl Write {
    /// Prepares the write of a change. A small patch is stored in the item; a larger one is compressed and cut into
    /// chunks.
    pub(super) fn of(key: &PortfolioKey, draft: &Draft) -> Result<Self, StoreError> {
        let id = Uuid::new_v4().to_string();
        let plain = draft.patch.encode();
        let mut item = change_item(key, draft, &id);
        let mut chunks = Vec::new();
        let inline = |stored, size| {
            let mut item = item.clone();
            put_inline_patch(&mut item, stored, size);
            item
        };
        let uncompressed = inline(&plain, None);
        // Below one write unit, compression saves nothing.
        if item::size(&uncompressed) <= WRITE_UNIT {
            item = uncompressed;
        } else {
            let compressed = payload::compress(&plain).map_err(refused)?;
            let candidates = [inline(&compressed, Some(plain.len())), uncompressed];
            let smallest = candidates.into_iter().min_by_key(item::size);
            if let Some(small) = smallest.filter(|item| item::size(item) <= INLINE_ITEM) {
                item = small;
            } else {
                item.insert(APART.to_owned(), AttributeValue::Bool(true));
                let pk = keys::portfolio_partition(key);
                chunks = chunks::cut(&pk, &keys::patch_prefix(&id), &compressed, plain.len());
            }
        }
        put_stored_bytes(&mut item, draft.extent.stored_bytes, &chunks);
        Ok(Self { id, item, chunks })
    }
}

impl ChangeLog for DynamoStore {
    async fn since(&self, key: &PortfolioKey, parent: Version) -> Result<Vec<Change>, StoreError> {
        self.changes(key, SortRange::changes_since(parent), None).await
    }

    async fn between(&self, key: &PortfolioKey, from: Version, to: Version) -> Result<Vec<Change>, StoreError> {
        if from >= to {
            return Ok(Vec::new());
        }
        self.changes(key, SortRange::changes(from, to - 1), None).await
    }

    async fn oldest_since(&self, key: &PortfolioKey, parent: Version) -> Result<Option<Change>, StoreError> {
        let found = self.oldest_item(key, parent).await?;
        found.as_ref().map(read_change).transpose()
    }

    async fn newest(&self, key: &PortfolioKey, limit: u16) -> Result<Vec<Change>, StoreError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        self.changes(key, SortRange::changes_since(0), Some(limit)).await
    }

    async fn before(&self, key: &PortfolioKey, parent: Version, limit: u16) -> Result<Vec<Change>, StoreError> {
        if parent == 0 || limit == 0 {
            return Ok(Vec::new());
        }
        self.changes(key, SortRange::changes(0, parent - 1), Some(limit)).await
    }

    async fn patch(&self, key: &PortfolioKey, change: &Change) -> Result<Patch, StoreError> {
        if let Some(patch) = &change.patch {
            return Ok(patch.clone());
        }
        let pk = keys::portfolio_partition(key);
        let Some(id) = &change.patch_id else {
            let sk = keys::change_sort(change.parent);
            return Err(corrupt(&pk, &sk, "neither contains nor names its patch"));
        };
        let prefix = keys::patch_prefix(id);
        match chunks::read(&self.table, &pk, &prefix).await? {
            Joined::Whole(plain) => Patch::decode(&plain).map_err(|error| corrupt(&pk, &prefix, error)),
            Joined::Missing(index) => Err(corrupt(&pk, &keys::chunk_sort(&prefix, index), "is missing")),
        }
    }

    async fn append(&self, key: &PortfolioKey, draft: &Draft) -> Result<Appended, StoreError> {
        let write = Write::of(key, draft)?;
        // Write the chunks first, so that a change never becomes visible without them.
        self.table.put_all(&write.chunks).await?;
        match self.table.put_if(&write.item, NO_SUCH_CHANGE).await? {
            Put::Written => Ok(Appended::Written),
            Put::Refused(Some(there)) => self.occupied(&write, &there).await,
            Put::Refused(None) => Err(refused(
                "a condition was false, but the item that is there was not returned",
            )),
        }
    }

    async fn remove(&self, key: &PortfolioKey, change: &Change) -> Result<(), StoreError> {
        let pk = keys::portfolio_partition(key);
        // Remove the change last, because only the change names its chunks.
        if let Some(id) = &change.patch_id {
            let chunks = SortRange::below(&keys::patch_prefix(id));
            self.table.delete_range(&pk, chunks).await?;
        }
        let item = item::keyed(&pk, &keys::change_sort(change.parent));
        self.table.delete_all(&[item]).await
    }
}

impl DynamoStore {
    async fn changes(
        &self,
        key: &PortfolioKey,
        range: SortRange,
        limit: Option<u16>,
    ) -> Result<Vec<Change>, StoreError> {
        let pk = keys::portfolio_partition(key);
        let found = self.table.query(&pk, range, Order::Descending, limit).await?;
        found.iter().map(read_change).collect()
    }

    /// Reads the item of the oldest change whose parent is `parent` or later.
    pub(super) async fn oldest_item(&self, key: &PortfolioKey, parent: Version) -> Result<Option<Item>, StoreError> {
        let range = SortRange::changes_since(parent);
        let pk = keys::portfolio_partition(key);
        self.table.first(&pk, range, Order::Ascending).await
    }

    /// Determines whether `there`, the item that refused a write, was written by another writer.
    ///
    /// The SDK repeats a request that received no answer, and the repetition can meet the item of the first
    /// attempt. In that case the chunks belong to the stored change and must stay. After a beaten write, the chunks
    /// belong to no change and are deleted. If that fails, they remain but are never read.
    pub(super) async fn occupied(&self, write: &Write, there: &Item) -> Result<Appended, StoreError> {
        if was_written_as(there, &write.id) {
            return Ok(Appended::Written);
        }
        if let Err(error) = self.table.delete_all(&write.chunks).await {
            tracing::warn!(
                error = with_causes(&error),
                "the chunks of a change that was not written remain"
            );
        }
        Ok(Appended::Occupied(Box::new(read_change(there)?)))
    }
}
