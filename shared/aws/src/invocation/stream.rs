//! An invocation by the table's stream. It takes a batch of records and returns those that failed.

use super::now;
use crate::app::App;
use crate::dynamodb::{DynamoStore, Meter, StreamedRecord};
use crate::telemetry::StreamInvocation;
use aws_lambda_events::streams::DynamoDbBatchItemFailure;
use coinolio_core::log::PortfolioKey;
use coinolio_core::store::StoreError;
use coinolio_core::sync::{Compacted, Retention};
use coinolio_core::time::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use std::time::Instant;

/// The failed records, as Lambda expects them.
pub use aws_lambda_events::streams::DynamoDbEventResponse as Failures;

/// A batch of records of the table's stream, with the id of its invocation.
///
/// ```
/// use coinolio_aws::invocation::stream::Batch;
///
/// assert!(Batch::read("request-1", r#"{"Records": []}"#).is_some());
/// assert!(Batch::read("request-1", r#"{"version": "2.0"}"#).is_none());
/// ```
#[derive(Clone, Debug)]
pub struct Batch {
    request_id: String,
    /// Not parsed yet, so that an element that is not a record fails alone and not with the whole batch.
    records: Vec<Value>,
}

/// The payload that Lambda passes.
#[derive(Deserialize)]
struct Payload {
    #[serde(rename = "Records")]
    records: Vec<Value>,
}

impl Batch {
    /// Parses an invocation's payload. Returns `None` if it is not a batch of a stream.
    pub fn read(request_id: &str, payload: &str) -> Option<Self> {
        let Payload { records } = serde_json::from_str(payload).ok()?;
        Some(Self {
            request_id: request_id.to_owned(),
            records,
        })
    }
}

/// A request to compact one portfolio, and everything that the compaction needs.
#[derive(Debug)]
pub struct Compaction<'c> {
    /// The store, metered for this invocation.
    pub store: DynamoStore,
    /// The portfolio that has a new change.
    pub key: &'c PortfolioKey,
    /// The rule that decides which changes compaction may remove.
    pub retention: Retention,
    /// The current time.
    pub now: Timestamp,
}

/// Runs `compact` once for each portfolio that has a new change in `batch`, in the order of the records, and writes the
/// invocation's log event. Returns the records that failed.
///
/// Lambda sends the batch again from the first failed record on, or the whole batch if a failed record has no sequence
/// number (Lambda Developer Guide, "Configuring partial batch response with DynamoDB and Lambda").
pub async fn compact_each<F>(app: &App, batch: Batch, compact: F) -> Failures
where
    F: AsyncFn(Compaction<'_>) -> Result<Compacted, StoreError>,
{
    let began = Instant::now();
    let meter = Meter::default();
    let mut failed = Failures::default();
    let mut done = Vec::new();
    let mut invocation = StreamInvocation::of(&batch.request_id, batch.records.len());
    for record in &batch.records {
        let outcome = match changed(record) {
            Ok(None) => continue,
            Ok(Some(key)) if done.contains(&key) => continue,
            Ok(Some(key)) => {
                let compaction = Compaction {
                    store: app.store.with_meter(meter.clone()),
                    key: &key,
                    retention: app.retention,
                    now: now(),
                };
                let compacted = compact(compaction).await.map_err(|error| error.to_string());
                done.push(key);
                compacted
            }
            Err(reason) => Err(reason.to_owned()),
        };
        match outcome {
            Ok(compacted) => invocation.add(&compacted),
            Err(cause) => {
                let mut failure = DynamoDbBatchItemFailure::default();
                failure.item_identifier = sequence_number(record);
                tracing::error!(cause, record = failure.item_identifier, "a stream record failed");
                failed.batch_item_failures.push(failure);
            }
        }
    }
    invocation.log(failed.batch_item_failures.len(), meter.usage(), began.elapsed());
    failed
}

/// Returns the portfolio whose new change the record reports, or `None` if the record reports anything else.
///
/// # Errors
/// Returns the reason why the record cannot be read. The reason never contains the record's data.
fn changed(record: &Value) -> Result<Option<PortfolioKey>, &'static str> {
    let record = StreamedRecord::deserialize(record).map_err(|_| "it is not a record of the table's stream")?;
    record.changed_portfolio()
}

fn sequence_number(record: &Value) -> Option<String> {
    let number = record.pointer("/dynamodb/SequenceNumber")?;
    number.as_str().map(str::to_owned)
}
