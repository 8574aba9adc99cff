//! One local server: the embedded DynamoDB, the functions, and the gateway in front of them.

use crate::checkout;
use crate::error::StartError;
use crate::folder::DataFolder;
use crate::functions::Handlers;
use crate::gateway::{self, Idle};
use crate::listen::Listener;
use crate::secret::Secret;
use crate::store::Store;
use crate::stream::Stream;
use crate::token::Tokens;
use aws_sdk_dynamodb::Client;
use coinolio_aws::App;
use coinolio_aws::config::emulator_client;
use coinolio_aws::dynamodb::{DynamoLog, create_table_if_missing, enable_stream_if_missing};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The time that running requests have to finish after the server is told to stop.
const GRACE: Duration = Duration::from_secs(10);

/// Name of the table.
pub const TABLE: &str = "coinolio";

/// Options of a server: its addresses and its data folder.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Port of the API on 127.0.0.1; 0 picks a free one.
    pub port: u16,
    /// Address of the DynamoDB API; `None` means 127.0.0.1.
    pub dynamodb_address: Option<Ipv4Addr>,
    /// Port of the DynamoDB API; 0 picks a free one.
    pub dynamodb_port: u16,
    /// URL at which the functions reach DynamoDB, such as a proxy's; `None` means the DynamoDB API itself.
    pub dynamodb_endpoint: Option<String>,
    /// Folder of the data; `None` stores it in memory only.
    pub data: Option<PathBuf>,
}

/// A running server. The default [`Options`] start one in memory on free ports.
pub struct Server {
    address: SocketAddr,
    tokens: Arc<Tokens>,
    stop: oneshot::Sender<()>,
    served: JoinHandle<io::Result<()>>,
    idle: Idle,
    stream: Stream,
    store: Store,
}

impl Server {
    /// Starts a server, which accepts requests as soon as this returns. Must be called inside a Tokio runtime.
    ///
    /// # Errors
    /// Fails if a port or the data folder is in use, if the signing secret cannot be read or created, or if the
    /// embedded DynamoDB does not start.
    pub async fn start(options: &Options) -> Result<Self, StartError> {
        let tokens = Arc::new(Tokens::new(&Secret::of(&checkout::folder())?));
        let folder = options.data.as_deref().map(DataFolder::lock).transpose()?;
        let api = Listener::on(Ipv4Addr::LOCALHOST, options.port, "--port")?;
        let address = options.dynamodb_address.unwrap_or(Ipv4Addr::LOCALHOST);
        let dynamodb = Listener::on(address, options.dynamodb_port, "--dynamodb-port")?;
        let store = Store::start(folder, dynamodb)?;
        let client = store.client();
        create_table_if_missing(&client, TABLE)
            .await
            .map_err(|cause| StartError::Store(cause.to_string()))?;
        // The table of a data folder from an earlier version has no stream.
        enable_stream_if_missing(&client, TABLE)
            .await
            .map_err(|cause| StartError::Store(cause.to_string()))?;
        let client = options.dynamodb_endpoint.as_deref().map_or(client, emulator_client);
        let app = App::new(DynamoLog::new(client, TABLE));
        let stream = Stream::follow(store.database(), TABLE, app.clone())?;

        let address = api.address;
        let (router, idle) = gateway::service(Handlers::new(app), Arc::clone(&tokens), address.port());
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = axum::serve(api.socket, router).with_graceful_shutdown(async move {
            // The server also stops if the sender is dropped.
            let _ = stopped.await;
        });
        let served = tokio::spawn(serving.into_future());
        Ok(Self {
            address,
            tokens,
            stop,
            served,
            idle,
            stream,
            store,
        })
    }

    /// Returns the API's URL, without a trailing slash.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the DynamoDB API's URL.
    pub fn dynamodb_url(&self) -> String {
        format!("http://{}", self.store.address())
    }

    /// Returns a client of the DynamoDB API.
    pub fn dynamodb(&self) -> Client {
        self.store.client()
    }

    /// Issues a bearer token for `user`.
    ///
    /// # Errors
    /// Fails if the token cannot be signed.
    pub fn token(&self, user: &str) -> Result<String, StartError> {
        Ok(self.tokens.issue(user)?)
    }

    /// Returns the object that signs and verifies this server's tokens.
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// Stops accepting requests, gives running ones up to 10 seconds to finish, and closes the embedded DynamoDB.
    pub async fn stop(self) {
        let Self {
            stop,
            served,
            idle,
            stream,
            store,
            ..
        } = self;
        let finish = async {
            let _ = stop.send(());
            if let Err(cause) = served.await {
                tracing::error!(%cause, "the API server panicked");
            }
            idle.reached().await;
            stream.stop().await;
            store.stop().await;
        };
        if tokio::time::timeout(GRACE, finish).await.is_err() {
            tracing::warn!("requests were still running after {} seconds", GRACE.as_secs());
        }
    }
}
