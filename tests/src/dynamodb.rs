//! An in-memory DynamoDB API inside this process. The real SDK talks to it over HTTP.

use crate::faults::{Fault, Faults};
use aws_sdk_dynamodb::Client;
use coinolio_aws::config::emulator_client;
use coinolio_aws::dynamodb::{DynamoLog, Meter, create_table_if_missing};
use dynoxide::Database;
use dynoxide::actions::describe_stream::DescribeStreamRequest;
use dynoxide::actions::get_records::GetRecordsRequest;
use dynoxide::actions::get_shard_iterator::GetShardIteratorRequest;
use dynoxide::actions::list_streams::ListStreamsRequest;
use serde_json::Value;
use std::fmt;
use tokio::net::TcpListener;

/// The name of the table in every test.
pub const TABLE: &str = "coinolio-test";

/// A DynamoDB API with the table. It stops when the test's runtime ends.
#[derive(Clone)]
pub struct Dynamo {
    /// An SDK client of this API.
    pub client: Client,
    /// The URL at which the API listens.
    pub endpoint: String,
    database: Database,
}

impl fmt::Debug for Dynamo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dynamo")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

impl Dynamo {
    /// Starts an API with an empty table.
    pub async fn start() -> Self {
        let database = Database::memory().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(dynoxide::server::serve_on(listener, database.clone()));
        let client = emulator_client(&endpoint);
        create_table_if_missing(&client, TABLE).await.unwrap();
        Self {
            client,
            endpoint,
            database,
        }
    }

    /// Returns a store on the table.
    pub fn log(&self) -> DynamoLog {
        DynamoLog::new(self.client.clone(), TABLE)
    }

    /// Returns every record of the table's stream so far, oldest first, in the form in which Lambda delivers them.
    pub fn records(&self) -> Vec<Value> {
        let streams = self.database.list_streams(ListStreamsRequest::default()).unwrap();
        let stream_arn = streams.streams[0].stream_arn.clone();
        let described = self.database.describe_stream(DescribeStreamRequest {
            stream_arn: stream_arn.clone(),
            ..DescribeStreamRequest::default()
        });
        let first = self.database.get_shard_iterator(GetShardIteratorRequest {
            stream_arn,
            shard_id: described.unwrap().stream_description.shards[0].shard_id.clone(),
            shard_iterator_type: "TRIM_HORIZON".to_owned(),
            sequence_number: None,
        });
        let mut iterator = first.unwrap().shard_iterator;
        let mut records = Vec::new();
        while let Some(shard_iterator) = iterator {
            let request = GetRecordsRequest {
                shard_iterator,
                limit: None,
            };
            let page = self.database.get_records(request).unwrap();
            if page.records.is_empty() {
                break;
            }
            records.extend(page.records.iter().map(|record| serde_json::to_value(record).unwrap()));
            iterator = page.next_shard_iterator;
        }
        records
    }

    /// Returns a store on the table, and a meter of the requests and capacity units that it uses.
    pub fn metered_log(&self) -> (DynamoLog, Meter) {
        let meter = Meter::default();
        (self.log().with_meter(meter.clone()), meter)
    }

    /// Returns a store behind a proxy that injects faults. `fault` decides for each request; it gets the operation's
    /// name and the number of earlier requests of that operation.
    pub async fn failing_log(&self, fault: impl Fn(&str, usize) -> Fault + Send + Sync + 'static) -> DynamoLog {
        let endpoint = Faults::start(&self.endpoint, fault).await;
        DynamoLog::new(emulator_client(&endpoint), TABLE)
    }
}
