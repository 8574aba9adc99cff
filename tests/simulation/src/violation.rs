//! The laws that every run must obey.

use std::fmt;

/// The laws. docs/SIMULATION.md describes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Law {
    /// The log is one chain. Each change follows the newest one, and an acknowledged change stays.
    Chain,
    /// Versions and times increase strictly.
    Growth,
    /// A value leaves the document only if the editing device had seen it or a conflict records it.
    NoLoss,
    /// After a sync, a value that it deleted is gone or in a conflict, and a value that others had deleted has not
    /// come back or is in a conflict.
    Deletion,
    /// A conflict has the values of both sides, the right author and the right time, and the rules decide it.
    TrueConflict,
    /// If a device applies its edits and then an answer's changes to its base, it gets the server's document at the
    /// answer's version.
    Rebase,
    /// An answer's version is not lower than the newest version at the time when the request arrived.
    Freshness,
    /// An answer reports every conflict since its base and no other conflict.
    ConflictsReported,
    /// A request has one effect, no matter how often it arrives. A refused request has none.
    OneEffect,
    /// A restore, a keep-mine and a replacement make the requested document, on top of the expected version if one
    /// was given. If a replacement asks for a new name, the same write renames the portfolio.
    Undo,
    /// A request is refused only for a valid reason.
    Refusal,
    /// Retention removes nothing that it must leave.
    Retention,
    /// A read of a retained version returns the document that was first served. A read of any other version is
    /// refused.
    Reconstruction,
    /// A sync-status agrees with the log.
    Status,
    /// The history lists the changes of the log.
    History,
    /// After all faults have ended, a few syncs of each device leave nothing to send.
    Quiet,
    /// After all faults have ended, every device has the server's document.
    Agreement,
    /// Nothing panics.
    NoPanic,
}

/// A broken law.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The law that was broken.
    pub law: Law,
    /// How it was broken.
    pub how: String,
}

impl Violation {
    /// Creates a violation of `law`.
    pub fn new(law: Law, how: impl Into<String>) -> Self {
        Self { law, how: how.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.law, self.how)
    }
}

/// Returns an error for a violation of `law` if `holds` is false.
pub(crate) fn check(holds: bool, law: Law, how: impl FnOnce() -> String) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(Violation::new(law, how())) }
}
