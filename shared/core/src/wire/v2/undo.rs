//! The requests that bring something back, and their answer: the document of a version, or a value of a conflict.

use super::{Delta, PortfolioSummary};
use crate::algebra::Winner;
use crate::error::Error;
use crate::id::DeviceId;
use crate::json::Value;
use crate::log::Version;
use crate::time::Timestamp;
use crate::wire::fields::Fields;
use serde::ser::{Serialize, SerializeStruct, Serializer};

/// The body of `POST /api/v2/portfolios/{id}/restore`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoreRequest {
    /// The version whose document is to be restored.
    pub version: Version,
    /// The device that asks, if the request names one.
    pub device_id: Option<DeviceId>,
    /// The version that the device has, if the answer shall bring it to the new head.
    pub base: Option<Base>,
}

/// The version that a device has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Base {
    /// The version: `base_version`.
    pub version: Version,
    /// When it was made, if the device says so: `base_at`.
    pub at: Option<Timestamp>,
}

impl Base {
    /// Reads the base from `fields`, if they have one.
    fn read(fields: &Fields<'_>) -> Result<Option<Self>, Error> {
        let at = fields.optional_time("base_at")?;
        let version = fields.optional_version("base_version")?;
        Ok(version.map(|version| Self { version, at }))
    }
}

impl RestoreRequest {
    /// Reads the request's body.
    ///
    /// # Errors
    /// Malformed for a missing member or one of the wrong type.
    pub fn from_json(body: &Value) -> Result<Self, Error> {
        let fields = Fields::of_body(body)?;
        Ok(Self {
            version: fields.version("version")?,
            device_id: fields.optional_device_id("device_id")?,
            base: Base::read(&fields)?,
        })
    }
}

/// The body of `POST /api/v2/portfolios/{id}/conflicts/{version}/{index}/keep-mine`; every member is optional.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeepMineRequest {
    /// The device that asks.
    pub device_id: Option<DeviceId>,
    /// The side whose value is to be brought back. Without it, this is the side whose device asks, or the losing side.
    pub value: Option<Winner>,
    /// The version that the device has, if the answer shall bring it to the new head.
    pub base: Option<Base>,
}

impl KeepMineRequest {
    /// Reads the request's body.
    ///
    /// # Errors
    /// Malformed for a member of the wrong type, and for a `value` other than `client` and `server`.
    pub fn from_json(body: &Value) -> Result<Self, Error> {
        let fields = Fields::of_body(body)?;
        let side = |text: &str| Winner::parse(text).ok_or_else(|| fields.wrong("value", "must be client or server"));
        Ok(Self {
            device_id: fields.optional_device_id("device_id")?,
            value: fields.optional_string("value")?.map(side).transpose()?,
            base: Base::read(&fields)?,
        })
    }
}

/// The answer to a restore and to a keep-mine.
///
/// The JSON has the members of the portfolio, and exactly one of `changes` and `document` if the request has a base.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UndoResponse {
    /// The portfolio at its new head.
    pub portfolio: PortfolioSummary,
    /// The part that brings the device from its base to that head.
    pub delta: Option<Delta>,
}

impl Serialize for UndoResponse {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut response = serializer.serialize_struct("UndoResponse", 7)?;
        self.portfolio.serialize_members(&mut response)?;
        match &self.delta {
            None => {}
            Some(Delta::Changes(changes)) => response.serialize_field("changes", changes)?,
            Some(Delta::Document(document)) => response.serialize_field("document", document)?,
        }
        response.end()
    }
}
