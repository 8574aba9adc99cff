//! A DynamoDB API in this process, in memory, spoken to by the real SDK over HTTP.

use crate::faults::{Fault, Faults};
use aws_sdk_dynamodb::Client;
use coinolio_aws::config::emulator_client;
use coinolio_aws::dynamodb::{DynamoLog, Meter, create_table_if_missing};
use dynoxide::Database;
use tokio::net::TcpListener;

/// The table's name in every test.
pub const TABLE: &str = "coinolio-test";

/// A DynamoDB API of its own, with the table; gone with the test's runtime.
#[derive(Clone, Debug)]
pub struct Dynamo {
    /// The SDK's client.
    pub client: Client,
    /// Where the API listens.
    pub endpoint: String,
}

impl Dynamo {
    /// Starts one with an empty table.
    pub async fn start() -> Self {
        let database = Database::memory().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(dynoxide::server::serve_on(listener, database));
        let client = emulator_client(&endpoint);
        create_table_if_missing(&client, TABLE).await.unwrap();
        Self { client, endpoint }
    }

    /// The change log in the table.
    pub fn log(&self) -> DynamoLog {
        DynamoLog::new(self.client.clone(), TABLE)
    }

    /// The change log in the table, and what it uses.
    pub fn metered_log(&self) -> (DynamoLog, Meter) {
        let meter = Meter::default();
        (self.log().with_meter(meter.clone()), meter)
    }

    /// The change log behind a proxy that fails as `fault` says: from the operation's name and how many
    /// requests of that operation came before.
    pub async fn failing_log(&self, fault: impl Fn(&str, usize) -> Fault + Send + Sync + 'static) -> DynamoLog {
        let endpoint = Faults::start(&self.endpoint, fault).await;
        DynamoLog::new(emulator_client(&endpoint), TABLE)
    }
}
