//! The creation of a portfolio: the one transaction of the log.

use super::errors::{is_transient, log_error, refused};
use super::items::{self, Item, Stored};
use super::keys;
use super::log::{DynamoLog, Writing, failed_write_units};
use super::requests::{ATTEMPTS, pause};
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::error::TransactionCanceledException;
use aws_sdk_dynamodb::types::{Put, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure, TransactWriteItem};
use coinolio_core::log::{Appended, Entry, LogError, NewChange, PortfolioKey};

/// What a sent transaction came to.
enum Outcome {
    /// Both items are written.
    Written,
    /// An item is there already: the first change, where DynamoDB returned it.
    Refused(Option<Item>),
    /// Another transaction held one of the items; this one had no effect.
    Conflict(LogError),
}

impl DynamoLog {
    /// Writes a directory entry and its log's first change, both or neither.
    pub(super) async fn create_log(
        &self,
        key: &PortfolioKey,
        entry: &Entry,
        first: &NewChange,
    ) -> Result<Appended, LogError> {
        let writing = Self::prepare(key, first)?;
        let entry = items::entry_item(key, entry);
        self.put_all(&writing.chunks).await?;
        let mut attempt = 0;
        loop {
            match self.send_creation(&entry, &writing).await? {
                Outcome::Written => return Ok(Appended::Written),
                Outcome::Refused(Some(there)) => return self.settle(&writing, &there).await,
                Outcome::Refused(None) => return self.settle_on_the_oldest(key, &entry, &writing).await,
                Outcome::Conflict(error) => {
                    attempt += 1;
                    if attempt == ATTEMPTS {
                        return Err(error);
                    }
                    pause(attempt).await;
                }
            }
        }
    }

    async fn send_creation(&self, entry: &Item, writing: &Writing) -> Result<Outcome, LogError> {
        // The entry's condition outlives the first change, which retention may remove: a log is never
        // begun a second time.
        let puts = [
            (entry, "attribute_not_exists(pk)"),
            (&writing.item, "attribute_not_exists(version)"),
        ];
        let puts = puts.map(|(item, condition)| self.conditional_put(item, condition));
        let puts: Vec<_> = puts.into_iter().collect::<Result<_, _>>().map_err(refused)?;
        let sent = self
            .client
            .transact_write_items()
            .set_transact_items(Some(puts))
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
                let units = failed_write_units(entry, None) + failed_write_units(&writing.item, there);
                self.meter.wrote(Some(2.0 * units));
                cancellation(canceled)
            }
            Some(TransactWriteItemsError::TransactionInProgressException(_)) => {
                Ok(Outcome::Conflict(log_error(&error)))
            }
            _ => Err(log_error(&error)),
        }
    }

    fn conditional_put(&self, item: &Item, condition: &str) -> Result<TransactWriteItem, BuildError> {
        let put = Put::builder()
            .table_name(&*self.table)
            .set_item(Some(item.clone()))
            .condition_expression(condition)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// The portfolio exists, and its oldest change was not in the answer.
    async fn settle_on_the_oldest(
        &self,
        key: &PortfolioKey,
        entry: &Item,
        writing: &Writing,
    ) -> Result<Appended, LogError> {
        match self.oldest_item(key, 0).await? {
            Some(there) => self.settle(writing, &there).await,
            None => Err(Stored::open(entry)?.corrupt(format_args!(
                "is there, but {} holds no change",
                keys::portfolio_partition(key)
            ))),
        }
    }
}

/// Sorts a cancelled transaction by the reasons of its items, in the order in which they were sent.
fn cancellation(canceled: &TransactionCanceledException) -> Result<Outcome, LogError> {
    let reasons = canceled.cancellation_reasons();
    let codes: Vec<_> = reasons.iter().filter_map(|reason| reason.code()).collect();
    let text = format!("TransactionCanceledException: {}", codes.join(", "));
    if codes.contains(&"ConditionalCheckFailed") {
        let first = reasons.get(1).and_then(|reason| reason.item.clone());
        return Ok(Outcome::Refused(first.filter(|item| !item.is_empty())));
    }
    if codes.contains(&"TransactionConflict") {
        return Ok(Outcome::Conflict(LogError::Unavailable(text)));
    }
    if codes.iter().any(|code| is_transient(code)) {
        return Err(LogError::Unavailable(text));
    }
    Err(LogError::Refused(text))
}
