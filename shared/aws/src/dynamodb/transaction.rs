//! Writing a directory entry and a change together: the store's only transactions.

use super::errors::{is_transient, refused, store_error};
use super::items::{self, Item, Stored};
use super::keys;
use super::log::{DynamoLog, Writing, failed_write_units};
use super::requests::{ATTEMPTS, key, pause};
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::error::TransactionCanceledException;
use aws_sdk_dynamodb::types::{
    Put, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use coinolio_core::log::{Draft, Entry, PortfolioKey};
use coinolio_core::store::{Appended, StoreError};

/// The result of a sent transaction.
enum Outcome {
    /// Both items are written.
    Written,
    /// A condition failed: with the change that is there, if DynamoDB returned it.
    Refused(Option<Item>),
    /// Another transaction was working on one of the items; this one had no effect.
    Conflict(StoreError),
}

/// The write to the directory entry.
enum EntryWrite {
    /// Creates the entry, on condition that there is none.
    Create(Item),
    /// Renames the entry, on condition that there is one.
    Rename { pk: String, sk: String, name: String },
}

impl EntryWrite {
    fn request(&self, table: &str) -> Result<TransactWriteItem, BuildError> {
        Ok(match self {
            Self::Create(entry) => conditional_put(table, entry, "attribute_not_exists(pk)")?,
            Self::Rename { pk, sk, name } => {
                let update = Update::builder()
                    .table_name(table)
                    .set_key(Some(key(pk, sk)))
                    .condition_expression("attribute_exists(pk)")
                    .update_expression("SET #0 = :0")
                    // By a placeholder: `name` itself is a reserved word.
                    .expression_attribute_names("#0", "name")
                    .expression_attribute_values(":0", items::text(name))
                    .build()?;
                TransactWriteItem::builder().update(update).build()
            }
        })
    }

    /// Returns the write units that the entry costs if the transaction is cancelled.
    fn units(&self) -> f64 {
        match self {
            Self::Create(entry) => failed_write_units(entry, None),
            Self::Rename { .. } => 1.0,
        }
    }
}

impl DynamoLog {
    /// Writes a directory entry and its log's first change: both or neither.
    pub(super) async fn create_log(
        &self,
        key: &PortfolioKey,
        entry: &Entry,
        first: &Draft,
    ) -> Result<Appended, StoreError> {
        let entry = items::entry_item(key, entry);
        let writing = Self::prepare(key, first)?;
        // The entry's condition outlives the first change, which retention may remove: a log never begins twice.
        match self.write_both(&EntryWrite::Create(entry.clone()), &writing).await? {
            Outcome::Written => Ok(Appended::Written),
            Outcome::Refused(Some(there)) => self.settle(&writing, &there).await,
            Outcome::Refused(None) => self.settle_on_the_oldest(key, &entry, &writing).await,
            Outcome::Conflict(error) => Err(error),
        }
    }

    /// Appends a change and renames the directory entry: both or neither.
    pub(super) async fn append_and_rename_entry(
        &self,
        key: &PortfolioKey,
        draft: &Draft,
        name: &str,
    ) -> Result<Appended, StoreError> {
        let writing = Self::prepare(key, draft)?;
        let rename = EntryWrite::Rename {
            pk: keys::user_partition(&key.user),
            sk: keys::entry_sort(&key.portfolio),
            name: name.to_owned(),
        };
        match self.write_both(&rename, &writing).await? {
            Outcome::Written => Ok(Appended::Written),
            Outcome::Refused(Some(there)) => self.settle(&writing, &there).await,
            Outcome::Refused(None) => Err(refused("the portfolio has no directory entry")),
            Outcome::Conflict(error) => Err(error),
        }
    }

    /// Writes the entry and the change, and tries again while other transactions are in the way.
    async fn write_both(&self, entry: &EntryWrite, writing: &Writing) -> Result<Outcome, StoreError> {
        self.put_all(&writing.chunks).await?;
        let mut attempt = 0;
        loop {
            let outcome = self.send_both(entry, writing).await?;
            attempt += 1;
            if !matches!(outcome, Outcome::Conflict(_)) || attempt == ATTEMPTS {
                return Ok(outcome);
            }
            pause(attempt).await;
        }
    }

    async fn send_both(&self, entry: &EntryWrite, writing: &Writing) -> Result<Outcome, StoreError> {
        let change = conditional_put(&self.table, &writing.item, "attribute_not_exists(version)");
        let requests = vec![entry.request(&self.table).map_err(refused)?, change.map_err(refused)?];
        let sent = self
            .client
            .transact_write_items()
            .set_transact_items(Some(requests))
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
                return Ok(Outcome::Written);
            }
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => {
                // Two units for each item: one to prepare it and one to commit it.
                let there = canceled.cancellation_reasons().get(1).and_then(|reason| reason.item());
                let units = entry.units() + failed_write_units(&writing.item, there);
                self.meter.wrote(Some(2.0 * units));
                cancellation(canceled)
            }
            Some(TransactWriteItemsError::TransactionInProgressException(_)) => {
                Ok(Outcome::Conflict(store_error(error)))
            }
            _ => Err(store_error(error)),
        }
    }

    /// Decides a creation that was refused without the portfolio's oldest change in the answer.
    async fn settle_on_the_oldest(
        &self,
        key: &PortfolioKey,
        entry: &Item,
        writing: &Writing,
    ) -> Result<Appended, StoreError> {
        match self.oldest_item(key, 0).await? {
            Some(there) => self.settle(writing, &there).await,
            None => Err(Stored::open(entry)?.corrupt(format_args!(
                "is there, but {} contains no change",
                keys::portfolio_partition(key)
            ))),
        }
    }
}

fn conditional_put(table: &str, item: &Item, condition: &str) -> Result<TransactWriteItem, BuildError> {
    let put = Put::builder()
        .table_name(table)
        .set_item(Some(item.clone()))
        .condition_expression(condition)
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .build()?;
    Ok(TransactWriteItem::builder().put(put).build())
}

/// Sorts a cancelled transaction by the reasons of its items, in the order in which they were sent.
fn cancellation(canceled: &TransactionCanceledException) -> Result<Outcome, StoreError> {
    let reasons = canceled.cancellation_reasons();
    let codes: Vec<_> = reasons.iter().filter_map(|reason| reason.code()).collect();
    let text = format!("TransactionCanceledException: {}", codes.join(", "));
    if codes.contains(&"ConditionalCheckFailed") {
        let first = reasons.get(1).and_then(|reason| reason.item.clone());
        return Ok(Outcome::Refused(first.filter(|item| !item.is_empty())));
    }
    if codes.contains(&"TransactionConflict") {
        return Ok(Outcome::Conflict(StoreError::Unavailable(text.into())));
    }
    if codes.iter().any(|code| is_transient(code)) {
        return Err(StoreError::Unavailable(text.into()));
    }
    Err(StoreError::Refused(text.into()))
}
