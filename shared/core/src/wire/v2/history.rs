//! The answers about the history of a portfolio: its changes, and the difference between two of its versions.

use crate::algebra::{Op, Path};
use crate::error::Error;
use crate::id::{DeviceId, PortfolioId};
use crate::json::read;
use crate::log::{ConflictRecord, Kind, Version};
use crate::time::Timestamp;
use crate::wire::fields::error_at;
use serde::{Serialize, Serializer};

/// How many changes a page of a history contains at most, if the request has no `limit`.
pub const DEFAULT_HISTORY_LIMIT: u16 = 50;

/// The largest `limit` of a request for a page of a history.
pub const MAX_HISTORY_LIMIT: u16 = 100;

/// The query of `GET /api/v2/portfolios/{id}/history`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryQuery {
    /// Only versions below this one; without it, from the head on.
    pub before: Option<Version>,
    /// How many changes the page contains at most.
    pub limit: u16,
    /// Only changes that touched the value at this path: it, something inside it, or something around it that has it.
    pub path: Option<HistoryPath>,
    /// Only changes that did more than replace values: those that added, removed or moved a member or an element, met a
    /// conflict, or are not a sync or a replacement (`created`, `deleted`, `restored`, `kept_mine`, `renamed`).
    pub important: bool,
}

impl Default for HistoryQuery {
    fn default() -> Self {
        Self {
            before: None,
            limit: DEFAULT_HISTORY_LIMIT,
            path: None,
            important: false,
        }
    }
}

/// A path in the query of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HistoryPath {
    /// The path of an operation: `["transactions", {"id": 7}, "amount"]`.
    Tokens(Path),
    /// Names of members and identities of elements, joined by dots: `transactions.7.amount`. Names with dots need the
    /// other form.
    Dotted(Vec<Box<str>>),
}

impl HistoryPath {
    /// Reads a path: JSON if it begins with `[`, otherwise names joined by dots.
    ///
    /// # Errors
    /// Malformed or invalid unless the JSON is the path of an operation; malformed if the text is empty.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.is_empty() {
            return Err(Error::malformed("path must not be empty"));
        }
        if !text.starts_with('[') {
            return Ok(Self::Dotted(text.split('.').map(Into::into).collect()));
        }
        let path = read(text.as_bytes())
            .map_err(Error::from)
            .and_then(|json| Path::from_json(&json));
        path.map(Self::Tokens).map_err(|error| error_at("path", error))
    }
}

/// The answer to `GET /api/v2/portfolios/{id}/history`: a page of the portfolio's changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct History {
    /// The portfolio.
    pub portfolio_id: PortfolioId,
    /// The changes, newest first.
    pub changes: Vec<HistoryChange>,
    /// The `before` of the next page; `null` if no older change is stored. A page may be empty and have a next one, if
    /// the query leaves out changes.
    pub next_before: Option<Version>,
}

/// A change, described for the user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HistoryChange {
    /// The version that it made.
    pub version: Version,
    /// The version that it was made on top of; 0 before the portfolio's creation.
    pub parent: Version,
    /// The reason for the change: `created`, `synced`, `replaced`, `deleted`, `restored`, `kept_mine` or
    /// `renamed`.
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
