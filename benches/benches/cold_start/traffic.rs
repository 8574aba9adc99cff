//! The events sent to the functions: those of `events/`, adapted so that the function accepts them.

use crate::Failure;
use coinolio_tests::starting::event;
use serde_json::{Value, json};

/// The portfolio's version, and the number of syncs so far.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    version: u64,
    syncs: u64,
}

impl Traffic {
    /// Returns the next event for the function `name`.
    pub(crate) fn next(&mut self, name: &str) -> Result<String, Failure> {
        match name {
            "sync" => self.sync(),
            "portfolios" => Ok(event("v1-read")),
            "devices" => Ok(event("v2-devices")),
            _ => Ok(event("v2-sync-status")),
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

    /// Checks that `name` answered with success, and remembers the answered version.
    pub(crate) fn answered(&mut self, name: &str, answer: &Value) -> Result<(), Failure> {
        let refused = || Failure::Answer(format!("{name}: {answer}"));
        if !matches!(answer["statusCode"].as_u64(), Some(200 | 201)) {
            return Err(refused());
        }
        if matches!(name, "hello-world" | "sync-status" | "devices") {
            return Ok(());
        }
        let body = parsed(answer["body"].as_str().unwrap_or_default())?;
        let version = body["version"].as_u64().ok_or_else(refused)?;
        if name == "sync" && version != self.version + 1 {
            return Err(refused());
        }
        self.version = version;
        Ok(())
    }
}

fn parsed(json: &str) -> Result<Value, Failure> {
    serde_json::from_str(json).map_err(|error| Failure::Answer(error.to_string()))
}
