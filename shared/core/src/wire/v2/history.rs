//! The answers about the history of a portfolio: its changes, and the difference between two of its versions.

use crate::algebra::Op;
use crate::id::{DeviceId, PortfolioId};
use crate::log::{ConflictRecord, Kind, Version};
use crate::time::Timestamp;
use serde::{Serialize, Serializer};

/// How many changes a page of a history contains at most, if the request has no `limit`.
pub const DEFAULT_HISTORY_LIMIT: u16 = 50;

/// The largest `limit` of a request for a page of a history.
pub const MAX_HISTORY_LIMIT: u16 = 100;

/// The answer to `GET /api/v2/portfolios/{id}/history`: a page of the portfolio's changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct History {
    /// The portfolio.
    pub portfolio_id: PortfolioId,
    /// The changes, newest first.
    pub changes: Vec<HistoryChange>,
    /// The `before` of the next page; `null` if this page ends with the oldest stored change.
    pub next_before: Option<Version>,
}

/// A change, described for the user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HistoryChange {
    /// The version that it made.
    pub version: Version,
    /// The version that it was made on top of; 0 before the portfolio's creation.
    pub parent: Version,
    /// The reason for the change: `created`, `synced`, `replaced`, `deleted`, `restored` or `kept_mine`.
    #[serde(serialize_with = "kind")]
    pub kind: Kind,
    /// The device that made it; `null` if it names none.
    pub device_id: Option<DeviceId>,
    /// That device's name; `null` if it is unknown.
    pub device_name: Option<String>,
    /// When the service accepted it.
    pub at: Timestamp,
    /// The effect of the change on the document in plain words: at most 200 characters, with names of members of the
    /// document but without values.
    pub summary: String,
    /// The size of its operations as JSON, in bytes.
    pub patch_bytes: u64,
    /// The conflicts that it recorded.
    pub conflicts: Vec<ConflictRecord>,
}

fn kind<S: Serializer>(kind: &Kind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(kind.as_str())
}

/// The answer to `GET /api/v2/portfolios/{id}/compare`: the operations that turn the document at `from` into the one at
/// `to`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// The portfolio.
    pub portfolio_id: PortfolioId,
    /// The version at which the comparison begins; version 0 is the empty document.
    pub from: Version,
    /// The version at which it ends, older or newer than `from`.
    pub to: Version,
    /// The operations, in the order in which they apply.
    pub changes: Vec<Op>,
}
