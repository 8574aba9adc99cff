//! The requests that bring something back: the document of a version, or the losing value of a conflict.

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

/// The body of `POST /api/v2/portfolios/{id}/conflicts/{version}/{index}/keep-mine`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeepMineRequest {
    /// The device that asks, if the request names one.
    pub device_id: Option<DeviceId>,
}

impl KeepMineRequest {
    /// Reads the request's body.
    ///
    /// # Errors
    /// Malformed for a member of the wrong type.
    pub fn from_json(body: &Value) -> Result<Self, Error> {
        let fields = Fields::of_body(body)?;
        Ok(Self {
            device_id: fields.optional_device_id("device_id")?,
        })
    }
}
