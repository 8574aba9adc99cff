//! The embedded DynamoDB: `dynoxide` on SQLite, served over HTTP so that the real SDK, the AWS command
//! line and functions under cargo-lambda all speak to the same data.

use crate::error::StartError;
use crate::folder::DataFolder;
use crate::listen::Listener;
use aws_sdk_dynamodb::Client;
use coinolio_aws::config::emulator_client;
use dynoxide::Database;
use std::net::SocketAddr;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A DynamoDB API that runs in this process.
pub struct Store {
    address: SocketAddr,
    database: Database,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<(), String>>,
    /// Released last: the database must be closed before another run may open it.
    folder: Option<DataFolder>,
}

impl Store {
    /// Opens the database in `folder`, or one in memory, and serves it on `listener`.
    pub fn start(folder: Option<DataFolder>, listener: Listener) -> Result<Self, StartError> {
        let database = open(folder.as_ref())?;
        let (stop, stopped) = oneshot::channel::<()>();
        let address = listener.address;
        let served = tokio::spawn(dynoxide::server::serve_with_shutdown(
            listener.socket,
            database.clone(),
            async move {
                // A dropped sender stops the server too.
                let _ = stopped.await;
            },
        ));
        Ok(Self {
            address,
            database,
            stop,
            served,
            folder,
        })
    }

    /// Where the DynamoDB API is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A client of it.
    pub fn client(&self) -> Client {
        emulator_client(&format!("http://{}", self.address))
    }

    /// The database itself, for what the SDK's client does not have: its streams.
    pub fn database(&self) -> Database {
        self.database.clone()
    }

    /// Lets running requests finish, closes the database and gives the data folder back.
    pub async fn stop(self) {
        let _ = self.stop.send(());
        match self.served.await {
            Ok(Ok(())) => {}
            Ok(Err(cause)) => tracing::error!(%cause, "the embedded DynamoDB failed"),
            Err(cause) => tracing::error!(%cause, "the embedded DynamoDB panicked"),
        }
        drop(self.database);
        drop(self.folder);
    }
}

fn open(folder: Option<&DataFolder>) -> Result<Database, StartError> {
    let failed = |cause: dynoxide::DynoxideError| StartError::Store(cause.to_string());
    let Some(folder) = folder else {
        return Database::memory().map_err(failed);
    };
    let path = folder.database();
    let text = path
        .to_str()
        .ok_or_else(|| StartError::Store(format!("{} is not valid Unicode", path.display())))?;
    let database = Database::new(text).map_err(failed)?;
    // A new database is in WAL mode with `synchronous = FULL`: an fsync for each commit. This call is
    // the one way to `synchronous = NORMAL` (its other settings are SQLite's defaults): commits then
    // outlive this process, killed or not, and a power failure may cost the last few but never
    // corrupts the file. That is right for data on a developer's machine.
    database.disable_bulk_loading().map_err(failed)?;
    Ok(database)
}
