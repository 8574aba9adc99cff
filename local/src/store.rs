//! The embedded DynamoDB: `dynoxide` on SQLite, served over HTTP so that the real SDK, the AWS command
//! line and functions under cargo-lambda all speak to the same data.

use crate::error::StartError;
use crate::folder::DataFolder;
use crate::listen::Listener;
use aws_sdk_dynamodb::Client;
use coinolio_aws::config::emulator_client;
use dynoxide::storage::Storage;
use dynoxide::{Database, DynoxideError};
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
    let failed = |cause: DynoxideError| StartError::Store(cause.to_string());
    let Some(folder) = folder else {
        return Database::memory().map_err(failed);
    };
    let path = folder.database();
    let text = path
        .to_str()
        .ok_or_else(|| StartError::Store(format!("{} is not valid Unicode", path.display())))?;
    tend_stream(text).map_err(failed)?;
    let database = Database::new(text).map_err(failed)?;
    // A new database is in WAL mode with `synchronous = FULL`: an fsync for each commit. This call is
    // the one way to `synchronous = NORMAL` (its other settings are SQLite's defaults): commits then
    // outlive this process, killed or not, and a power failure may cost the last few but never
    // corrupts the file. That is right for data on a developer's machine.
    database.disable_bulk_loading().map_err(failed)?;
    Ok(database)
}

/// Keeps a write from taking longer the more were made before it, in the database at `path`, which nobody has open.
///
/// DynamoDB keeps the records of a stream for 24 hours; the embedded one keeps them for good, and goes through all of them for
/// the number of the next. What an earlier run left is read by nobody: the stream is followed from now on.
fn tend_stream(path: &str) -> Result<(), DynoxideError> {
    let storage = Storage::new(path)?;
    storage.conn().execute_batch(
        "CREATE INDEX IF NOT EXISTS stream_records_by_sequence_number
             ON _stream_records (table_name, CAST(sequence_number AS INTEGER));
         DELETE FROM _stream_records;",
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::tend_stream;
    use dynoxide::storage::Storage;

    #[test]
    fn an_earlier_runs_stream_is_gone_and_the_next_records_number_is_found_without_a_scan() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dynamodb.sqlite");
        let path = path.to_str().unwrap();
        let storage = Storage::new(path).unwrap();
        let record = |number| storage.insert_stream_record("t", "INSERT", "{}", Some("{}"), None, number, "shard", 1);
        record("1").unwrap();
        record("2").unwrap();
        drop(storage);
        for _ in 0..2 {
            tend_stream(path).unwrap();
            let storage = Storage::new(path).unwrap();
            assert_eq!(storage.get_stream_records("t", "shard", 0, 10).unwrap().len(), 0);
            // The statements are those of `next_stream_sequence_number` and `get_stream_records` in dynoxide 3.2.
            for statement in [
                "SELECT COALESCE(MAX(CAST(sequence_number AS INTEGER)), 0) + 1 FROM _stream_records WHERE table_name = 't'",
                "SELECT event_name, new_image FROM _stream_records
                     WHERE table_name = 't' AND shard_id = 's' AND CAST(sequence_number AS INTEGER) > 1
                     ORDER BY CAST(sequence_number AS INTEGER) ASC LIMIT 100",
            ] {
                let plan: String = storage
                    .conn()
                    .query_row(&format!("EXPLAIN QUERY PLAN {statement}"), [], |row| row.get(3))
                    .unwrap();
                assert!(
                    plan.contains("INDEX stream_records_by_sequence_number (table_name=?"),
                    "{plan}"
                );
            }
        }
    }
}
