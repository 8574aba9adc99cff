//! Reads that fail because retention has removed something.
//!
//! Before retention removes anything, it writes to the directory entry which versions expire. A reader looks there only
//! after a read has failed, so successful reads do not pay for it.

use super::Portfolio;
use crate::log::{Change, Patch, Version};
use crate::store::{Store, StoreError};

impl<S: Store> Portfolio<'_, S> {
    /// Returns the patch of `change`, as [`crate::store::ChangeLog::patch`].
    ///
    /// # Errors
    /// Those of the store; expired, for the change's parent, if retention has removed the patch or is removing it.
    pub(crate) async fn patch_of(self, change: &Change) -> Result<Patch, StoreError> {
        match self.store.patch(self.key, change).await {
            // A version can outlive the change that made it (in a snapshot), so the parent's version decides whether
            // the patch has expired.
            Err(error) => Err(self.explain(change.parent, error).await),
            read => read,
        }
    }

    /// Explains `error`, which occurred while the changes that make `version` were read: returns that the version has
    /// expired if the directory entry says so, and otherwise `error` itself.
    pub(super) async fn explain(self, version: Version, error: StoreError) -> StoreError {
        if !matches!(error, StoreError::Corrupt { .. }) {
            return error;
        }
        match self.store.entry(self.key).await {
            Ok(Some(entry)) if version < entry.retained_from => StoreError::Expired {
                version,
                retained_from: entry.retained_from,
            },
            Ok(_) => error,
            Err(unread) => unread,
        }
    }
}
