//! Reading a portfolio: the newest changes of its log, and the documents that they make.
//!
//! A request reads only as far back as it needs. A [`Window`] is that part of the log; a [`Replay`] has the
//! documents of the base and the head, and the author of each value that changed in between.

mod conflicts;
mod expired;
mod replay;
mod window;

pub use conflicts::{MAX_REPORTED_BYTES, MAX_REPORTED_CONFLICTS, ReportedConflicts};
pub use replay::Replay;
pub(crate) use window::Claim;
pub use window::Window;

use crate::log::{Entry, PortfolioKey};
use crate::store::{Store, StoreError};

/// One portfolio in a store.
#[derive(Debug)]
pub struct Portfolio<'a, S> {
    /// The store.
    pub store: &'a S,
    /// The portfolio's user and id.
    pub key: &'a PortfolioKey,
}

impl<'a, S> Portfolio<'a, S> {
    /// Returns the portfolio that `key` names in `store`, whether or not it exists.
    pub const fn new(store: &'a S, key: &'a PortfolioKey) -> Self {
        Self { store, key }
    }
}

impl<S> Clone for Portfolio<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Portfolio<'_, S> {}

impl<S: Store> Portfolio<'_, S> {
    /// Reads the portfolio's name: one request.
    pub(crate) async fn name(self) -> Result<String, StoreError> {
        let entry = self.store.entry(self.key).await?;
        Ok(self.name_of(entry.as_ref()))
    }

    /// Returns the name in `entry`, the portfolio's directory entry; the portfolio's id if there is no entry.
    pub(crate) fn name_of(self, entry: Option<&Entry>) -> String {
        entry.map_or_else(|| self.key.portfolio.to_string(), |entry| entry.name.clone())
    }
}
