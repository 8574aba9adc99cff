//! Opens the connection before the first request needs it.

use super::Table;
use crate::dynamodb::errors::store_error;
use crate::dynamodb::item;
use coinolio_core::error::with_causes;
use std::time::Duration;

/// The time limit for the connection. Lambda's init phase lasts up to 10 s ("Lambda execution environment
/// lifecycle").
const LIMIT: Duration = Duration::from_secs(2);

/// A partition key that belongs to no user: a user's partition keys begin with `USER#`.
const NOBODY: &str = "-";

impl Table {
    /// Opens the connection to DynamoDB, within 2 seconds.
    ///
    /// Runs in Lambda's init phase, in which the CPU is not throttled. Resolves the host's name, completes the TLS
    /// handshake and runs the SDK's code once. The request is a Query for an item that cannot exist, because every
    /// function has the permission for Query. It costs half a read unit.
    ///
    /// A failure is only logged. The first real request, with its retries, will show whether DynamoDB can be
    /// reached.
    pub(in crate::dynamodb) async fn connect(&self) {
        let query = self
            .client
            .query()
            .table_name(&*self.name)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", item::text(NOBODY))
            .limit(1)
            .send();
        match tokio::time::timeout(LIMIT, query).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                tracing::warn!(
                    cause = with_causes(&store_error(error)),
                    "no connection to DynamoDB at the start"
                );
            }
            Err(_) => tracing::warn!("no connection to DynamoDB within {} s of the start", LIMIT.as_secs()),
        }
    }
}
