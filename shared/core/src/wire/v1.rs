//! Protocol v1: whole documents (design section 5).

use super::ConflictRecord;
use super::fields::{Fields, at};
use crate::algebra::Path;
use crate::error::Error;
use crate::id::{DeviceId, PortfolioId, UserId};
use crate::json::Value;
use crate::log::Version;
use crate::sync::Stamped;
use crate::time::Timestamp;
use serde::ser::{Serialize, SerializeMap, Serializer};

/// A sync: `{"client_data": {…}, "last_sync_at": "…"|null, "client_version": 3, "device_id": "phone"}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncRequest {
    /// The device's whole document: an object.
    pub client_data: Value,
    /// When the device last synced, by what the last answer said or by its own clock.
    pub last_sync_at: Option<LastSync>,
    /// The version that the device thinks it has; 0 before its first sync.
    pub client_version: Version,
    /// The device.
    pub device_id: DeviceId,
    /// True where the user means to empty the document.
    pub allow_wipe: bool,
}

/// A request's `last_sync_at`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastSync {
    /// The time, in whole milliseconds.
    pub at: Timestamp,
    /// False where the request's digits go below the millisecond: no answer of this service held them.
    pub exact: bool,
}

impl SyncRequest {
    /// Reads a request's body.
    ///
    /// # Errors
    /// Malformed where a member is missing or of a wrong type, the device's id or the time among them.
    pub fn from_json(mut body: Value) -> Result<Self, Error> {
        let client_data = take(&mut body, "client_data");
        let fields = Fields::of_body(&body)?;
        let last_sync_at = fields.optional_string("last_sync_at")?;
        Ok(Self {
            client_data: document(&fields, "client_data", client_data)?
                .ok_or_else(|| fields.wrong("client_data", "is required"))?,
            last_sync_at: last_sync_at
                .map(|text| LastSync::parse(text).map_err(|error| at("last_sync_at", error)))
                .transpose()?,
            client_version: fields.version("client_version")?,
            device_id: fields.device_id("device_id")?,
            allow_wipe: fields.optional_bool("allow_wipe")?.unwrap_or(false),
        })
    }
}

impl CreateRequest {
    /// Reads a request's body.
    ///
    /// # Errors
    /// Malformed where a member is missing, of a wrong type or no id.
    pub fn from_json(mut body: Value) -> Result<Self, Error> {
        let data = take(&mut body, "data");
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
    /// Reads a request's body.
    ///
    /// # Errors
    /// Malformed where a member is of a wrong type or no id.
    pub fn from_json(mut body: Value) -> Result<Self, Error> {
        let data = take(&mut body, "data");
        let fields = Fields::of_body(&body)?;
        Ok(Self {
            name: fields.optional_name("name")?.map(str::to_owned),
            data: document(&fields, "data", data)?,
            device_id: fields.optional_device_id("device_id")?,
        })
    }
}

/// Takes a member out of a body: documents are too big to copy.
fn take(body: &mut Value, name: &str) -> Option<Value> {
    match body {
        Value::Object(members) => members.remove(name),
        _ => None,
    }
}

/// A document, where it is there and not `null`; it must be an object.
fn document(fields: &Fields<'_>, name: &str, value: Option<Value>) -> Result<Option<Value>, Error> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(document @ Value::Object(_)) => Ok(Some(document)),
        Some(_) => Err(fields.wrong(name, "must be an object")),
    }
}

impl LastSync {
    /// Reads a date-time as [`Timestamp::parse`] does.
    fn parse(text: &str) -> Result<Self, Error> {
        let at = Timestamp::parse(text)?;
        let fraction = text.split_once('.').map_or("", |(_, fraction)| fraction);
        let digits = fraction.bytes().take_while(u8::is_ascii_digit);
        Ok(Self {
            at,
            exact: digits.skip(3).all(|digit| digit == b'0'),
        })
    }
}

/// The creation of a portfolio: `{"name": "…", "data": {…}, "device_id": "phone", "id": "…"}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateRequest {
    /// What the user calls it.
    pub name: String,
    /// Its first document: an object.
    pub data: Value,
    /// The device that creates it, where it says so.
    pub device_id: Option<DeviceId>,
    /// Its id, where the client chose one.
    pub id: Option<PortfolioId>,
}

/// The update of a portfolio: `{"name": "…", "data": {…}, "device_id": "phone"}`, each optional.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateRequest {
    /// Its new name.
    pub name: Option<String>,
    /// The document that replaces its own: an object.
    pub data: Option<Value>,
    /// The device that updates it, where it says so.
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
    pub data: Stamped,
    /// What this sync changed in the server's document.
    pub changes: Vec<DocumentChange>,
    /// When the head was written.
    pub last_sync_at: Timestamp,
    /// Those logged since the request's base and this sync's own; without a base only its own.
    pub conflicts: Vec<ConflictRecord>,
}

/// A portfolio as v1 clients see it.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct PortfolioResponse {
    /// Its id.
    pub id: PortfolioId,
    /// The user whose it is.
    pub user_id: UserId,
    /// What the user calls it.
    pub name: String,
    /// Its document.
    pub data: Stamped,
    /// Its version.
    pub version: Version,
    /// Always true: the service has it.
    pub is_cloud_synced: bool,
    /// When its newest change was written.
    pub last_sync_at: Timestamp,
    /// The device that made its newest change, where one did.
    pub last_sync_device: Option<DeviceId>,
}

/// What became of a place in a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeType {
    /// It is new.
    Added,
    /// It holds another value, or stands elsewhere in its list.
    Modified,
    /// It is gone.
    Deleted,
}

/// One change of a document: `{"type": "modified", "path": "assets.btc.amount", "value": {"value": "2.0"}}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentChange {
    /// What became of the place.
    pub kind: ChangeType,
    /// The place, written with dots.
    pub path: Path,
    /// What it holds now; written as it is where it is an object, else as `{"value": …}`.
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
