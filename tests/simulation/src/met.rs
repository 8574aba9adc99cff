//! Counters of the situations that runs cover. If nothing ever collided or failed, every engine would pass.

use std::fmt;

/// A situation that a run can cover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Met {
    /// A version was made.
    Version,
    /// A conflict was recorded.
    Conflict,
    /// Retention removed a version.
    Removal,
    /// A snapshot was written.
    Snapshot,
    /// An append was beaten: another request had appended to the same parent first.
    BeatenAppend,
    /// A repeated sync was answered from the change that its first arrival had made.
    RepeatedSync,
    /// A v2 sync made a version although its base had expired.
    ExpiredBaseV2,
    /// A v1 sync was answered although its base had expired.
    ExpiredBaseV1,
    /// The network dropped a request.
    DroppedRequest,
    /// The network dropped an answer.
    DroppedAnswer,
    /// The network delivered a request twice.
    DuplicateRequest,
    /// A message took more than ten seconds.
    Delay,
    /// A function was killed.
    Kill,
    /// The store refused a request, or the request never reached it.
    StoreFailure,
    /// A write succeeded, but the store's answer did not arrive.
    UnacknowledgedWrite,
    /// The store's client sent a write twice.
    RetriedWrite,
    /// A write took effect after its client had given it up.
    LateWrite,
    /// The portfolio was deleted.
    Deletion,
    /// A version was restored.
    Restore,
    /// The document of the head was replaced.
    Replacement,
    /// A replacement renamed the portfolio.
    Rename,
    /// A losing value was brought back (keep-mine).
    KeptMine,
}

impl fmt::Display for Met {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Version => "versions",
            Self::Conflict => "conflicts",
            Self::Removal => "versions removed",
            Self::Snapshot => "snapshots",
            Self::BeatenAppend => "beaten appends",
            Self::RepeatedSync => "repeated syncs",
            Self::ExpiredBaseV2 => "v2 syncs with an expired base",
            Self::ExpiredBaseV1 => "v1 syncs with an expired base",
            Self::DroppedRequest => "requests dropped",
            Self::DroppedAnswer => "answers dropped",
            Self::DuplicateRequest => "requests duplicated",
            Self::Delay => "messages over 10 s",
            Self::Kill => "functions killed",
            Self::StoreFailure => "store failures",
            Self::UnacknowledgedWrite => "unacknowledged writes",
            Self::RetriedWrite => "writes sent twice",
            Self::LateWrite => "late writes",
            Self::Deletion => "deletions",
            Self::Restore => "restores",
            Self::Replacement => "replacements",
            Self::Rename => "renames",
            Self::KeptMine => "keep-mines",
        })
    }
}
