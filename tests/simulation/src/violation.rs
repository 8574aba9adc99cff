//! What a run must hold.

use std::fmt;

/// The laws that a run is held to (docs/SIMULATION.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Law {
    /// The log is one chain: each change stands on the newest, and what was acknowledged stays.
    Chain,
    /// Versions and times grow strictly.
    Growth,
    /// No edit leaves the document without a later edit that had seen it or a conflict that holds it.
    NoLoss,
    /// What a sync deleted is gone, or in a conflict.
    Deletion,
    /// A conflict tells what both sides held, names its author and time, and is decided by the rules.
    TrueConflict,
    /// A device with its edits and the answer's changes holds the server's document of the answer's version.
    Rebase,
    /// An answer is of a version not older than the newest when the request came.
    Freshness,
    /// An answer tells every conflict since its base, and no other.
    ConflictsTold,
    /// A request has one effect, however often it comes; a refused one has none.
    OneEffect,
    /// A restore, a keep-mine and a replacement make the document that they were asked for, of the version that they
    /// were asked for.
    Undo,
    /// A request is refused for a reason that holds.
    Refusal,
    /// Nothing goes that retention keeps.
    Retention,
    /// Every version that is kept reads as it was served, every other is refused.
    Reconstruction,
    /// A sync-status tells what the log holds.
    Status,
    /// The history shows the log.
    History,
    /// Once all is quiet, a few syncs of each device leave nothing to send.
    Quiet,
    /// Once all is quiet, all devices hold the server's document.
    Agreement,
    /// Nothing panics.
    NoPanic,
}

/// A law that a run broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The law.
    pub law: Law,
    /// How.
    pub how: String,
}

impl Violation {
    /// A violation of `law`.
    pub fn new(law: Law, how: impl Into<String>) -> Self {
        Self { law, how: how.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.law, self.how)
    }
}

/// Breaks `law` unless `holds`.
pub(crate) fn check(holds: bool, law: Law, how: impl FnOnce() -> String) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(Violation::new(law, how())) }
}
