//! The key scheme: the one place where keys are made.

use coinolio_core::id::{DeviceId, PortfolioId, UserId};
use coinolio_core::log::{PortfolioKey, Version};

/// A range of sort keys within a partition, both ends included.
#[derive(Clone, Debug)]
pub(super) struct SortRange {
    pub(super) from: String,
    pub(super) to: String,
}

impl SortRange {
    /// All sort keys that continue `prefix` with a portfolio id or a chunk's number: `~` sorts after all of
    /// their characters.
    pub(super) fn below(prefix: &str) -> Self {
        Self {
            from: prefix.to_owned(),
            to: format!("{prefix}~"),
        }
    }

    /// The changes whose parent is `first` or later.
    pub(super) fn changes_since(first: Version) -> Self {
        // Twenty digits hold any version, so that the text sorts as the number does.
        Self {
            from: change_sort(first),
            to: format!("CHANGE#{}", "9".repeat(20)),
        }
    }

    /// The changes whose parent is between `first` and `last`.
    pub(super) fn changes(first: Version, last: Version) -> Self {
        Self {
            from: change_sort(first),
            to: change_sort(last),
        }
    }
}

/// The partition of a user's directory.
pub(super) fn user_partition(user: &UserId) -> String {
    format!("USER#{user}")
}

/// The partition of a portfolio's log.
pub(super) fn portfolio_partition(key: &PortfolioKey) -> String {
    format!("USER#{}#PORTFOLIO#{}", key.user, key.portfolio)
}

/// What all directory entries' sort keys begin with.
pub(super) const ENTRY_PREFIX: &str = "PORTFOLIO#";

/// The sort key of a directory entry.
pub(super) fn entry_sort(portfolio: &PortfolioId) -> String {
    format!("{ENTRY_PREFIX}{portfolio}")
}

/// The sort key of the one change made on top of `parent`.
pub(super) fn change_sort(parent: Version) -> String {
    format!("CHANGE#{parent:020}")
}

/// What the sort keys of a snapshot's chunks begin with.
pub(super) fn snapshot_prefix(version: Version) -> String {
    format!("SNAPSHOT#{version:020}#")
}

/// What the sort keys of a big patch's chunks begin with.
pub(super) fn patch_prefix(change_id: &str) -> String {
    format!("PATCH#{change_id}#")
}

/// The sort key of a chunk.
pub(super) fn chunk_sort(prefix: &str, index: usize) -> String {
    format!("{prefix}{index:04}")
}

/// What all devices' sort keys begin with.
pub(super) const DEVICE_PREFIX: &str = "DEVICE#";

/// The sort key of a device.
pub(super) fn device_sort(device: &DeviceId) -> String {
    format!("{DEVICE_PREFIX}{device}")
}
