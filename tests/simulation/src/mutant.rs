//! Deliberate defects that the oracle must catch: between the engine and its store, or between the engine and its
//! clients.

use coinolio_core::algebra::{Op, Winner};
use coinolio_core::id::DeviceId;
use coinolio_core::json::{Object, Value};
use coinolio_core::log::{Change, Draft, SnapshotDraft};
use coinolio_core::time::Timestamp;
use std::fmt;
use std::str::FromStr;

/// A deliberate defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mutant {
    /// The store acknowledges a change that it did not store.
    DroppedAppend,
    /// The store stores a replacement without its new name.
    DroppedName,
    /// The store lets a second change replace the one on the same parent.
    ForkedLog,
    /// The store's reads omit the newest change.
    StaleReads,
    /// The store forgets which sync made a change, so a repeated sync counts as new.
    ForgottenSyncIds,
    /// The store's own retry finds the change already written and mistakes it for another device's.
    MistakenRetry,
    /// Edits are dated a day after their effective time.
    TrustedClocks,
    /// `last_sync_at` is the time of arrival, even if the previous change has a later one.
    UnorderedTimes,
    /// Changes are stored without their deletions.
    DroppedDeletions,
    /// Changes are stored without their conflicts.
    SilentMerge,
    /// Conflicts are recorded with winner and loser swapped.
    SwappedWinner,
    /// Device ranks are ignored.
    IgnoredRanks,
    /// Answers omit their last operation.
    TruncatedAnswer,
    /// Answers omit their conflicts.
    UnreportedConflicts,
    /// The engine ignores `base_lost` in requests.
    IgnoredBaseExpiry,
    /// A v1 answer names the version after its own as the base.
    NewerEcho,
    /// The engine determines a v1 base from `client_version` alone.
    GuessedBase,
    /// Snapshots omit a member of the document.
    WrongSnapshot,
    /// Snapshots are stored one version too low.
    MisplacedSnapshot,
    /// Retention removes the snapshot that it relies on.
    UncoveredRetention,
    /// Retention checks only the number of versions, not the age.
    HastyRetention,
}

impl Mutant {
    /// All defects.
    pub const ALL: [Self; 21] = [
        Self::DroppedAppend,
        Self::DroppedName,
        Self::ForkedLog,
        Self::StaleReads,
        Self::ForgottenSyncIds,
        Self::MistakenRetry,
        Self::TrustedClocks,
        Self::UnorderedTimes,
        Self::DroppedDeletions,
        Self::SilentMerge,
        Self::SwappedWinner,
        Self::IgnoredRanks,
        Self::TruncatedAnswer,
        Self::UnreportedConflicts,
        Self::IgnoredBaseExpiry,
        Self::NewerEcho,
        Self::GuessedBase,
        Self::WrongSnapshot,
        Self::MisplacedSnapshot,
        Self::UncoveredRetention,
        Self::HastyRetention,
    ];

    /// Changes a draft before it is appended, if this is the defect.
    pub(crate) fn append(self, draft: &mut Draft, received: Timestamp) {
        let patch = &mut draft.patch;
        match self {
            Self::TrustedClocks => {
                for edit in &mut patch.edits {
                    edit.at = Timestamp::from_millis(edit.at.millis() + 86_400_000);
                }
            }
            Self::UnorderedTimes => draft.last_sync_at = received,
            Self::DroppedDeletions => patch.edits.retain(|edit| !matches!(edit.op, Op::Delete { .. })),
            Self::SilentMerge => patch.conflicts.clear(),
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

    /// Changes the result of a read, newest first, if this is the defect.
    pub(crate) fn read(self, changes: &mut Vec<Change>) {
        match self {
            Self::StaleReads if changes.len() > 1 => drop(changes.remove(0)),
            Self::ForgottenSyncIds => changes.iter_mut().for_each(|change| change.sync_id = None),
            _ => {}
        }
    }

    /// Changes the stored change that a failed condition returns, if this is the defect.
    pub(crate) fn occupied(self, change: &mut Change) {
        if self == Self::MistakenRetry {
            change.sync_id = None;
            change.fingerprint = None;
            change.device_id = DeviceId::parse("nobody").ok();
        }
    }

    /// Changes a snapshot before it is stored, if this is the defect.
    pub(crate) fn snapshot(self, snapshot: &mut SnapshotDraft) {
        match (self, &mut snapshot.document) {
            (Self::WrongSnapshot, Value::Object(members)) => drop(members.pop_last()),
            (Self::MisplacedSnapshot, _) => snapshot.version -= 1,
            _ => {}
        }
    }

    /// Changes a request's body before the engine reads it, if this is the defect.
    pub(crate) fn request(self, body: &mut Value) {
        let Value::Object(members) = body else {
            return;
        };
        match self {
            Self::IgnoredBaseExpiry => drop(members.remove("base_lost")),
            Self::GuessedBase => {
                members.remove("last_sync_at");
                if let Some(Value::Object(data)) = members.get_mut("client_data") {
                    inside(data, "metadata", |metadata| drop(metadata.remove("base")));
                }
            }
            _ => {}
        }
    }

    /// Changes an answer before the client reads it, if this is the defect.
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
            Self::UnreportedConflicts => {
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
        found.ok_or_else(|| format!("expected one of {}", all.join(", ")))
    }
}
