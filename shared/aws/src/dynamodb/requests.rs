//! The requests that several operations of the log share, each metered.

use super::chunks::{self, Joined};
use super::errors::{refused, store_error};
use super::items::{self, Item};
use super::keys::{self, SortRange};
use super::log::DynamoLog;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConsumedCapacity, DeleteRequest, PutRequest, ReturnConsumedCapacity, ReturnValue, WriteRequest,
};
use coinolio_core::log::{PortfolioKey, Version};
use coinolio_core::store::StoreError;
use std::collections::HashMap;
use std::time::Duration;

/// The most items of a BatchWriteItem (DynamoDB API reference); of chunks they make 9 MB of its 16 MB.
const BATCH_ITEMS: usize = 25;

/// How often a request that DynamoDB took only in part, or that met a concurrent transaction, is sent.
pub(super) const ATTEMPTS: u32 = 6;

/// Waits before attempt `attempt` (from 1): up to 25 ms, doubled each time, with full jitter so that
/// writers that met once do not meet again.
pub(super) async fn pause(attempt: u32) {
    let longest = 25_u64 << attempt.min(5);
    tokio::time::sleep(Duration::from_millis(rand::random_range(1..=longest))).await;
}

/// Which end of a range comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// The lowest sort key first.
    Ascending,
    /// The highest sort key first: the newest change.
    Descending,
}

/// Whether a read sees every write that was acknowledged before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Consistency {
    /// It does.
    Strong,
    /// It may lack the newest, for half the read units.
    Eventual,
}

impl DynamoLog {
    /// The items of a range, strongly consistent, at most `limit`: one request for each page of 1 MB.
    pub(super) async fn query(
        &self,
        pk: &str,
        range: SortRange,
        order: Order,
        limit: Option<u16>,
    ) -> Result<Vec<Item>, StoreError> {
        let limit = limit.map(usize::from);
        let request = self
            .client
            .query()
            .table_name(&*self.table)
            .consistent_read(true)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .scan_index_forward(order == Order::Ascending)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", items::text(pk))
            .expression_attribute_values(":from", items::text(range.from))
            .expression_attribute_values(":to", items::text(range.to));
        let mut found = Vec::new();
        let mut start = None;
        loop {
            let left = limit.map(|limit| i32::try_from(limit - found.len()).unwrap_or(i32::MAX));
            let page = request
                .clone()
                .set_limit(left)
                .set_exclusive_start_key(start)
                .customize()
                .interceptor(self.meter.clone())
                .send()
                .await
                .map_err(store_error)?;
            self.meter.read(units(page.consumed_capacity.as_ref()));
            found.extend(page.items.unwrap_or_default());
            start = page.last_evaluated_key;
            if start.is_none() || limit.is_some_and(|limit| found.len() >= limit) {
                return Ok(found);
            }
        }
    }

    /// The item of the oldest change whose parent is `parent` or later.
    pub(super) async fn oldest_item(&self, key: &PortfolioKey, parent: Version) -> Result<Option<Item>, StoreError> {
        let pk = keys::portfolio_partition(key);
        let range = SortRange::changes_since(parent);
        let found = self.query(&pk, range, Order::Ascending, Some(1)).await?;
        Ok(found.into_iter().next())
    }

    /// Reads a chunked payload.
    pub(super) async fn read_chunks(&self, pk: &str, prefix: &str) -> Result<Joined, StoreError> {
        let found = self.query(pk, SortRange::below(prefix), Order::Ascending, None).await?;
        chunks::join(prefix, &found)
    }

    /// Writes items without a condition, all of them or an error.
    pub(super) async fn put_all(&self, items: &[Item]) -> Result<(), StoreError> {
        let requests = items.iter().map(|item| {
            let put = PutRequest::builder().set_item(Some(item.clone())).build();
            put.map(|put| WriteRequest::builder().put_request(put).build())
        });
        self.write_all(requests.collect::<Result<_, _>>().map_err(refused)?)
            .await
    }

    /// Deletes items, all of them or an error.
    pub(super) async fn delete_all(&self, items: &[Item]) -> Result<(), StoreError> {
        let requests = items.iter().map(|item| {
            let key = item.iter().filter(|(name, _)| matches!(name.as_str(), "pk" | "sk"));
            let key = key.map(|(name, value)| (name.clone(), value.clone())).collect();
            let delete = DeleteRequest::builder().set_key(Some(key)).build();
            delete.map(|delete| WriteRequest::builder().delete_request(delete).build())
        });
        self.write_all(requests.collect::<Result<_, _>>().map_err(refused)?)
            .await
    }

    /// Deletes the items of a range, all of them or an error.
    pub(super) async fn delete_range(&self, pk: &str, range: SortRange) -> Result<(), StoreError> {
        let found = self.query(pk, range, Order::Ascending, None).await?;
        self.delete_all(&found).await
    }

    async fn write_all(&self, mut requests: Vec<WriteRequest>) -> Result<(), StoreError> {
        let mut stalled = 0;
        while !requests.is_empty() {
            let batch: Vec<_> = requests.drain(..requests.len().min(BATCH_ITEMS)).collect();
            let sent = batch.len();
            let mut unprocessed = self.write_batch(batch).await?;
            if unprocessed.len() == sent {
                stalled += 1;
                if stalled == ATTEMPTS {
                    return Err(StoreError::Unavailable("a batch of writes was not processed".into()));
                }
                pause(stalled).await;
            }
            requests.append(&mut unprocessed);
        }
        Ok(())
    }

    /// Sends one batch; returns the requests that DynamoDB did not process.
    async fn write_batch(&self, batch: Vec<WriteRequest>) -> Result<Vec<WriteRequest>, StoreError> {
        let mut written = self
            .client
            .batch_write_item()
            .request_items(&*self.table, batch)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .customize()
            .interceptor(self.meter.clone())
            .send()
            .await
            .map_err(store_error)?;
        for capacity in written.consumed_capacity() {
            self.meter.wrote(capacity.capacity_units);
        }
        let unprocessed = written.unprocessed_items.as_mut();
        Ok(unprocessed
            .and_then(|tables| tables.remove(&*self.table))
            .unwrap_or_default())
    }

    /// Reads one item, strongly consistent.
    pub(super) async fn get(&self, pk: &str, sk: &str) -> Result<Option<Item>, StoreError> {
        self.get_item(pk, sk, Consistency::Strong).await
    }

    /// Reads one item.
    pub(super) async fn get_item(
        &self,
        pk: &str,
        sk: &str,
        consistency: Consistency,
    ) -> Result<Option<Item>, StoreError> {
        let got = self
            .client
            .get_item()
            .table_name(&*self.table)
            .set_key(Some(key(pk, sk)))
            .consistent_read(consistency == Consistency::Strong)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .customize()
            .interceptor(self.meter.clone())
            .send()
            .await
            .map_err(store_error)?;
        self.meter.read(units(got.consumed_capacity.as_ref()));
        Ok(got.item)
    }

    /// Sets attributes of an existing item, where `condition` holds as well (their values are `:0`, `:1` and so
    /// on in it); false where there is none or it does not.
    pub(super) async fn set_existing<const N: usize>(
        &self,
        pk: &str,
        sk: &str,
        attributes: [(&str, AttributeValue); N],
        condition: Option<&str>,
    ) -> Result<bool, StoreError> {
        let mut update = self
            .client
            .update_item()
            .table_name(&*self.table)
            .set_key(Some(key(pk, sk)));
        let mut settings = Vec::with_capacity(N);
        for (index, (name, value)) in attributes.into_iter().enumerate() {
            // By a placeholder: `name` itself is a reserved word.
            settings.push(format!("#{index} = :{index}"));
            update = update
                .expression_attribute_names(format!("#{index}"), name)
                .expression_attribute_values(format!(":{index}"), value);
        }
        let exists = "attribute_exists(pk)";
        let condition = condition.map_or_else(|| exists.to_owned(), |also| format!("{exists} AND ({also})"));
        let updated = update
            .condition_expression(condition)
            .update_expression(format!("SET {}", settings.join(", ")))
            .return_values(ReturnValue::None)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .customize()
            .interceptor(self.meter.clone())
            .send()
            .await;
        match updated {
            Ok(updated) => {
                self.meter.wrote(units(updated.consumed_capacity.as_ref()));
                Ok(true)
            }
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|e| e.is_conditional_check_failed_exception()) =>
            {
                self.meter.wrote(Some(1.0));
                Ok(false)
            }
            Err(error) => Err(store_error(error)),
        }
    }
}

/// The capacity units that a response reports.
pub(super) fn units(capacity: Option<&ConsumedCapacity>) -> Option<f64> {
    capacity.and_then(|capacity| capacity.capacity_units)
}

/// An item's key.
pub(super) fn key(pk: &str, sk: &str) -> Item {
    HashMap::from([("pk".to_owned(), items::text(pk)), ("sk".to_owned(), items::text(sk))])
}
