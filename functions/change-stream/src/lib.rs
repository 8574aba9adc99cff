//! The `change-stream` function: compacts portfolios when the table's stream reports new changes. It writes
//! snapshots and removes expired changes, so that no sync has to.

use coinolio_aws::App;
use coinolio_aws::invocation::stream::{Batch, Compaction, Failures, compact_each};
use coinolio_core::portfolio::Portfolio;
use coinolio_core::store::StoreError;
use coinolio_core::sync::Compacted;

/// Compacts each portfolio that has a new change in the batch once.
///
/// Ignores records of other items and of removals. Returns the failed records: those that cannot be read, and the
/// first record of each portfolio whose compaction failed. Compaction depends only on the log and not on the
/// records, so a batch may arrive twice, late or out of order.
pub async fn handle(app: &App, batch: Batch) -> Failures {
    compact_each(app, batch, compacted).await
}

async fn compacted(compaction: Compaction<'_>) -> Result<Compacted, StoreError> {
    let Compaction {
        store,
        key,
        retention,
        now,
    } = compaction;
    Portfolio::new(&store, key).compact(&retention, now).await
}
