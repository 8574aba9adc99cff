//! The request to rename a portfolio.

use crate::error::Error;
use crate::id::DeviceId;
use crate::json::Value;
use crate::wire::fields::Fields;

/// The body of `PATCH /api/v2/portfolios/{id}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenameRequest {
    /// The new name: 1 to 200 characters.
    pub name: String,
    /// The device that asks, if the request names one.
    pub device_id: Option<DeviceId>,
}

impl RenameRequest {
    /// Reads the request's body.
    ///
    /// # Errors
    /// Malformed for a missing member or one of the wrong type.
    pub fn from_json(body: &Value) -> Result<Self, Error> {
        let fields = Fields::of_body(body)?;
        Ok(Self {
            name: fields.name("name")?.to_owned(),
            device_id: fields.optional_device_id("device_id")?,
        })
    }
}
