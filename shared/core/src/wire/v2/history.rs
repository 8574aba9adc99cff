//! What happened to a portfolio: its changes, and what differs between two of its versions.

use crate::algebra::Op;
use crate::id::{DeviceId, PortfolioId};
use crate::log::{Kind, Version};
use crate::time::Timestamp;
use crate::wire::IndexedConflict;
use serde::{Serialize, Serializer};

/// How many changes a page of a history holds where the request does not say.
pub const DEFAULT_HISTORY_LIMIT: u16 = 50;

/// How many changes a page of a history holds at most.
pub const MAX_HISTORY_LIMIT: u16 = 100;

/// The answer to `GET /api/v2/portfolios/{id}/history`: a page of the portfolio's changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct History {
    /// The portfolio.
    pub portfolio_id: PortfolioId,
    /// The changes, newest first.
    pub changes: Vec<HistoryChange>,
    /// What the next page's `before` is; `null` where the oldest change kept is here.
    pub next_before: Option<Version>,
}

/// A change as the user reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HistoryChange {
    /// The version that it made.
    pub version: Version,
    /// The version that it was made on top of; 0 before the portfolio's creation.
    pub parent: Version,
    /// What made it: `created`, `synced`, `replaced`, `deleted`, `restored` or `kept_mine`.
    #[serde(serialize_with = "kind")]
    pub kind: Kind,
    /// The device that made it; `null` where it names none.
    pub device_id: Option<DeviceId>,
    /// That device's name; `null` where none is known.
    pub device_name: Option<String>,
    /// When the service took it.
    pub at: Timestamp,
    /// What it did to the document, in plain words: at most 200 characters, names of its members but no values.
    pub summary: String,
    /// The size of its operations as JSON, in bytes.
    pub patch_bytes: u64,
    /// The conflicts that it recorded.
    pub conflicts: Vec<IndexedConflict>,
}

fn kind<S: Serializer>(kind: &Kind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match kind {
        Kind::Created => "created",
        Kind::Synced => "synced",
        Kind::Replaced => "replaced",
        Kind::Deleted => "deleted",
        Kind::Restored => "restored",
        Kind::KeptMine => "kept_mine",
    })
}

/// The answer to `GET /api/v2/portfolios/{id}/compare`: what makes the document at `to` of the one at `from`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// The portfolio.
    pub portfolio_id: PortfolioId,
    /// The version to begin at; 0 is the empty document.
    pub from: Version,
    /// The version to end at, older or newer than `from`.
    pub to: Version,
    /// The operations, in the order in which they apply.
    pub changes: Vec<Op>,
}
