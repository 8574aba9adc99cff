//! The table's stream: a batch of records in, the records that failed out.

use crate::app::App;
use crate::dynamodb::{DynamoLog, Meter, StreamedRecord};
use crate::invocation::now;
use crate::telemetry::StreamRecord;
use aws_lambda_events::streams::DynamoDbBatchItemFailure;
use coinolio_core::log::PortfolioKey;
use coinolio_core::store::StoreError;
use coinolio_core::sync::{Compacted, Retention};
use coinolio_core::time::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use std::time::Instant;

pub use aws_lambda_events::streams::DynamoDbEventResponse as Failures;

/// A batch of the table's stream and the invocation that it comes in.
#[derive(Clone, Debug)]
pub struct Event {
    request_id: String,
    /// As they came: one that is no record is a failure of its own, not the batch's.
    records: Vec<Value>,
}

/// The payload that Lambda hands over.
#[derive(Deserialize)]
struct Batch {
    #[serde(rename = "Records")]
    records: Vec<Value>,
}

impl Event {
    /// Reads an invocation's payload; `None` where it is no batch of a stream.
    pub fn read(request_id: &str, payload: &str) -> Option<Self> {
        let Batch { records } = serde_json::from_str(payload).ok()?;
        Some(Self {
            request_id: request_id.to_owned(),
            records,
        })
    }
}

/// What the compaction of one portfolio works with.
#[derive(Debug)]
pub struct Call<'c> {
    /// The change log, metered for this invocation.
    pub log: DynamoLog,
    /// The portfolio that has a new change.
    pub key: &'c PortfolioKey,
    /// What may be removed.
    pub retention: Retention,
    /// The time.
    pub now: Timestamp,
}

/// Calls `operate` once for each portfolio that `event` has a new change of, in the order in which they come, and
/// writes the invocation's one log event.
///
/// Lambda sends the batch again from the first of the failures on; where one has no sequence number, the whole
/// (Lambda Developer Guide, "Configuring partial batch response with DynamoDB and Lambda").
pub async fn serve<F>(app: &App, event: Event, operate: F) -> Failures
where
    F: AsyncFn(Call<'_>) -> Result<Compacted, StoreError>,
{
    let began = Instant::now();
    let meter = Meter::default();
    let mut failed = Failures::default();
    let mut done = Vec::new();
    let mut sum = StreamRecord::of(&event.request_id, event.records.len());
    for record in &event.records {
        let outcome = match changed(record) {
            Ok(None) => continue,
            Ok(Some(key)) if done.contains(&key) => continue,
            Ok(Some(key)) => {
                let call = Call {
                    log: app.log.with_meter(meter.clone()),
                    key: &key,
                    retention: app.retention,
                    now: now(),
                };
                let compacted = operate(call).await.map_err(|error| error.to_string());
                done.push(key);
                compacted
            }
            Err(reason) => Err(reason.to_owned()),
        };
        match outcome {
            Ok(compacted) => sum.add(&compacted),
            Err(cause) => {
                let mut failure = DynamoDbBatchItemFailure::default();
                failure.item_identifier = sequence_number(record);
                tracing::error!(cause, record = failure.item_identifier, "a stream record failed");
                failed.batch_item_failures.push(failure);
            }
        }
    }
    sum.emit(failed.batch_item_failures.len(), meter.usage(), began.elapsed());
    failed
}

/// The portfolio that a record tells a new change of; `None` for what is none. A reason never holds what the
/// record holds.
fn changed(record: &Value) -> Result<Option<PortfolioKey>, &'static str> {
    let record = StreamedRecord::deserialize(record).map_err(|_| "it is no record of the table's stream")?;
    record.changed_portfolio()
}

fn sequence_number(record: &Value) -> Option<String> {
    let number = record.pointer("/dynamodb/SequenceNumber")?;
    number.as_str().map(str::to_owned)
}
