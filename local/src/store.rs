//! The embedded DynamoDB: `dynoxide` on SQLite.
//!
//! It is served over HTTP so that the real SDK, the AWS command line and functions under cargo-lambda all use
//! the same data.

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
    /// Unlocked last: the database must be closed before another run may open it.
    folder: Option<DataFolder>,
}

impl Store {
    /// Opens the database in `folder`, or one in memory if there is no folder, and serves it on `listener`.
    ///
    /// # Errors
    /// Fails if the database cannot be opened.
    pub fn start(folder: Option<DataFolder>, listener: Listener) -> Result<Self, StartError> {
        let database = open(folder.as_ref())?;
        let (stop, stopped) = oneshot::channel::<()>();
        let address = listener.address;
        let served = tokio::spawn(dynoxide::server::serve_with_shutdown(
            listener.socket,
            database.clone(),
            async move {
                // The server also stops if the sender is dropped.
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

    /// Returns the address of the DynamoDB API.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns a client of the DynamoDB API.
    pub fn client(&self) -> Client {
        emulator_client(&format!("http://{}", self.address))
    }

    /// Returns the database itself, to read its streams, which the SDK's client does not support.
    pub fn database(&self) -> Database {
        self.database.clone()
    }

    /// Lets running requests finish, closes the database and unlocks the data folder.
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
    prepare_stream(text).map_err(failed)?;
    let database = Database::new(text).map_err(failed)?;
    // A new database is in WAL mode with `synchronous = FULL`, which costs an fsync for each commit. This call is
    // the only way to set `synchronous = NORMAL`; its other settings are SQLite's defaults. With NORMAL, commits
    // survive the end of this process, even a kill. A power failure may undo the last few, but never corrupts the
    // file. That is good enough for data on a developer's machine.
    database.disable_bulk_loading().map_err(failed)?;
    Ok(database)
}

/// Deletes the stream records in the database at `path` and indexes new ones by number, so that writes do not
/// become slower as their number grows. Nothing else may have the database open.
///
/// DynamoDB deletes stream records after 24 hours. The embedded store never does, and without the index it scans
/// all of them to number the next one. Records of an earlier run have no reader, because the stream is followed
/// from now on.
fn prepare_stream(path: &str) -> Result<(), DynoxideError> {
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
    use super::prepare_stream;
    use dynoxide::storage::Storage;

    #[test]
    fn an_earlier_runs_stream_records_are_deleted_and_new_ones_numbered_without_a_scan() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dynamodb.sqlite");
        let path = path.to_str().unwrap();
        let storage = Storage::new(path).unwrap();
        let record = |number| storage.insert_stream_record("t", "INSERT", "{}", Some("{}"), None, number, "shard", 1);
        record("1").unwrap();
        record("2").unwrap();
        drop(storage);
        for _ in 0..2 {
            prepare_stream(path).unwrap();
            let storage = Storage::new(path).unwrap();
            assert_eq!(storage.get_stream_records("t", "shard", 0, 10).unwrap().len(), 0);
            // The statements of `next_stream_sequence_number` and `get_stream_records` in dynoxide 3.2.
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
