//! Requests that write.

use super::meter::{failed_write_units, units};
use super::{Table, Update, key};
use crate::dynamodb::errors::{is_transient, refused, store_error, unavailable};
use crate::dynamodb::item::Item;
use crate::dynamodb::keys::SortRange;
use crate::dynamodb::table::Order;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::error::TransactionCanceledException;
use aws_sdk_dynamodb::types::{
    DeleteRequest, Put as PutOperation, PutRequest, ReturnConsumedCapacity, ReturnValue,
    ReturnValuesOnConditionCheckFailure, TransactWriteItem, WriteRequest,
};
use coinolio_core::store::StoreError;
use std::time::Duration;

/// The maximum number of items in a BatchWriteItem (DynamoDB API reference). 25 chunks are 9 MB; a request may have
/// 16 MB.
const BATCH_ITEMS: usize = 25;

/// The maximum number of times that a request is sent if DynamoDB processes only a part of it, or if it conflicts
/// with a concurrent transaction.
const ATTEMPTS: u32 = 6;

/// The outcome of a conditional put.
#[derive(Debug)]
pub(in crate::dynamodb) enum Put {
    /// The item was written.
    Written,
    /// The condition was false. Contains the stored item with this key, if DynamoDB returned it.
    Refused(Option<Item>),
}

/// The outcome of a transaction.
enum Transaction {
    Done(Put),
    /// The transaction had no effect, because another transaction was using one of the items.
    Conflict(StoreError),
}

/// One action of a transaction, with its condition.
pub(in crate::dynamodb) enum Action<'a> {
    /// Puts an item.
    Put(Item, &'a str),
    /// Updates the item with this partition key and sort key.
    Update(String, String, Update),
}

impl Action<'_> {
    fn request(&self, table: &str) -> Result<TransactWriteItem, BuildError> {
        Ok(match self {
            Self::Put(item, condition) => {
                let put = PutOperation::builder()
                    .table_name(table)
                    .set_item(Some(item.clone()))
                    .condition_expression(*condition)
                    .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
                    .build()?;
                TransactWriteItem::builder().put(put).build()
            }
            Self::Update(pk, sk, update) => TransactWriteItem::builder()
                .update(update.operation(table, key(pk, sk))?)
                .build(),
        })
    }

    /// Returns the action's write units, before doubling, if the transaction is cancelled and the stored item is
    /// `there`.
    fn failed_units(&self, there: Option<&Item>) -> f64 {
        match self {
            Self::Put(item, _) => failed_write_units(item, there),
            Self::Update(..) => 1.0,
        }
    }
}

impl Table {
    /// Puts an item if `condition` is true.
    pub(in crate::dynamodb) async fn put_if(&self, item: &Item, condition: &str) -> Result<Put, StoreError> {
        let sent = self
            .client
            .put_item()
            .table_name(&*self.name)
            .set_item(Some(item.clone()))
            .condition_expression(condition)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .customize()
            .interceptor(self.meter.clone())
            .send()
            .await;
        let error = match sent {
            Ok(sent) => {
                self.meter.wrote(units(sent.consumed_capacity.as_ref()));
                return Ok(Put::Written);
            }
            Err(error) => error,
        };
        let Some(PutItemError::ConditionalCheckFailedException(failed)) = error.as_service_error() else {
            return Err(store_error(error));
        };
        self.meter.wrote(Some(failed_write_units(item, failed.item())));
        Ok(Put::Refused(failed.item().cloned()))
    }

    /// Carries out both actions in one transaction, or neither if a condition is false.
    ///
    /// A refusal contains the stored item that the second action met.
    pub(in crate::dynamodb) async fn write_both(&self, actions: &[Action<'_>; 2]) -> Result<Put, StoreError> {
        let mut attempt = 0;
        loop {
            match self.transact(actions).await? {
                Transaction::Done(put) => return Ok(put),
                Transaction::Conflict(error) => {
                    attempt += 1;
                    if attempt == ATTEMPTS {
                        return Err(error);
                    }
                    pause(attempt).await;
                }
            }
        }
    }

    async fn transact(&self, actions: &[Action<'_>; 2]) -> Result<Transaction, StoreError> {
        let requests = actions.iter().map(|action| action.request(&self.name));
        let sent = self
            .client
            .transact_write_items()
            .set_transact_items(Some(requests.collect::<Result<_, _>>().map_err(refused)?))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .customize()
            .interceptor(self.meter.clone())
            .send()
            .await;
        let error = match sent {
            Ok(sent) => {
                for capacity in sent.consumed_capacity() {
                    self.meter.wrote(capacity.capacity_units);
                }
                return Ok(Transaction::Done(Put::Written));
            }
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => {
                // A transaction costs two units per item: one to prepare the write and one to commit it.
                let [first, second] = actions;
                let there = canceled.cancellation_reasons().get(1).and_then(|reason| reason.item());
                let units = first.failed_units(None) + second.failed_units(there);
                self.meter.wrote(Some(2.0 * units));
                cancellation(canceled)
            }
            Some(TransactWriteItemsError::TransactionInProgressException(_)) => {
                Ok(Transaction::Conflict(store_error(error)))
            }
            _ => Err(store_error(error)),
        }
    }

    /// Deletes an item. Returns false if it did not exist.
    pub(in crate::dynamodb) async fn delete(&self, pk: &str, sk: &str) -> Result<bool, StoreError> {
        let deleted = self
            .client
            .delete_item()
            .table_name(&*self.name)
            .set_key(Some(key(pk, sk)))
            .return_values(ReturnValue::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .customize()
            .interceptor(self.meter.clone())
            .send()
            .await
            .map_err(store_error)?;
        self.meter.wrote(units(deleted.consumed_capacity.as_ref()));
        Ok(deleted.attributes.is_some_and(|before| !before.is_empty()))
    }

    /// Puts items without a condition. Fails unless all were written.
    pub(in crate::dynamodb) async fn put_all(&self, items: &[Item]) -> Result<(), StoreError> {
        let requests = items.iter().map(|item| {
            let put = PutRequest::builder().set_item(Some(item.clone())).build();
            put.map(|put| WriteRequest::builder().put_request(put).build())
        });
        self.write_all(requests.collect::<Result<_, _>>().map_err(refused)?)
            .await
    }

    /// Deletes items, of which only the keys matter. Fails unless all were deleted.
    pub(in crate::dynamodb) async fn delete_all(&self, items: &[Item]) -> Result<(), StoreError> {
        let requests = items.iter().map(|item| {
            let key = item.iter().filter(|(name, _)| matches!(name.as_str(), "pk" | "sk"));
            let key = key.map(|(name, value)| (name.clone(), value.clone())).collect();
            let delete = DeleteRequest::builder().set_key(Some(key)).build();
            delete.map(|delete| WriteRequest::builder().delete_request(delete).build())
        });
        self.write_all(requests.collect::<Result<_, _>>().map_err(refused)?)
            .await
    }

    /// Deletes the items of a range. Fails unless all were deleted.
    pub(in crate::dynamodb) async fn delete_range(&self, pk: &str, range: SortRange) -> Result<(), StoreError> {
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
                    return Err(unavailable("a batch of writes was not processed"));
                }
                pause(stalled).await;
            }
            requests.append(&mut unprocessed);
        }
        Ok(())
    }

    /// Sends one batch. Returns the requests that DynamoDB did not process.
    async fn write_batch(&self, batch: Vec<WriteRequest>) -> Result<Vec<WriteRequest>, StoreError> {
        let mut written = self
            .client
            .batch_write_item()
            .request_items(&*self.name, batch)
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
            .and_then(|tables| tables.remove(&*self.name))
            .unwrap_or_default())
    }
}

/// Waits before attempt number `attempt` (the first retry is 1). The longest wait is 25 ms, doubled with each
/// attempt. The actual wait is random up to that limit, so that two writers that collided do not collide again.
async fn pause(attempt: u32) {
    let longest = 25_u64 << attempt.min(5);
    tokio::time::sleep(Duration::from_millis(rand::random_range(1..=longest))).await;
}

/// Classifies a cancelled transaction by the reasons that DynamoDB gives, one per item and in the items' order.
fn cancellation(canceled: &TransactionCanceledException) -> Result<Transaction, StoreError> {
    let reasons = canceled.cancellation_reasons();
    let codes: Vec<_> = reasons.iter().filter_map(|reason| reason.code()).collect();
    let text = format!("TransactionCanceledException: {}", codes.join(", "));
    if codes.contains(&"ConditionalCheckFailed") {
        let second = reasons.get(1).and_then(|reason| reason.item.clone());
        return Ok(Transaction::Done(Put::Refused(second.filter(|item| !item.is_empty()))));
    }
    if codes.contains(&"TransactionConflict") {
        return Ok(Transaction::Conflict(unavailable(text)));
    }
    if codes.iter().any(|code| is_transient(code)) {
        return Err(unavailable(text));
    }
    Err(refused(text))
}
