//! The table and every request to it, each metered.
//!
//! Nothing here depends on the meaning of an item. The ports (log, directory, snapshots, devices) build on this
//! module.

mod connect;
mod meter;
mod reads;
mod schema;
mod update;
mod writes;

pub use meter::{Meter, Usage};
pub use schema::{create_table_if_missing, enable_stream_if_missing};

pub(super) use meter::WRITE_UNIT;
pub(super) use reads::{Consistency, Order};
pub(super) use update::{Update, Updated};
pub(super) use writes::{Action, Put};

use super::item::{self, Item};
use aws_sdk_dynamodb::Client;
use std::sync::Arc;

/// A table, accessed through a client. Clones share the client and its connections.
#[derive(Clone, Debug)]
pub(super) struct Table {
    client: Client,
    name: Arc<str>,
    meter: Meter,
}

impl Table {
    /// Returns the table `name`, with a new meter.
    pub(super) fn new(client: Client, name: &str) -> Self {
        Self {
            client,
            name: name.into(),
            meter: Meter::default(),
        }
    }

    /// Returns the same table with another meter.
    pub(super) fn with_meter(&self, meter: Meter) -> Self {
        Self { meter, ..self.clone() }
    }
}

/// Returns the key attributes of an item.
fn key(pk: &str, sk: &str) -> Item {
    Item::from([("pk".to_owned(), item::text(pk)), ("sk".to_owned(), item::text(sk))])
}
