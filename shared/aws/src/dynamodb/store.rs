//! The store: one table, and the cached documents.

use super::documents::Documents;
use super::table::{Meter, Table};
use aws_sdk_dynamodb::Client;
use std::sync::Arc;

/// A store in one DynamoDB table.
///
/// Clones share the SDK's client, its connections, and the cached documents.
#[derive(Clone, Debug)]
pub struct DynamoStore {
    pub(super) table: Table,
    pub(super) documents: Arc<Documents>,
}

impl DynamoStore {
    /// Returns a store in the table `table`, accessed through `client`.
    pub fn new(client: Client, table: &str) -> Self {
        Self {
            table: Table::new(client, table),
            documents: Arc::default(),
        }
    }

    /// Returns the same store with another meter. Each invocation has a separate one.
    #[must_use]
    pub fn with_meter(&self, meter: Meter) -> Self {
        Self {
            table: self.table.with_meter(meter),
            documents: Arc::clone(&self.documents),
        }
    }

    /// Opens the connection to DynamoDB, within 2 seconds. A failure is only logged.
    pub async fn connect(&self) {
        self.table.connect().await;
    }
}
