//! The events of `events/` that the functions answer, chosen so that each of them succeeds.

use crate::Failure;
use crate::binaries::Binary;
use coinolio_aws::routes::Function;
use coinolio_tests::starting::event;
use coinolio_tests::stream_events;
use serde_json::{Value, json};

/// The portfolio's version, and the number of syncs so far.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    version: u64,
    syncs: u64,
}

impl Traffic {
    /// The next event for `binary`.
    pub(crate) fn next(&mut self, binary: Binary) -> Result<String, Failure> {
        match binary {
            Binary::HelloWorld | Binary::Function(Function::SyncStatus) => Ok(event("v2-sync-status")),
            Binary::Function(Function::Sync) => self.sync(),
            Binary::Function(Function::Portfolios) => Ok(event("v1-read")),
            Binary::Function(Function::Devices) => Ok(event("v2-devices")),
            Binary::Function(Function::ChangeStream) => Ok(stream_events::read("change").to_string()),
        }
    }

    /// Returns the event that creates the portfolio, for the function `portfolios`.
    pub(crate) fn creation() -> String {
        event("v1-create")
    }

    /// Returns a sync with the next edit of the portfolio, on top of its version.
    fn sync(&mut self) -> Result<String, Failure> {
        self.syncs += 1;
        let mut event: Value = parsed(&event("v2-sync"))?;
        let mut body = parsed(event["body"].as_str().unwrap_or_default())?;
        body["base_version"] = json!(self.version);
        body["sync_id"] = json!(format!("00000000-0000-4000-8000-{:012}", self.syncs));
        body["changes"][0]["value"] = json!(format!("{}.5", self.syncs));
        event["body"] = json!(body.to_string());
        Ok(event.to_string())
    }

    /// Checks that `binary` succeeded, and remembers the version that it answered with.
    pub(crate) fn answered(&mut self, binary: Binary, answer: &Value) -> Result<(), Failure> {
        let refused = || Failure::Answer(format!("{}: {answer}", binary.name()));
        if binary == Binary::Function(Function::ChangeStream) {
            let failures = answer["batchItemFailures"].as_array().ok_or_else(refused)?;
            return failures.is_empty().then_some(()).ok_or_else(refused);
        }
        if !matches!(answer["statusCode"].as_u64(), Some(200 | 201)) {
            return Err(refused());
        }
        let (Binary::Function(Function::Sync) | Binary::Function(Function::Portfolios)) = binary else {
            return Ok(());
        };
        let body = parsed(answer["body"].as_str().unwrap_or_default())?;
        let version = body["version"].as_u64().ok_or_else(refused)?;
        if binary == Binary::Function(Function::Sync) && version != self.version + 1 {
            return Err(refused());
        }
        self.version = version;
        Ok(())
    }
}

fn parsed(json: &str) -> Result<Value, Failure> {
    serde_json::from_str(json).map_err(|error| Failure::Answer(error.to_string()))
}
