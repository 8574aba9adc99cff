//! The table's key scheme. This module builds all keys.

use coinolio_core::id::{DeviceId, PortfolioId, UserId};
use coinolio_core::log::{PortfolioKey, Version};

/// A range of sort keys within a partition, both ends included.
#[derive(Clone, Debug)]
pub(super) struct SortRange {
    pub(super) from: String,
    pub(super) to: String,
}

impl SortRange {
    /// Returns the range of all sort keys that consist of `prefix` and an id or a chunk's number. `~` sorts after
    /// every character that these can contain.
    pub(super) fn below(prefix: &str) -> Self {
        Self {
            from: prefix.to_owned(),
            to: format!("{prefix}~"),
        }
    }

    /// Returns the range of the changes whose parent is `first` or later.
    pub(super) fn changes_since(first: Version) -> Self {
        // A version has at most twenty digits. Padded with zeros, the keys sort as the numbers do.
        Self {
            from: change_sort(first),
            to: format!("{CHANGE_PREFIX}{}", "9".repeat(20)),
        }
    }

    /// Returns the range of the changes whose parent is between `first` and `last`, both included.
    pub(super) fn changes(first: Version, last: Version) -> Self {
        Self {
            from: change_sort(first),
            to: change_sort(last),
        }
    }

    /// Returns the range of the chunks of all snapshots at `version` or earlier.
    pub(super) fn snapshots_to(version: Version) -> Self {
        Self {
            from: SNAPSHOT_PREFIX.to_owned(),
            to: format!("{}~", snapshot_prefix(version)),
        }
    }

    /// Returns the range of the chunks of a payload that come before the chunk at `index`.
    pub(super) fn chunks_before(prefix: &str, index: usize) -> Self {
        Self {
            from: chunk_sort(prefix, 0),
            to: chunk_sort(prefix, index.saturating_sub(1)),
        }
    }
}

/// Returns the partition key of a user's directory and devices.
pub(super) fn user_partition(user: &UserId) -> String {
    format!("USER#{user}")
}

/// Returns the partition key of a portfolio's log.
pub(super) fn portfolio_partition(key: &PortfolioKey) -> String {
    format!("USER#{}#PORTFOLIO#{}", key.user, key.portfolio)
}

/// The prefix of the sort keys of directory entries.
pub(super) const ENTRY_PREFIX: &str = "PORTFOLIO#";

/// Returns the sort key of a directory entry.
pub(super) fn entry_sort(portfolio: &PortfolioId) -> String {
    format!("{ENTRY_PREFIX}{portfolio}")
}

/// Returns the portfolio whose log is in a partition, or `None` if the partition has no log.
pub(super) fn portfolio_of(partition: &str) -> Option<PortfolioKey> {
    let mut parts = partition.split('#');
    let parts = [parts.next()?, parts.next()?, parts.next()?, parts.next()?];
    let ["USER", user, "PORTFOLIO", portfolio] = parts else {
        return None;
    };
    let key = PortfolioKey {
        user: UserId::parse(user).ok()?,
        portfolio: PortfolioId::parse(portfolio).ok()?,
    };
    (portfolio_partition(&key) == partition).then_some(key)
}

/// The prefix of the sort keys of changes.
const CHANGE_PREFIX: &str = "CHANGE#";

/// Returns the sort key of the only change that can have this parent.
pub(super) fn change_sort(parent: Version) -> String {
    format!("{CHANGE_PREFIX}{parent:020}")
}

/// Returns true if `sk` is the sort key of a change.
pub(super) fn is_change(sk: &str) -> bool {
    sk.starts_with(CHANGE_PREFIX)
}

/// The prefix of the sort keys of all snapshot chunks.
const SNAPSHOT_PREFIX: &str = "SNAPSHOT#";

/// Returns the prefix of the sort keys of one snapshot's chunks.
pub(super) fn snapshot_prefix(version: Version) -> String {
    format!("{SNAPSHOT_PREFIX}{version:020}#")
}

/// Returns the snapshot's version and the chunk's index if `sk` is the sort key of a snapshot's chunk.
pub(super) fn snapshot_chunk(sk: &str) -> Option<(Version, usize)> {
    let (version, index) = sk.strip_prefix(SNAPSHOT_PREFIX)?.split_once('#')?;
    let (version, index) = (version.parse().ok()?, index.parse().ok()?);
    (chunk_sort(&snapshot_prefix(version), index) == sk).then_some((version, index))
}

/// Returns the prefix of the sort keys of a large patch's chunks.
pub(super) fn patch_prefix(change_id: &str) -> String {
    format!("PATCH#{change_id}#")
}

/// Returns the sort key of a chunk.
pub(super) fn chunk_sort(prefix: &str, index: usize) -> String {
    format!("{prefix}{index:04}")
}

/// The prefix of the sort keys of devices.
pub(super) const DEVICE_PREFIX: &str = "DEVICE#";

/// Returns the sort key of a device.
pub(super) fn device_sort(device: &DeviceId) -> String {
    format!("{DEVICE_PREFIX}{device}")
}
