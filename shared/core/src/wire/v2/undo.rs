//! Bringing back what was: a version, or what lost in a conflict.

use crate::error::Error;
use crate::id::{DeviceId, PortfolioId};
use crate::json::Value;
use crate::log::{Change, Version};
use crate::time::Timestamp;
use crate::wire::fields::Fields;
use serde::Serialize;

/// The body of `POST /api/v2/portfolios/{id}/restore`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoreRequest {
    /// The version whose document comes back.
    pub version: Version,
    /// The device that asks, where it says so.
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
    /// The device that asks, where it says so.
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

/// The answer to both: the portfolio's head, which the devices get by their next sync.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PortfolioHead {
    /// The portfolio.
    pub portfolio_id: PortfolioId,
    /// Its name.
    pub name: String,
    /// The head's version.
    pub version: Version,
    /// When the head was made.
    pub last_sync_at: Timestamp,
    /// The device that made it; `null` where it names none.
    pub last_sync_device: Option<DeviceId>,
}

impl PortfolioHead {
    /// The portfolio `portfolio_id`, called `name`, whose newest change is `head`.
    pub fn new(portfolio_id: PortfolioId, name: String, head: Change) -> Self {
        Self {
            portfolio_id,
            name,
            version: head.version,
            last_sync_at: head.last_sync_at,
            last_sync_device: head.device_id,
        }
    }
}
