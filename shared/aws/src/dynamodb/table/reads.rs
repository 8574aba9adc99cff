//! Requests that read.

use super::meter::units;
use super::{Table, key};
use crate::dynamodb::errors::store_error;
use crate::dynamodb::item::{self, Item};
use crate::dynamodb::keys::SortRange;
use aws_sdk_dynamodb::types::ReturnConsumedCapacity;
use coinolio_core::store::StoreError;

/// The order in which a read returns the items of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dynamodb) enum Order {
    /// Lowest sort key first.
    Ascending,
    /// Highest sort key first. Among changes, that is the newest one.
    Descending,
}

/// The consistency of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dynamodb) enum Consistency {
    /// The read sees every write that was acknowledged before it.
    Strong,
    /// The read may miss the newest writes. It costs half the read units.
    Eventual,
}

impl Table {
    /// Reads the items of a range, at most `limit`, strongly consistent. Sends one request per page of 1 MB.
    pub(in crate::dynamodb) async fn query(
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
            .table_name(&*self.name)
            .consistent_read(true)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .scan_index_forward(order == Order::Ascending)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", item::text(pk))
            .expression_attribute_values(":from", item::text(range.from))
            .expression_attribute_values(":to", item::text(range.to));
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

    /// Reads the first item of a range in `order`, strongly consistent.
    pub(in crate::dynamodb) async fn first(
        &self,
        pk: &str,
        range: SortRange,
        order: Order,
    ) -> Result<Option<Item>, StoreError> {
        Ok(self.query(pk, range, order, Some(1)).await?.into_iter().next())
    }

    /// Reads one item.
    pub(in crate::dynamodb) async fn get(
        &self,
        pk: &str,
        sk: &str,
        consistency: Consistency,
    ) -> Result<Option<Item>, StoreError> {
        let got = self
            .client
            .get_item()
            .table_name(&*self.name)
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
}
