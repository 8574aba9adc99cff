//! The laws that every run must obey.

use std::fmt;

/// The laws, as described in docs/SIMULATION.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Law {
    /// The log is one chain: each change follows the newest one, and an acknowledged change stays.
    Chain,
    /// Versions and times increase strictly.
    Growth,
    /// A value leaves the document only if the editing device had seen it or a conflict records it.
    NoLoss,
    /// A value that a sync deleted is gone or in a conflict, and so is a value that others had deleted.
    Deletion,
    /// A conflict has the values of both sides and the right author and time, and is decided by the rules.
    TrueConflict,
    /// A device that applies an answer's changes to its document with its edits gets the server's document at the
    /// answer's version.
    Rebase,
    /// An answer's version is at least the newest version at the time of the request's arrival.
    Freshness,
    /// An answer reports every conflict since its base, and no other.
    ConflictsReported,
    /// A request has one effect, no matter how often it arrives; a refused request has none.
    OneEffect,
    /// A restore, a keep-mine and a replacement make the requested document, on top of the expected version if one
    /// was given. A replacement renames the portfolio with the same write, if it asks for that.
    Undo,
    /// A request is refused only for a valid reason.
    Refusal,
    /// Retention removes only what it may remove.
    Retention,
    /// Every retained version reads as it was served; every other one is refused.
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

/// Returns a violation of `law` unless `holds` is true.
pub(crate) fn check(holds: bool, law: Law, how: impl FnOnce() -> String) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(Violation::new(law, how())) }
}
