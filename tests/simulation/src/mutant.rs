//! Defects on purpose, which the oracle must catch: between the engine and its store, or between it and its clients.

use coinolio_core::algebra::{Op, Winner};
use coinolio_core::id::DeviceId;
use coinolio_core::json::{Object, Value};
use coinolio_core::log::{Change, NewChange, Snapshot};
use coinolio_core::time::Timestamp;
use std::fmt;
use std::str::FromStr;

/// A defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mutant {
    /// The store acknowledges a change that it has not kept.
    LostAppend,
    /// The store lets a second change take a parent's place.
    ForkedLog,
    /// The store's reads lack the newest change.
    StaleReads,
    /// The store forgets which sync made a change, so that a repetition counts as new.
    ForgottenSyncIds,
    /// The store's own retry finds its change there and takes it for another's.
    MistakenRetry,
    /// Times are taken from clocks that are ahead.
    TrustedClocks,
    /// `last_sync_at` is the time of arrival, whatever came before.
    PlainTimes,
    /// A change loses its deletions.
    LostDeletions,
    /// A merge tells nobody of its conflicts.
    SilentMerge,
    /// A conflict is recorded the wrong way round.
    SwappedWinner,
    /// Ranks are ignored.
    IgnoredRanks,
    /// An answer lacks its last operation.
    TruncatedAnswer,
    /// An answer tells no conflicts.
    UntoldConflicts,
    /// `base_lost` is not read.
    IgnoredBaseLost,
    /// A v1 answer names a version after its own as the base.
    NewerEcho,
    /// A v1 base is guessed from `client_version` alone.
    GuessedBase,
    /// Snapshots lack a member.
    WrongSnapshot,
    /// Snapshots are kept under the version before.
    MisplacedSnapshot,
    /// Retention takes the snapshot that it relied on.
    UncoveredRetention,
    /// Retention asks only for versions, never for age.
    HastyRetention,
}

impl Mutant {
    /// All of them.
    pub const ALL: [Self; 20] = [
        Self::LostAppend,
        Self::ForkedLog,
        Self::StaleReads,
        Self::ForgottenSyncIds,
        Self::MistakenRetry,
        Self::TrustedClocks,
        Self::PlainTimes,
        Self::LostDeletions,
        Self::SilentMerge,
        Self::SwappedWinner,
        Self::IgnoredRanks,
        Self::TruncatedAnswer,
        Self::UntoldConflicts,
        Self::IgnoredBaseLost,
        Self::NewerEcho,
        Self::GuessedBase,
        Self::WrongSnapshot,
        Self::MisplacedSnapshot,
        Self::UncoveredRetention,
        Self::HastyRetention,
    ];

    /// What the engine appends, with the defect.
    pub(crate) fn append(self, new: &mut NewChange, received: Timestamp) {
        let NewChange { change, patch } = new;
        match self {
            Self::TrustedClocks => {
                for edit in &mut patch.edits {
                    edit.at = Timestamp::from_millis(edit.at.millis() + 86_400_000);
                }
            }
            Self::PlainTimes => change.last_sync_at = received,
            Self::LostDeletions => patch.edits.retain(|edit| !matches!(edit.op, Op::Delete { .. })),
            Self::SilentMerge => {
                patch.conflicts.clear();
                change.conflicts = 0;
            }
            Self::SwappedWinner => {
                for conflict in &mut patch.conflicts {
                    conflict.winner = match conflict.winner {
                        Winner::Client => Winner::Server,
                        Winner::Server => Winner::Client,
                    };
                }
            }
            _ => {}
        }
    }

    /// What the store reads, newest first, with the defect.
    pub(crate) fn read(self, changes: &mut Vec<Change>) {
        match self {
            Self::StaleReads if changes.len() > 1 => drop(changes.remove(0)),
            Self::ForgottenSyncIds => changes.iter_mut().for_each(|change| change.sync_id = None),
            _ => {}
        }
    }

    /// The change that a failed condition shows, with the defect.
    pub(crate) fn taken(self, change: &mut Change) {
        if self == Self::MistakenRetry {
            change.sync_id = None;
            change.fingerprint = None;
            change.device_id = DeviceId::parse("nobody").ok();
        }
    }

    /// A snapshot as it is kept, with the defect.
    pub(crate) fn snapshot(self, snapshot: &mut Snapshot) {
        match (self, &mut snapshot.document) {
            (Self::WrongSnapshot, Value::Object(members)) => drop(members.pop_last()),
            (Self::MisplacedSnapshot, _) => snapshot.mark.version -= 1,
            _ => {}
        }
    }

    /// A request's body as the engine reads it, with the defect.
    pub(crate) fn request(self, body: &mut Value) {
        let Value::Object(members) = body else {
            return;
        };
        match self {
            Self::IgnoredBaseLost => drop(members.remove("base_lost")),
            Self::GuessedBase => {
                members.remove("last_sync_at");
                if let Some(Value::Object(data)) = members.get_mut("client_data") {
                    inside(data, "metadata", |metadata| drop(metadata.remove("base")));
                }
            }
            _ => {}
        }
    }

    /// An answer as the client gets it, with the defect.
    pub(crate) fn answer(self, answer: &mut Value) {
        let Value::Object(members) = answer else {
            return;
        };
        match self {
            Self::TruncatedAnswer => {
                if let Some(Value::List(changes)) = members.get_mut("changes") {
                    changes.pop();
                }
            }
            Self::UntoldConflicts => {
                if let Some(Value::List(conflicts)) = members.get_mut("conflicts") {
                    conflicts.clear();
                }
            }
            Self::NewerEcho => inside(members, "data", |data| {
                inside(data, "metadata", |metadata| {
                    if let Some(Value::Number(base)) = metadata.get("base") {
                        let newer = base.to_i64().unwrap_or_default() + 1;
                        metadata.insert("base".into(), Value::from(newer));
                    }
                });
            }),
            _ => {}
        }
    }
}

fn inside(members: &mut Object, name: &str, act: impl FnOnce(&mut Object)) {
    if let Some(Value::Object(inner)) = members.get_mut(name) {
        act(inner);
    }
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl FromStr for Mutant {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let all = Self::ALL.map(|mutant| mutant.to_string());
        let found = Self::ALL.into_iter().find(|mutant| mutant.to_string() == name);
        found.ok_or_else(|| format!("it is one of {}", all.join(", ")))
    }
}
