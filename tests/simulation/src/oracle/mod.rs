//! What must come of the requests: a book of every edit and every change, written apart from the engine.

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

/// What a device sent with a sync.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    /// The version that its document was made from; 0 without one.
    pub(crate) base: Version,
    /// The document of that version, as the device has it.
    pub(crate) before: Value,
    /// Its document with its edits.
    pub(crate) document: Value,
    /// True where the request says that the base is lost.
    pub(crate) base_lost: bool,
    /// The effective times of its edits, in milliseconds.
    pub(crate) times: BTreeSet<i64>,
    /// The id of the sync: v2 only.
    pub(crate) sync_id: Option<String>,
    /// True where it has edits, or creates the portfolio.
    pub(crate) has_effect: bool,
    /// True where the app may name a base that is not its own.
    pub(crate) counts_blindly: bool,
}

/// What a request asks for.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    /// A sync of protocol v1.
    SyncV1(Sent),
    /// A sync of protocol v2.
    SyncV2(Sent),
    /// A creation by protocol v1.
    Create(Sent),
    /// This document in the head's place, which must be of that version where one is expected.
    Replace(Value, Option<Version>),
    /// The portfolio's deletion.
    Delete,
    /// An earlier version.
    Restore(Version),
    /// What lost in a conflict.
    KeepMine(Version, u64),
    /// Compaction, by what must stay.
    Compact(Duration, u64),
}

impl Asked {
    /// What the device sent, where it did.
    pub(crate) const fn sent(&self) -> Option<&Sent> {
        match self {
            Self::SyncV1(sent) | Self::SyncV2(sent) | Self::Create(sent) => Some(sent),
            _ => None,
        }
    }
}

/// A request at the server.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Its number in the run.
    pub(crate) number: u64,
    /// The device that sent it, where one did.
    pub(crate) device: Option<DeviceId>,
    /// That device's own number for it: a repetition has the same.
    pub(crate) request: Option<u64>,
    /// What it asks for.
    pub(crate) asked: Asked,
    /// When it came, by the server's clock.
    pub(crate) received: i64,
    /// How many changes there were then.
    pub(crate) began_at: usize,
}
