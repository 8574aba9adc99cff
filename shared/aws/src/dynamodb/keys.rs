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
            to: format!("{CHANGE_PREFIX}{}", "9".repeat(20)),
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

impl SortRange {
    /// The chunks of all snapshots of `version` and before.
    pub(super) fn snapshots_to(version: Version) -> Self {
        Self {
            from: SNAPSHOT_PREFIX.to_owned(),
            to: format!("{}~", snapshot_prefix(version)),
        }
    }

    /// The chunks of a payload below the one of `index`.
    pub(super) fn chunks_before(prefix: &str, index: usize) -> Self {
        Self {
            from: chunk_sort(prefix, 0),
            to: chunk_sort(prefix, index.saturating_sub(1)),
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

/// The portfolio whose log is in a partition; `None` where it is another's.
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

/// What the sort keys of all changes begin with.
const CHANGE_PREFIX: &str = "CHANGE#";

/// The sort key of the one change made on top of `parent`.
pub(super) fn change_sort(parent: Version) -> String {
    format!("{CHANGE_PREFIX}{parent:020}")
}

/// True for a change's sort key.
pub(super) fn is_change(sk: &str) -> bool {
    sk.starts_with(CHANGE_PREFIX)
}

/// What the sort keys of all snapshots' chunks begin with.
const SNAPSHOT_PREFIX: &str = "SNAPSHOT#";

/// What the sort keys of a snapshot's chunks begin with.
pub(super) fn snapshot_prefix(version: Version) -> String {
    format!("{SNAPSHOT_PREFIX}{version:020}#")
}

/// The version and the number of the chunk that has the sort key `sk` among those of snapshots.
pub(super) fn snapshot_chunk(sk: &str) -> Option<(Version, usize)> {
    let (version, index) = sk.strip_prefix(SNAPSHOT_PREFIX)?.split_once('#')?;
    let (version, index) = (version.parse().ok()?, index.parse().ok()?);
    (chunk_sort(&snapshot_prefix(version), index) == sk).then_some((version, index))
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
