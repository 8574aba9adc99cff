//! Compaction, by the table's stream (design section 3): snapshots off the hot path, and retention.

use coinolio_aws::App;
use coinolio_aws::stream::{self, Call, Event, Failures};
use coinolio_core::portfolio::Portfolio;
use coinolio_core::store::StoreError;
use coinolio_core::sync::Compacted;

/// Compacts each portfolio that the batch has a new change of, once.
///
/// Records of other items and of removals are left alone. Answers with the records that failed: one that cannot
/// be understood, and a portfolio's first where its compaction failed; the others are done. Since compaction
/// looks at the log alone, a batch may come twice, late or out of order.
pub async fn handle(app: &App, event: Event) -> Failures {
    stream::serve(app, event, compacted).await
}

async fn compacted(call: Call<'_>) -> Result<Compacted, StoreError> {
    Portfolio::new(&call.log, call.key)
        .compact(&call.retention, call.now)
        .await
}
