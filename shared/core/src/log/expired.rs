//! What cannot be read because retention removes it at this time, or stopped half-way.
//!
//! The directory entry says where what is kept begins before anything goes. It is asked only after a read has failed,
//! so that no other read pays for it.

use super::{Change, ChangeLog, LogError, Patch, PortfolioKey, Version};

/// The patch of `change`, as [`ChangeLog::patch`].
///
/// # Errors
/// As the log's; expired, for the change's parent, where retention has removed it or is doing so.
pub(crate) async fn patch_of<L: ChangeLog>(log: &L, key: &PortfolioKey, change: &Change) -> Result<Patch, LogError> {
    match log.patch(key, change).await {
        // What a change made is kept longer than the change: it is the parent that nobody gets any further from.
        Err(error) => Err(explained(log, key, change.parent, error).await),
        read => read,
    }
}

/// `error`, which a read of what `version` was made from gave, or that this is no longer kept.
pub(super) async fn explained<L: ChangeLog>(
    log: &L,
    key: &PortfolioKey,
    version: Version,
    error: LogError,
) -> LogError {
    if !matches!(error, LogError::Corrupt { .. }) {
        return error;
    }
    match log.entry(key).await {
        Ok(Some(entry)) if version < entry.kept_from => LogError::Expired {
            version,
            kept_from: entry.kept_from,
        },
        Ok(_) => error,
        Err(unread) => unread,
    }
}
