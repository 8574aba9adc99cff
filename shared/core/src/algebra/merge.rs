//! Three-way merge.

use super::authors::Authors;
use super::path::Path;
use crate::id::DeviceId;
use crate::json::Value;
use crate::time::Timestamp;
use std::collections::HashMap;

/// The ranks that a user gave to devices, 0–100; a device without one is not in the map.
pub type Ranks = HashMap<DeviceId, u8>;

/// Which side of a conflict stays in the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Winner {
    /// The value that the request brought.
    Client,
    /// The value that the log held.
    Server,
}

impl Winner {
    /// The winner as it stands in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

/// The rule that decided a conflict, in the order in which they are tried (design section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// Both devices have a rank and they differ: the higher wins.
    DeviceRank,
    /// The later effective time wins.
    Newest,
    /// The server's value stays.
    ServerPreference,
}

impl Rule {
    /// The rule as it stands in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DeviceRank => "device_rank",
            Self::Newest => "newest",
            Self::ServerPreference => "server_preference",
        }
    }
}

/// One side's value in a conflict, its author and its effective time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// The value; `None` where the side deleted it.
    pub value: Option<Value>,
    /// The device that last altered it, where one is known.
    pub device_id: Option<DeviceId>,
    /// The effective time of that edit.
    pub modified_at: Timestamp,
}

/// A place that both sides changed, and how it was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The place.
    pub path: Path,
    /// The side that stays.
    pub winner: Winner,
    /// The rule that decided.
    pub rule: Rule,
    /// What the request brought.
    pub client: Side,
    /// What the log held.
    pub server: Side,
}

/// What a merge made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// The merged document.
    pub document: Value,
    /// Every place that both sides changed, in document order.
    pub conflicts: Vec<Conflict>,
}

/// One device's side of a merge.
#[derive(Clone, Copy, Debug)]
pub struct Device<'a> {
    /// Its document.
    pub document: &'a Value,
    /// Who altered which of its values, and when.
    pub authors: &'a Authors,
}

/// Merges `client`'s document into `server`'s, both made from `base` (design section 4).
///
/// `own` is the device whose request the client's side is: what it altered itself on the server's side is
/// not concurrent.
pub fn merge(base: &Value, server: Device<'_>, client: Device<'_>, own: Option<&DeviceId>, ranks: &Ranks) -> Merged {
    let _ = (base, server, client, own, ranks);
    unimplemented!()
}
