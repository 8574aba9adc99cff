//! The requests and answers of protocol v2, which exchanges changes (docs/PROTOCOL.md).
//!
//! ```
//! use coinolio_core::id::PortfolioId;
//! use coinolio_core::json::read;
//! use coinolio_core::time::Timestamp;
//! use coinolio_core::wire::Outcome;
//! use coinolio_core::wire::v2::{Delta, SyncRequest, SyncResponse};
//!
//! let body = read(br#"{"device_id": "phone", "sync_id": "s1", "base_version": 12,
//!     "sent_at": "2026-01-31T12:00:05.000Z", "changes": [
//!         {"op": "set", "path": ["btc"], "value": "2.0", "modified_at": "2026-01-31T11:58:00.000Z"}]}"#)?;
//! let request = SyncRequest::from_json(&body)?;
//! assert_eq!((request.device_id.as_str(), request.base_version), ("phone", 12));
//!
//! // The request arrives two seconds after `sent_at`: the phone's clock is slow, so its edit is two seconds later.
//! let received = Timestamp::parse("2026-01-31T12:00:07.000Z")?;
//! let patch = request.patch(received);
//! assert_eq!(patch.edits[0].at, Timestamp::parse("2026-01-31T11:58:02.000Z")?);
//!
//! let response = SyncResponse {
//!     portfolio_id: PortfolioId::parse("main")?,
//!     version: 13,
//!     last_sync_at: received,
//!     last_sync_device: Some(request.device_id),
//!     outcome: Outcome::Accepted,
//!     delta: Delta::Changes(Vec::new()),
//!     conflicts: Vec::new(),
//! };
//! assert_eq!(
//!     serde_json::to_string(&response).unwrap(),
//!     concat!(
//!         r#"{"portfolio_id":"main","version":13,"last_sync_at":"2026-01-31T12:00:07.000Z","#,
//!         r#""last_sync_device":"phone","outcome":"accepted","changes":[],"conflicts":[]}"#
//!     )
//! );
//!
//! // An error names the member at fault.
//! let error = SyncRequest::from_json(&read(br#"{"device_id": "phone"}"#)?).unwrap_err();
//! assert_eq!(error.to_string(), "malformed: sent_at is required");
//! # Ok::<(), coinolio_core::Error>(())
//! ```

mod history;
mod undo;

pub use history::{Comparison, DEFAULT_HISTORY_LIMIT, History, HistoryChange, MAX_HISTORY_LIMIT};
pub use undo::{KeepMineRequest, RestoreRequest};

use super::Outcome;
use super::fields::{Fields, error_at};
use crate::algebra::{Op, check_patch};
use crate::error::Error;
use crate::id::{DeviceId, PortfolioId, SyncId};
use crate::json::Value;
use crate::log::{Change, ConflictRecord, Edit, Patch, PortfolioKey, Version};
use crate::time::Timestamp;
use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

/// One edit of a request: an operation, and its time by the device's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestedEdit {
    /// The operation.
    pub op: Op,
    /// The device's clock at the time of the edit; if absent, the edit counts as made when the request arrived.
    pub modified_at: Option<Timestamp>,
}

/// The body of `POST /api/v2/portfolios/{id}/sync`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncRequest {
    /// The device that syncs.
    pub device_id: DeviceId,
    /// The sync's id: the same on every retry.
    pub sync_id: SyncId,
    /// The version that the edits were made on top of; 0 before the portfolio's creation.
    pub base_version: Version,
    /// The device's clock at the time of this sending.
    pub sent_at: Timestamp,
    /// True if an earlier answer said that the base has expired (410 `base_expired`).
    pub base_lost: bool,
    /// The edits; none for a pull.
    pub changes: Vec<RequestedEdit>,
    /// The name of the portfolio, used if this sync creates it.
    pub name: Option<String>,
}

impl SyncRequest {
    /// Reads the request's body.
    ///
    /// # Errors
    /// Malformed for a missing member or one of the wrong type; invalid (422) unless the operations are a well-formed
    /// patch (docs/MERGE.md).
    pub fn from_json(body: &Value) -> Result<Self, Error> {
        let fields = Fields::of_body(body)?;
        Self::read(&fields, fields.device_id("device_id")?, fields.time("sent_at")?)
    }

    /// Reads a sync from `fields`, except its device and the clock of its sending, which a batch has only once.
    pub(in crate::wire) fn read(fields: &Fields<'_>, device_id: DeviceId, sent_at: Timestamp) -> Result<Self, Error> {
        let path = fields.path("changes");
        let changes = fields.optional_list("changes")?.unwrap_or_default();
        let changes = changes
            .iter()
            .enumerate()
            .map(|(index, edit)| requested_edit(edit, &format!("{path}[{index}]")))
            .collect::<Result<Vec<_>, _>>()?;
        check_patch(changes.iter().map(|edit| &edit.op)).map_err(|error| error_at(&path, error))?;
        Ok(Self {
            device_id,
            sync_id: fields.sync_id("sync_id")?,
            base_version: fields.version("base_version")?,
            sent_at,
            base_lost: fields.optional_bool("base_lost")?.unwrap_or(false),
            changes,
            name: fields.optional_name("name")?.map(str::to_owned),
        })
    }

    /// Returns the edits with their effective times (docs/MERGE.md), for a request that arrived at `received`.
    pub fn patch(&self, received: Timestamp) -> Patch {
        let effective = |modified_at| Timestamp::effective(modified_at, self.sent_at, received);
        let edits = self.changes.iter().map(|edit| Edit {
            op: edit.op.clone(),
            at: edit.modified_at.map_or(received, effective),
        });
        Patch {
            edits: edits.collect(),
            conflicts: Vec::new(),
        }
    }
}

fn requested_edit(edit: &Value, path: &str) -> Result<RequestedEdit, Error> {
    let fields = Fields::at_path(edit, path)?;
    Ok(RequestedEdit {
        op: Op::from_json(edit).map_err(|error| error_at(path, error))?,
        modified_at: fields.optional_time("modified_at")?,
    })
}

/// The part of an answer that brings the device to the server's document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delta {
    /// The device applies these operations, in order, to its base with its edits.
    Changes(Vec<Op>),
    /// The device replaces its document with this one, because the operations would be larger or the base has expired.
    Document(Value),
}

/// The answer to a sync.
///
/// The JSON has exactly one of `changes` and `document`, and `last_sync_device` is `null` if the newest change names no
/// device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncResponse {
    /// The portfolio.
    pub portfolio_id: PortfolioId,
    /// The version that the device has after it has applied `delta`.
    pub version: Version,
    /// When that version was made.
    pub last_sync_at: Timestamp,
    /// The device that made it.
    pub last_sync_device: Option<DeviceId>,
    /// The result of the sync.
    pub outcome: Outcome,
    /// The part that brings the device to that version.
    pub delta: Delta,
    /// The conflicts that the log has since the device's base, this sync's included, in log order.
    pub conflicts: Vec<ConflictRecord>,
}

impl Serialize for SyncResponse {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut response = serializer.serialize_struct("SyncResponse", 7)?;
        response.serialize_field("portfolio_id", &self.portfolio_id)?;
        response.serialize_field("version", &self.version)?;
        response.serialize_field("last_sync_at", &self.last_sync_at)?;
        response.serialize_field("last_sync_device", &self.last_sync_device)?;
        response.serialize_field("outcome", &self.outcome)?;
        match &self.delta {
            Delta::Changes(changes) => response.serialize_field("changes", changes)?,
            Delta::Document(document) => response.serialize_field("document", document)?,
        }
        response.serialize_field("conflicts", &self.conflicts)?;
        response.end()
    }
}

/// The answer to `GET /api/v2/portfolios`: all of the user's portfolios, sorted by id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PortfolioList {
    /// The portfolios.
    pub portfolios: Vec<PortfolioSummary>,
}

/// A portfolio without its document: enough for a device to decide whether it must sync.
///
/// It is an element of the list, and the answer to a restore and to a keep-mine. The JSON has the id twice: as
/// `portfolio_id`, like every other answer, and as `id`, its name in the lists of earlier releases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortfolioSummary {
    /// The portfolio.
    pub portfolio_id: PortfolioId,
    /// Its name.
    pub name: String,
    /// The head's version.
    pub version: Version,
    /// When the head was made.
    pub last_sync_at: Timestamp,
    /// The device that made it; `null` if it names none.
    pub last_sync_device: Option<DeviceId>,
}

impl PortfolioSummary {
    /// Summarizes the portfolio of `key` with the name `name` and the newest change `head`.
    pub fn new(key: &PortfolioKey, name: String, head: &Change) -> Self {
        Self {
            portfolio_id: key.portfolio.clone(),
            name,
            version: head.version,
            last_sync_at: head.last_sync_at,
            last_sync_device: head.device_id.clone(),
        }
    }
}

impl Serialize for PortfolioSummary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut summary = serializer.serialize_struct("PortfolioSummary", 6)?;
        summary.serialize_field("portfolio_id", &self.portfolio_id)?;
        summary.serialize_field("id", &self.portfolio_id)?;
        summary.serialize_field("name", &self.name)?;
        summary.serialize_field("version", &self.version)?;
        summary.serialize_field("last_sync_at", &self.last_sync_at)?;
        summary.serialize_field("last_sync_device", &self.last_sync_device)?;
        summary.end()
    }
}

/// The answer to `GET /api/v2/portfolios/{id}`: the portfolio at a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PortfolioRead {
    /// The portfolio.
    pub portfolio_id: PortfolioId,
    /// Its name.
    pub name: String,
    /// The version that was read.
    pub version: Version,
    /// When that version was made.
    pub last_sync_at: Timestamp,
    /// The device that made it; `null` if it names none.
    pub last_sync_device: Option<DeviceId>,
    /// The document at that version.
    pub document: Value,
}
