//! The requests and answers of protocol v1, which exchanges whole documents (docs/PROTOCOL.md).

use super::V1Document;
use super::fields::{Fields, error_at};
use crate::algebra::Path;
use crate::error::Error;
use crate::id::{DeviceId, PortfolioId, UserId};
use crate::json::Value;
use crate::log::{ConflictRecord, Version};
use crate::time::Timestamp;
use serde::ser::{Serialize, SerializeMap, Serializer};

/// The body of `POST /api/v1/portfolios/{id}/sync`:
/// `{"client_data": {…}, "last_sync_at": "…"|null, "client_version": 3, "device_id": "phone"}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncRequest {
    /// The device's whole document: an object.
    pub client_data: Value,
    /// When the device last synced, as the last answer said or by the device's own clock; or the time of its edits.
    pub last_sync_at: Option<LastSync>,
    /// The version that the device says it has; 0 before its first sync.
    pub client_version: Version,
    /// The device that syncs.
    pub device_id: DeviceId,
    /// True if the document may lack almost everything that its base has.
    pub allow_wipe: bool,
}

/// A time that an answer may have contained: a request's `last_sync_at`, or the `timestamp` of its `metadata`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastSync {
    /// The time, in whole milliseconds.
    pub at: Timestamp,
    /// False if the request's time has digits other than 0 below the millisecond: then it is not from an answer of this
    /// service.
    pub exact: bool,
}

impl SyncRequest {
    /// Reads the request's body.
    ///
    /// # Errors
    /// Malformed for a missing member, one of the wrong type, a bad device id or a bad time.
    pub fn from_json(mut body: Value) -> Result<Self, Error> {
        let client_data = remove(&mut body, "client_data");
        let fields = Fields::of_body(&body)?;
        let last_sync_at = fields.optional_string("last_sync_at")?;
        Ok(Self {
            client_data: document(&fields, "client_data", client_data)?
                .ok_or_else(|| fields.wrong("client_data", "is required"))?,
            last_sync_at: last_sync_at
                .map(|text| LastSync::parse(text).map_err(|error| error_at("last_sync_at", error)))
                .transpose()?,
            client_version: fields.version("client_version")?,
            device_id: fields.device_id("device_id")?,
            allow_wipe: fields.optional_bool("allow_wipe")?.unwrap_or(false),
        })
    }
}

impl CreateRequest {
    /// Reads the request's body.
    ///
    /// # Errors
    /// Malformed for a missing member, one of the wrong type, or a bad id.
    pub fn from_json(mut body: Value) -> Result<Self, Error> {
        let data = remove(&mut body, "data");
        let fields = Fields::of_body(&body)?;
        Ok(Self {
            name: fields.name("name")?.to_owned(),
            data: document(&fields, "data", data)?.ok_or_else(|| fields.wrong("data", "is required"))?,
            device_id: fields.optional_device_id("device_id")?,
            id: fields.optional_portfolio_id("id")?,
        })
    }
}

impl UpdateRequest {
    /// Reads the request's body.
    ///
    /// # Errors
    /// Malformed for a member of the wrong type or a bad device id.
    pub fn from_json(mut body: Value) -> Result<Self, Error> {
        let data = remove(&mut body, "data");
        let fields = Fields::of_body(&body)?;
        Ok(Self {
            name: fields.optional_name("name")?.map(str::to_owned),
            data: document(&fields, "data", data)?,
            device_id: fields.optional_device_id("device_id")?,
        })
    }
}

/// Removes a member from a body and returns it, because a document is too big to copy.
fn remove(body: &mut Value, name: &str) -> Option<Value> {
    match body {
        Value::Object(members) => members.remove(name),
        _ => None,
    }
}

/// Returns the member `name` as a document; `None` if it is absent or `null`.
///
/// # Errors
/// Malformed unless it is an object.
fn document(fields: &Fields<'_>, name: &str, value: Option<Value>) -> Result<Option<Value>, Error> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(document @ Value::Object(_)) => Ok(Some(document)),
        Some(_) => Err(fields.wrong(name, "must be an object")),
    }
}

impl LastSync {
    /// Reads a date-time as [`Timestamp::parse`] does.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let at = Timestamp::parse(text)?;
        let fraction = text.split_once('.').map_or("", |(_, fraction)| fraction);
        let digits = fraction.bytes().take_while(u8::is_ascii_digit);
        Ok(Self {
            at,
            exact: digits.skip(3).all(|digit| digit == b'0'),
        })
    }
}

/// The body of `POST /api/v1/portfolios`: `{"name": "…", "data": {…}, "device_id": "phone", "id": "…"}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateRequest {
    /// The portfolio's name.
    pub name: String,
    /// Its first document: an object.
    pub data: Value,
    /// The device that creates it, if the request names one.
    pub device_id: Option<DeviceId>,
    /// Its id, if the client chose one.
    pub id: Option<PortfolioId>,
}

/// The body of `PUT /api/v1/portfolios/{id}`: `{"name": "…", "data": {…}, "device_id": "phone"}`, each optional.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateRequest {
    /// The portfolio's new name.
    pub name: Option<String>,
    /// The document that replaces the head's: an object.
    pub data: Option<Value>,
    /// The device that updates it, if the request names one.
    pub device_id: Option<DeviceId>,
}

/// The answer to a sync.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct SyncResponse {
    /// Always true: a refusal is a problem document.
    pub success: bool,
    /// The head's version.
    pub version: Version,
    /// The head's document.
    pub data: V1Document,
    /// The changes that this sync made in the server's document.
    pub changes: Vec<DocumentChange>,
    /// When the head was made.
    pub last_sync_at: Timestamp,
    /// The conflicts that concern the device, in log order ([`crate::portfolio::ReportedConflicts`]); without a base
    /// only this sync's.
    pub conflicts: Vec<ConflictRecord>,
    /// How many more conflicts concern the device; the history has them.
    pub conflicts_omitted: u64,
}

/// A portfolio as v1 clients see it.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct PortfolioResponse {
    /// Its id.
    pub id: PortfolioId,
    /// The user to whom it belongs.
    pub user_id: UserId,
    /// Its name.
    pub name: String,
    /// Its document.
    pub data: V1Document,
    /// The head's version.
    pub version: Version,
    /// Always true: the portfolio is stored by the service.
    pub is_cloud_synced: bool,
    /// When the head was made.
    pub last_sync_at: Timestamp,
    /// The device that made the head; `null` if it names none.
    pub last_sync_device: Option<DeviceId>,
}

/// The way in which the value at a path changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeType {
    /// The value is new.
    Added,
    /// The value differs, or it moved in its list.
    Modified,
    /// The value was removed.
    Deleted,
}

/// One change of a document: `{"type": "modified", "path": "assets.btc.amount", "value": {"value": "2.0"}}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentChange {
    /// The way in which the value changed.
    pub kind: ChangeType,
    /// The path of the value; in JSON its tokens are joined by dots.
    pub path: Path,
    /// The new value, absent after a deletion. In JSON an object appears as itself and any other value as
    /// `{"value": …}`.
    pub value: Option<Value>,
}

impl Serialize for DocumentChange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", &self.kind)?;
        map.serialize_entry("path", &self.path.dotted())?;
        match &self.value {
            None => {}
            Some(object @ Value::Object(_)) => map.serialize_entry("value", object)?,
            Some(other) => map.serialize_entry("value", &Wrapped { value: other })?,
        }
        map.end()
    }
}

#[derive(serde::Serialize)]
struct Wrapped<'a> {
    value: &'a Value,
}
