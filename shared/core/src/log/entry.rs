//! A portfolio in its user's directory.

use super::{SnapshotMark, Version};
use crate::id::{PortfolioId, UserId};
use crate::time::Timestamp;

/// Names one portfolio of one user.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PortfolioKey {
    /// The user, from the authorizer's claims.
    pub user: UserId,
    /// The portfolio, unique among the user's.
    pub portfolio: PortfolioId,
}

/// A directory entry: a portfolio in its user's directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The portfolio.
    pub portfolio: PortfolioId,
    /// Its name.
    pub name: String,
    /// When it was created.
    pub created: Timestamp,
    /// The mark of the newest snapshot that the entry knows; the store may have a newer one.
    pub snapshot: Option<SnapshotMark>,
    /// The version at which the remaining log begins, the oldest that can be read. Retention has removed the changes
    /// that made it and the versions before it, or is removing them. 0 if it has never removed any.
    pub retained_from: Version,
}

impl Entry {
    /// Returns the entry of a portfolio that is being created at `created`.
    pub const fn new(portfolio: PortfolioId, name: String, created: Timestamp) -> Self {
        Self {
            portfolio,
            name,
            created,
            snapshot: None,
            retained_from: 0,
        }
    }
}
