//! The change log's port on DynamoDB.

use super::chunks::{self, Joined};
use super::documents::Documents;
use super::errors::{refused, store_error};
use super::items::{self, Item};
use super::keys::{self, SortRange};
use super::meter::Meter;
use super::payload;
use super::requests::{Order, units};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure};
use coinolio_core::id::UserId;
use coinolio_core::json::Value;
use coinolio_core::log::{Change, Draft, Entry, Patch, PortfolioKey, Snapshot, SnapshotDraft, SnapshotMark, Version};
use coinolio_core::store::{Appended, BoxError, ChangeLog, Directory, Snapshots, StoreError};
use std::sync::Arc;
use uuid::Uuid;

/// A write of up to this many bytes is one write unit (DynamoDB Developer Guide, "Read and write
/// operations"): an item no bigger gains nothing from compression.
const WRITE_UNIT: usize = 1024;

/// The biggest change item with its patch in it: one read unit, so that reading a change costs no more
/// than looking at it.
const INLINE_ITEM: usize = 4096;

/// The change log on one DynamoDB table (design section 3).
///
/// Clones share the SDK's client and its connections, and the documents that are remembered.
#[derive(Clone, Debug)]
pub struct DynamoLog {
    pub(super) client: Client,
    pub(super) table: Arc<str>,
    pub(super) meter: Meter,
    documents: Arc<Documents>,
}

/// A change as it goes into the table.
pub(super) struct Writing {
    /// The random id that tells this writing from any other, the same change's included.
    pub(super) id: String,
    /// The change's item.
    pub(super) item: Item,
    /// The chunks of a patch too big for it.
    pub(super) chunks: Vec<Item>,
}

impl DynamoLog {
    /// The log in `table`, reached through `client`.
    pub fn new(client: Client, table: &str) -> Self {
        Self {
            client,
            table: table.into(),
            meter: Meter::default(),
            documents: Arc::default(),
        }
    }

    /// The same log, metered by `meter`: one for each invocation.
    #[must_use]
    pub fn with_meter(&self, meter: Meter) -> Self {
        Self { meter, ..self.clone() }
    }

    /// Prepares a change: its patch inside where the item stays small, apart and compressed otherwise.
    pub(super) fn prepare(key: &PortfolioKey, new: &Draft) -> Result<Writing, StoreError> {
        let id = Uuid::new_v4().to_string();
        let plain = new.patch.encode();
        let mut item = items::change_item(key, new, &id);
        let mut chunks = Vec::new();
        let inline = |stored, size| {
            let mut item = item.clone();
            items::put_inline_patch(&mut item, stored, size);
            item
        };
        let uncompressed = inline(&plain, None);
        if items::size(&uncompressed) <= WRITE_UNIT {
            item = uncompressed;
        } else {
            let compressed = payload::compress(&plain).map_err(refused)?;
            let candidates = [inline(&compressed, Some(plain.len())), uncompressed];
            let smallest = candidates.into_iter().min_by_key(items::size);
            if let Some(small) = smallest.filter(|item| items::size(item) <= INLINE_ITEM) {
                item = small;
            } else {
                item.insert("apart".to_owned(), AttributeValue::Bool(true));
                let pk = keys::portfolio_partition(key);
                chunks = chunks::cut(&pk, &keys::patch_prefix(&id), &compressed, plain.len());
            }
        }
        items::put_stored_bytes(&mut item, new.extent.stored_bytes, &chunks);
        Ok(Writing { id, item, chunks })
    }

    /// What became of a writing whose condition failed on `there`.
    ///
    /// The SDK repeats a request whose answer was lost: what it then finds may be this very writing, and
    /// its chunks must stay. The chunks of a writing that lost are nobody's; what is left of them where
    /// deleting fails is never read.
    pub(super) async fn settle(&self, writing: &Writing, there: &Item) -> Result<Appended, StoreError> {
        if items::was_written_as(there, &writing.id) {
            return Ok(Appended::Written);
        }
        if let Err(error) = self.delete_all(&writing.chunks).await {
            tracing::warn!(%error, "the chunks of a change that was not written are left behind");
        }
        Ok(Appended::Occupied(Box::new(items::read_change(there)?)))
    }

    async fn changes(
        &self,
        key: &PortfolioKey,
        range: SortRange,
        limit: Option<u16>,
    ) -> Result<Vec<Change>, StoreError> {
        let pk = keys::portfolio_partition(key);
        let found = self.query(&pk, range, Order::Descending, limit).await?;
        found.iter().map(items::read_change).collect()
    }
}

/// The write units of a write whose condition failed: those of the bigger of both items (DynamoDB
/// Developer Guide, "Conditional writes").
#[expect(clippy::cast_precision_loss, reason = "an item's size is below 400 KB")]
pub(super) fn failed_write_units(item: &Item, there: Option<&Item>) -> f64 {
    let bytes = there.map_or(0, items::size).max(items::size(item));
    bytes.div_ceil(WRITE_UNIT) as f64
}

impl ChangeLog for DynamoLog {
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
        found.as_ref().map(items::read_change).transpose()
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
        let corrupt = |sk: &str, cause: BoxError| StoreError::corrupt(format!("{pk} {sk}"), cause);
        let Some(id) = &change.patch_id else {
            let sk = keys::change_sort(change.parent);
            return Err(corrupt(&sk, "neither contains nor names its patch".into()));
        };
        let prefix = keys::patch_prefix(id);
        match self.read_chunks(&pk, &prefix).await? {
            Joined::Whole(plain) => Patch::decode(&plain).map_err(|error| corrupt(&prefix, error.into())),
            Joined::Missing(index) => Err(corrupt(&keys::chunk_sort(&prefix, index), "is missing".into())),
        }
    }

    async fn append(&self, key: &PortfolioKey, new: &Draft) -> Result<Appended, StoreError> {
        let writing = Self::prepare(key, new)?;
        self.put_all(&writing.chunks).await?;
        let put = self
            .client
            .put_item()
            .table_name(&*self.table)
            .set_item(Some(writing.item.clone()))
            .condition_expression("attribute_not_exists(version)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .customize()
            .interceptor(self.meter.clone())
            .send()
            .await;
        let error = match put {
            Ok(put) => {
                self.meter.wrote(units(put.consumed_capacity.as_ref()));
                return Ok(Appended::Written);
            }
            Err(error) => error,
        };
        let Some(PutItemError::ConditionalCheckFailedException(failed)) = error.as_service_error() else {
            return Err(store_error(error));
        };
        self.meter.wrote(Some(failed_write_units(&writing.item, failed.item())));
        let Some(there) = failed.item() else {
            return Err(StoreError::Refused(
                "a failed condition came without the item that is there".into(),
            ));
        };
        self.settle(&writing, there).await
    }

    async fn remove(&self, key: &PortfolioKey, change: &Change) -> Result<(), StoreError> {
        let pk = keys::portfolio_partition(key);
        // The change last: it alone names its chunks, which would be nobody's without it.
        if let Some(id) = &change.patch_id {
            self.delete_range(&pk, SortRange::below(&keys::patch_prefix(id)))
                .await?;
        }
        self.delete_all(&[items::keyed(&pk, &keys::change_sort(change.parent))])
            .await
    }
}

impl Snapshots for DynamoLog {
    fn remembered(&self, key: &PortfolioKey, change: &Change) -> Option<Arc<Value>> {
        self.documents.get(key, change)
    }

    fn remember(&self, key: &PortfolioKey, change: &Change, document: &Arc<Value>, bytes: u64) {
        self.documents.put(key, change, document, bytes);
    }

    async fn snapshot_before(&self, key: &PortfolioKey, version: Version) -> Result<Option<Snapshot>, StoreError> {
        self.newest_snapshot(&keys::portfolio_partition(key), version).await
    }

    async fn write_snapshot(&self, key: &PortfolioKey, snapshot: &SnapshotDraft) -> Result<SnapshotMark, StoreError> {
        self.put_snapshot(&keys::portfolio_partition(key), snapshot).await
    }

    async fn remove_snapshots_before(&self, key: &PortfolioKey, version: Version) -> Result<(), StoreError> {
        match version.checked_sub(1) {
            Some(last) => {
                let pk = keys::portfolio_partition(key);
                self.delete_range(&pk, SortRange::snapshots_to(last)).await
            }
            None => Ok(()),
        }
    }
}

impl Directory for DynamoLog {
    async fn retain_from(&self, key: &PortfolioKey, version: Version) -> Result<bool, StoreError> {
        let (pk, sk) = (keys::user_partition(&key.user), keys::entry_sort(&key.portfolio));
        self.set_existing(
            &pk,
            &sk,
            [(items::RETAINED_FROM, items::number(version))],
            Some(items::MOVES_FORWARD),
        )
        .await
    }

    async fn create(&self, key: &PortfolioKey, entry: &Entry, first: &Draft) -> Result<Appended, StoreError> {
        self.create_log(key, entry, first).await
    }

    async fn mark_snapshot(&self, key: &PortfolioKey, mark: &SnapshotMark) -> Result<bool, StoreError> {
        let (pk, sk) = (keys::user_partition(&key.user), keys::entry_sort(&key.portfolio));
        self.set_existing(&pk, &sk, items::mark_attributes(mark), Some(items::MOVES_FORWARD))
            .await
    }

    async fn entries(&self, user: &UserId) -> Result<Vec<Entry>, StoreError> {
        let pk = keys::user_partition(user);
        let range = SortRange::below(keys::ENTRY_PREFIX);
        let found = self.query(&pk, range, Order::Ascending, None).await?;
        found.iter().map(items::read_entry).collect()
    }

    async fn entry(&self, key: &PortfolioKey) -> Result<Option<Entry>, StoreError> {
        let (pk, sk) = (keys::user_partition(&key.user), keys::entry_sort(&key.portfolio));
        let found = self.get(&pk, &sk).await?;
        found.as_ref().map(items::read_entry).transpose()
    }

    async fn append_and_rename(&self, key: &PortfolioKey, draft: &Draft, name: &str) -> Result<Appended, StoreError> {
        self.append_and_rename_entry(key, draft, name).await
    }

    async fn rename(&self, key: &PortfolioKey, name: &str) -> Result<bool, StoreError> {
        let (pk, sk) = (keys::user_partition(&key.user), keys::entry_sort(&key.portfolio));
        self.set_existing(&pk, &sk, [("name", items::text(name))], None).await
    }
}
