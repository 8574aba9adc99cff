//! Protocol v2: changes (design section 5).

mod history;
mod undo;

pub use history::{Comparison, DEFAULT_HISTORY_LIMIT, History, HistoryChange, MAX_HISTORY_LIMIT};
pub use undo::{KeepMineRequest, PortfolioHead, RestoreRequest};

use super::ConflictRecord;
use super::fields::{Fields, at};
use crate::algebra::{Op, check_patch};
use crate::error::Error;
use crate::id::{DeviceId, PortfolioId, SyncId};
use crate::json::Value;
use crate::log::{Edit, Patch, Version};
use crate::sync::Outcome;
use crate::time::Timestamp;
use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

/// One operation of a request, and when the device's clock said it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestedEdit {
    /// The operation.
    pub op: Op,
    /// The time by the device's clock; where absent, the edit counts as made when the request arrived.
    pub modified_at: Option<Timestamp>,
}

/// The body of `POST /api/v2/portfolios/{id}/sync`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncRequest {
    /// The device that asks.
    pub device_id: DeviceId,
    /// The sync's id: the same on every retry.
    pub sync_id: SyncId,
    /// The version that the edits were made on top of; 0 before the portfolio's creation.
    pub base_version: Version,
    /// When the request was sent, by the device's clock.
    pub sent_at: Timestamp,
    /// True where the device has heard that its base is no longer kept (design section 3).
    pub base_lost: bool,
    /// The edits; none for a pull.
    pub changes: Vec<RequestedEdit>,
    /// The name of a portfolio to create.
    pub name: Option<String>,
}

impl SyncRequest {
    /// Reads the request's body.
    ///
    /// # Errors
    /// Malformed for a missing member or one of the wrong type; invalid for operations that break a patch's
    /// form (design section 4).
    pub fn from_json(body: &Value) -> Result<Self, Error> {
        let fields = Fields::of_body(body)?;
        Self::read(&fields, fields.device_id("device_id")?, fields.time("sent_at")?)
    }

    /// Reads what a sync has besides its device and the clock of its sending.
    pub(in crate::wire) fn read(fields: &Fields<'_>, device_id: DeviceId, sent_at: Timestamp) -> Result<Self, Error> {
        let place = fields.place("changes");
        let changes = fields.optional_list("changes")?.unwrap_or_default();
        let changes = changes
            .iter()
            .enumerate()
            .map(|(index, edit)| requested_edit(edit, &format!("{place}[{index}]")))
            .collect::<Result<Vec<_>, _>>()?;
        check_patch(changes.iter().map(|edit| &edit.op)).map_err(|error| at(&place, error))?;
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

    /// The edits at their effective times, for a request that arrived at `received` (design section 4).
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

fn requested_edit(edit: &Value, place: &str) -> Result<RequestedEdit, Error> {
    let fields = Fields::of(edit, place)?;
    Ok(RequestedEdit {
        op: Op::from_json(edit).map_err(|error| at(place, error))?,
        modified_at: fields.optional_time("modified_at")?,
    })
}

/// What a device must do to hold the server's document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// Apply these operations, in order, to its base with its edits.
    Changes(Vec<Op>),
    /// Take this document: the operations would be larger.
    Document(Value),
}

/// The answer to a sync.
///
/// JSON as in design section 5, with exactly one of `changes` and `document`; `last_sync_device` is `null`
/// where the newest change names no device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncResponse {
    /// The portfolio.
    pub portfolio_id: PortfolioId,
    /// The version that the device holds once it has done what `news` says.
    pub version: Version,
    /// When that version was made.
    pub last_sync_at: Timestamp,
    /// The device that made it.
    pub last_sync_device: Option<DeviceId>,
    /// What the sync came to.
    pub outcome: Outcome,
    /// What the device must do.
    pub news: News,
    /// The conflicts logged since the device's base, this sync's included, in log order.
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
        match &self.news {
            News::Changes(changes) => response.serialize_field("changes", changes)?,
            News::Document(document) => response.serialize_field("document", document)?,
        }
        response.serialize_field("conflicts", &self.conflicts)?;
        response.end()
    }
}

/// The answer to `GET /api/v2/portfolios`: all of the user's portfolios, by id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PortfolioList {
    /// The portfolios.
    pub portfolios: Vec<PortfolioSummary>,
}

/// What tells a device whether it must sync a portfolio.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PortfolioSummary {
    /// The portfolio.
    pub id: PortfolioId,
    /// Its name.
    pub name: String,
    /// The head's version.
    pub version: Version,
    /// When the head was made.
    pub last_sync_at: Timestamp,
    /// The device that made it; `null` where it names none.
    pub last_sync_device: Option<DeviceId>,
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
    /// The device that made it; `null` where it names none.
    pub last_sync_device: Option<DeviceId>,
    /// The document at that version.
    pub document: Value,
}
