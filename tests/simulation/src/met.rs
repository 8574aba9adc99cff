//! What runs meet: a simulation in which nothing collides and nothing fails would hold whatever the engine does.

use std::fmt;

/// Something that a run met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Met {
    /// A version that was made.
    Version,
    /// A conflict that was recorded.
    Conflict,
    /// A version that retention removed.
    Removal,
    /// A snapshot that was written.
    Snapshot,
    /// A race for the head that was lost to another request.
    LostRace,
    /// A sync that was answered from what an earlier sending had made.
    Repetition,
    /// A v2 sync that made a version without its base.
    LostBase,
    /// A v1 sync whose base was no longer kept.
    ForgottenBase,
    /// A request that the network lost.
    LostRequest,
    /// An answer that the network lost.
    LostAnswer,
    /// A request that came twice.
    Double,
    /// A message that took more than ten seconds.
    Delay,
    /// A function that was killed.
    Kill,
    /// A request to the store that was refused or did not get there.
    StoreFailure,
    /// A write whose answer the store lost.
    HiddenWrite,
    /// A write that was done twice by the store's own client.
    RetriedWrite,
    /// A write that landed after its client had given it up.
    LateWrite,
    /// A portfolio that was deleted.
    Deletion,
    /// A version that was restored.
    Restore,
    /// A document that was put in the head's place.
    Replacement,
    /// What lost in a conflict and was brought back.
    KeptMine,
}

impl fmt::Display for Met {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Version => "versions",
            Self::Conflict => "conflicts",
            Self::Removal => "versions removed",
            Self::Snapshot => "snapshots",
            Self::LostRace => "races lost",
            Self::Repetition => "repetitions",
            Self::LostBase => "v2 syncs without their base",
            Self::ForgottenBase => "v1 syncs without their base",
            Self::LostRequest => "requests lost",
            Self::LostAnswer => "answers lost",
            Self::Double => "requests doubled",
            Self::Delay => "messages over 10 s",
            Self::Kill => "functions killed",
            Self::StoreFailure => "store failures",
            Self::HiddenWrite => "writes unheard of",
            Self::RetriedWrite => "writes sent twice",
            Self::LateWrite => "late writes",
            Self::Deletion => "deletions",
            Self::Restore => "restores",
            Self::Replacement => "replacements",
            Self::KeptMine => "kept mine",
        })
    }
}
