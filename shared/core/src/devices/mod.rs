//! The devices of a user: what they are called, which of them counts in a conflict, when they last synced, and what they
//! have shown to hold.
//!
//! A device is registered by its first sync. So that no sync costs a write for it, a sighting is kept only where the one
//! kept is older than [`RECENT_MILLIS`].

mod memory;
mod port;
mod sighting;

pub(crate) use memory::Kept;
pub use port::{Described, Devices, RankSource};
pub use sighting::{RECENT_MILLIS, Sighting, is_recent};

use crate::id::{DeviceId, PortfolioId};
use crate::log::Version;
use crate::time::Timestamp;
use std::collections::BTreeMap;

/// The highest rank that a device may have (design section 4).
pub const MAX_RANK: u8 = 100;

/// What the user says of a device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// What the user calls it.
    pub name: Option<String>,
    /// What it runs on.
    pub platform: Option<String>,
    /// Its rank in conflicts, 0 to [`MAX_RANK`].
    pub rank: Option<u8>,
    /// The version of the app on it.
    pub app_version: Option<String>,
}

/// A version of a portfolio that a device has shown to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledged {
    /// The version.
    pub version: Version,
    /// When it was kept.
    pub at: Timestamp,
}

/// A registered device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its id, unique among the user's.
    pub id: DeviceId,
    /// What the user says of it.
    pub profile: Profile,
    /// When it was registered.
    pub created: Timestamp,
    /// When it synced, as far as that was kept; `None` before its first sync.
    pub last_seen: Option<Timestamp>,
    /// The newest version of each portfolio that it has shown to hold, as far as that was kept.
    pub acknowledged: BTreeMap<PortfolioId, Acknowledged>,
}

impl Device {
    /// A device of which nothing is known yet.
    pub const fn new(id: DeviceId, created: Timestamp) -> Self {
        Self {
            id,
            profile: Profile {
                name: None,
                platform: None,
                rank: None,
                app_version: None,
            },
            created,
            last_seen: None,
            acknowledged: BTreeMap::new(),
        }
    }
}
