//! The requests that bring something back: the document of a version, or a value of a conflict.

use crate::algebra::Winner;
use crate::error::Error;
use crate::id::DeviceId;
use crate::json::Value;
use crate::log::Version;
use crate::wire::fields::Fields;

/// The body of `POST /api/v2/portfolios/{id}/restore`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoreRequest {
    /// The version whose document is to be restored.
    pub version: Version,
    /// The device that asks, if the request names one.
    pub device_id: Option<DeviceId>,
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
    /// The version that the device has.
    pub base_version: Option<Version>,
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
            base_version: fields.optional_version("base_version")?,
        })
    }
}
