//! The oracle. It records every edit and every change, and checks every result independently of the engine.

mod answer;
mod archive;
mod basis;
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
    /// The version that the device's document is based on; 0 if there is none.
    pub(crate) base: Version,
    /// The device's copy of the document at that version.
    pub(crate) before: Value,
    /// The device's document with its edits.
    pub(crate) document: Value,
    /// True if the request says that the base has expired.
    pub(crate) base_expired: bool,
    /// The effective times of a v2 sync's edits, in milliseconds.
    pub(crate) times: BTreeSet<i64>,
    /// How the request names its base.
    pub(crate) naming: Naming,
    /// The `last_sync_at` of a v1 sync, in milliseconds.
    pub(crate) said: Option<i64>,
    /// The `client_version` of a v1 sync.
    pub(crate) client_version: Version,
    /// The sync's id; `None` for v1.
    pub(crate) sync_id: Option<String>,
    /// True if the sync has edits or creates the portfolio.
    pub(crate) has_effect: bool,
}

impl Sent {
    /// Returns true if the app may name a base that it does not have.
    pub(crate) fn counts_blindly(&self) -> bool {
        self.naming == Naming::Blind
    }
}

/// How a request names the version that its document is based on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// By its number.
    Number,
    /// By its time, with or without its number.
    Time,
    /// By its time; its number is counted upwards from the version's.
    CountedTime,
    /// By its number, beside the time of the device's clock at the last answer.
    OwnClock,
    /// By a number that is counted upwards, and by nothing else. It may be another version's.
    Blind,
}

/// A replacement of the head's document.
#[derive(Clone, Debug)]
pub(crate) struct Replacement {
    /// The new document.
    pub(crate) document: Value,
    /// The portfolio's new name, if the replacement renames it. Each replacement uses a different name.
    pub(crate) name: Option<String>,
    /// The version that the replacement must be made on, if there is such a condition.
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
    /// Compaction with this minimum age and this minimum number of versions.
    Compact(Duration, u64),
}

impl Asked {
    /// Returns the contents of the sync, if the request is a sync or a creation.
    pub(crate) const fn sent(&self) -> Option<&Sent> {
        match self {
            Self::SyncV1(sent) | Self::SyncV2(sent) | Self::Create(sent) => Some(sent),
            _ => None,
        }
    }
}

/// A request that has arrived at the server.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// The request's number in the run.
    pub(crate) number: u64,
    /// The device that sent the request; `None` if no device did.
    pub(crate) device: Option<DeviceId>,
    /// The device's own number for the request. A repetition has the same number.
    pub(crate) request: Option<u64>,
    /// The purpose of the request.
    pub(crate) asked: Asked,
    /// The time when the request arrived, by the server's clock.
    pub(crate) received: i64,
    /// The number of changes when the request arrived.
    pub(crate) began_at: usize,
    /// The parent of the oldest change that the log had when the request arrived.
    pub(crate) retained_from: Version,
}
