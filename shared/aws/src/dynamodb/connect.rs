//! The connection, before it is needed.

use super::errors::store_error;
use super::items;
use super::log::DynamoLog;
use coinolio_core::error::with_causes;
use std::time::Duration;

/// How long the connection may take: Lambda's init has 10 s ("Lambda execution environment lifecycle").
const LIMIT: Duration = Duration::from_secs(2);

/// A partition that no user has: all of those begin with `USER#`.
const NOBODY: &str = "-";

impl DynamoLog {
    /// Opens the connection to DynamoDB, for at most 2 seconds.
    ///
    /// Names are resolved, TLS is spoken and the SDK has been through a request once before the first event, in
    /// Lambda's init, where the CPU is not throttled. It is a Query of one item that cannot exist: an action that every
    /// function has anyway, for half a read unit.
    ///
    /// A failure is only told: whether DynamoDB can be reached is for the first request to find out, with its retries.
    pub async fn connect(&self) {
        let query = self
            .client
            .query()
            .table_name(&*self.table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", items::text(NOBODY))
            .limit(1)
            .send();
        match tokio::time::timeout(LIMIT, query).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                tracing::warn!(cause = %with_causes(&store_error(error)), "no connection to DynamoDB at the start");
            }
            Err(_) => tracing::warn!("no connection to DynamoDB within {} s of the start", LIMIT.as_secs()),
        }
    }
}
