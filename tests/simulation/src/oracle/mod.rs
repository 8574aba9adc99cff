//! The oracle: it records every edit and every change, and checks every result independently of the engine.

mod answer;
mod archive;
mod change;
mod ledger;
mod refusal;
mod status;
mod undo;

pub(crate) use answer::{answered_v1, answered_v2, member, version, without_service_members};
pub(crate) use archive::{Archive, Record};
pub(crate) use change::{KnownRanks, appended};
pub(crate) use ledger::Ledger;
pub(crate) use refusal::refused;
pub(crate) use status::status;

use coinolio_core::id::DeviceId;
use coinolio_core::json::Value;
use coinolio_core::log::Version;
use std::collections::BTreeSet;
use std::time::Duration;

/// The contents of a device's sync.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    /// The version that its document is based on; 0 if there is none.
    pub(crate) base: Version,
    /// The device's copy of the document at that version.
    pub(crate) before: Value,
    /// The device's document with its edits.
    pub(crate) document: Value,
    /// Whether the request says that the base has expired.
    pub(crate) base_expired: bool,
    /// The effective times of its edits, in milliseconds.
    pub(crate) times: BTreeSet<i64>,
    /// The sync's id; `None` for v1.
    pub(crate) sync_id: Option<String>,
    /// Whether it has edits or creates the portfolio.
    pub(crate) has_effect: bool,
    /// Whether the app may name a base that it does not have.
    pub(crate) counts_blindly: bool,
}

/// A replacement of the head's document.
#[derive(Clone, Debug)]
pub(crate) struct Replacement {
    /// The new document.
    pub(crate) document: Value,
    /// The portfolio's new name, if it gets one; no other replacement gives the same.
    pub(crate) name: Option<String>,
    /// The version that it must be made on, if there is such a condition.
    pub(crate) expected: Option<Version>,
}

/// The purpose of a request.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    /// A v1 sync.
    SyncV1(Sent),
    /// A v2 sync.
    SyncV2(Sent),
    /// A v1 creation.
    Create(Sent),
    /// Replacement of the head's document.
    Replace(Replacement),
    /// Deletion of the portfolio.
    Delete,
    /// Restore of an earlier version.
    Restore(Version),
    /// Keep-mine of the conflict with this version and index.
    KeepMine(Version, u64),
    /// Compaction with this minimum age and number of versions.
    Compact(Duration, u64),
}

impl Asked {
    /// Returns the contents of the sync, if this is one.
    pub(crate) const fn sent(&self) -> Option<&Sent> {
        match self {
            Self::SyncV1(sent) | Self::SyncV2(sent) | Self::Create(sent) => Some(sent),
            _ => None,
        }
    }
}

/// A request, as it arrived at the server.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Its number in the run.
    pub(crate) number: u64,
    /// The device that sent it; `None` if the request comes from elsewhere.
    pub(crate) device: Option<DeviceId>,
    /// That device's own number for it; a repeated request has the same number.
    pub(crate) request: Option<u64>,
    /// Its purpose.
    pub(crate) asked: Asked,
    /// Time of its arrival by the server's clock.
    pub(crate) received: i64,
    /// Number of changes at its arrival.
    pub(crate) began_at: usize,
}
