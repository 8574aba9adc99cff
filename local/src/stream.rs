//! The table's stream: passes its records from the embedded DynamoDB to the change-stream function, as Lambda's
//! event source mapping does in AWS.

use crate::error::StartError;
use coinolio_aws::App;
use coinolio_aws::stream::Event;
use dynoxide::actions::describe_stream::DescribeStreamRequest;
use dynoxide::actions::get_records::{GetRecordsRequest, Record};
use dynoxide::actions::get_shard_iterator::GetShardIteratorRequest;
use dynoxide::actions::list_streams::ListStreamsRequest;
use dynoxide::{Database, DynoxideError};
use serde_json::json;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use uuid::Uuid;

/// The pause between two reads of an idle stream. Lambda reads 4 times a second ("Polling and batching streams").
const POLL: Duration = Duration::from_secs(1);

/// The maximum number of records in a batch, as in `template.yaml`.
const BATCH: usize = 100;

/// A background task that follows the table's stream.
pub struct Stream {
    stop: oneshot::Sender<()>,
    followed: JoinHandle<()>,
}

impl Stream {
    /// Follows the stream of `table` in `database` from now on, and passes each batch to the function.
    ///
    /// Earlier records, for example those written while no server followed the stream, are skipped. That is safe:
    /// compaction reads only the log, so a portfolio's next change makes up for them.
    ///
    /// # Errors
    /// Fails if the table has no stream or the stream cannot be read.
    pub fn follow(database: Database, table: &str, app: App) -> Result<Self, StartError> {
        let mut reader = Reader::latest(database, table).map_err(|cause| StartError::Store(cause.to_string()))?;
        let (stop, mut stopped) = oneshot::channel::<()>();
        let followed = tokio::spawn(async move {
            loop {
                let is_idle = match reader.next() {
                    Ok(records) => {
                        let is_idle = records.is_empty();
                        invoke(&app, &records).await;
                        is_idle
                    }
                    Err(cause) => {
                        tracing::warn!(%cause, "the table's stream cannot be read; portfolios are not compacted");
                        true
                    }
                };
                let pause = if is_idle { POLL } else { Duration::ZERO };
                // The task also stops if the sender is dropped.
                if tokio::time::timeout(pause, &mut stopped).await.is_ok() {
                    return;
                }
            }
        });
        Ok(Self { stop, followed })
    }

    /// Lets a running batch finish and releases the database.
    pub async fn stop(self) {
        let _ = self.stop.send(());
        if let Err(cause) = self.followed.await {
            tracing::error!(%cause, "the change-stream function panicked");
        }
    }
}

/// Invokes the function with the records that pass `template.yaml`'s filter, if there are any.
///
/// The function logs its failures. Failed records are not sent again, because the portfolio's next change triggers
/// the same work.
async fn invoke(app: &App, records: &[Record]) {
    let wanted: Vec<&Record> = records.iter().filter(|record| is_wanted(record)).collect();
    if wanted.is_empty() {
        return;
    }
    let payload = json!({ "Records": wanted }).to_string();
    if let Some(event) = Event::read(&Uuid::new_v4().to_string(), &payload) {
        coinolio_functions::handle_batch(app, event).await;
    }
}

/// Returns true if the record passes `template.yaml`'s filter: it inserted a change.
fn is_wanted(record: &Record) -> bool {
    let sk = serde_json::to_value(record.dynamodb.keys.get("sk")).unwrap_or_default();
    record.event_name == "INSERT" && sk["S"].as_str().is_some_and(|sk| sk.starts_with("CHANGE#"))
}

/// Reads a stream batch by batch. The embedded store has one shard, which never ends.
struct Reader {
    database: Database,
    iterator: String,
}

impl Reader {
    fn latest(database: Database, table: &str) -> Result<Self, DynoxideError> {
        let missing = |what: &str| DynoxideError::InternalServerError(format!("the table {table} has no {what}"));
        let streams = database.list_streams(ListStreamsRequest {
            table_name: Some(table.to_owned()),
            ..ListStreamsRequest::default()
        })?;
        // There are several streams if the stream was turned off and on again: follow the newest.
        let arn = streams
            .streams
            .into_iter()
            .next_back()
            .ok_or_else(|| missing("stream"))?;
        let described = database.describe_stream(DescribeStreamRequest {
            stream_arn: arn.stream_arn.clone(),
            ..DescribeStreamRequest::default()
        })?;
        let shards = described.stream_description.shards;
        let shard = shards.into_iter().next_back().ok_or_else(|| missing("shard"))?;
        let iterator = database.get_shard_iterator(GetShardIteratorRequest {
            stream_arn: arn.stream_arn,
            shard_id: shard.shard_id,
            shard_iterator_type: "LATEST".to_owned(),
            sequence_number: None,
        })?;
        let iterator = iterator.shard_iterator.ok_or_else(|| missing("iterator"))?;
        Ok(Self { database, iterator })
    }

    fn next(&mut self) -> Result<Vec<Record>, DynoxideError> {
        let page = self.database.get_records(GetRecordsRequest {
            shard_iterator: self.iterator.clone(),
            limit: Some(BATCH),
        })?;
        if let Some(next) = page.next_shard_iterator {
            self.iterator = next;
        }
        Ok(page.records)
    }
}
