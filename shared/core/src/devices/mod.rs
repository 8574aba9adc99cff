//! A user's registered devices: their names, their ranks in conflicts, their last syncs, and the versions that they
//! have acknowledged.
//!
//! The first sync of a device registers it. Not every later sync costs a write: a [`Sighting`] is stored only if the
//! stored registration is at least [`RECENT_MILLIS`] old.
//!
//! ```
//! use coinolio_core::devices::Sighting;
//! use coinolio_core::id::{DeviceId, PortfolioId, UserId};
//! use coinolio_core::store::{Devices, MemoryStore};
//! use coinolio_core::time::Timestamp;
//!
//! let store = MemoryStore::new();
//! let (user, phone) = (UserId::parse("ada")?, DeviceId::parse("phone")?);
//! let sighting = |at, version| -> Result<Sighting, coinolio_core::Error> {
//!     Ok(Sighting { at: Timestamp::parse(at)?, acknowledged: vec![(PortfolioId::parse("main")?, version)] })
//! };
//!
//! // The first sync of the phone registers it.
//! let first = sighting("2026-01-31T12:00:00.000Z", 3)?;
//! assert_eq!(first.due(None).as_ref(), Some(&first));
//! assert!(pollster::block_on(store.record(&user, &phone, &first))?);
//!
//! // A minute later there is nothing to write, although the phone has a newer version.
//! let stored = pollster::block_on(store.device(&user, &phone))?;
//! assert_eq!(sighting("2026-01-31T12:01:00.000Z", 4)?.due(stored.as_ref()), None);
//!
//! // After 15 minutes there is.
//! let later = sighting("2026-01-31T12:15:00.000Z", 4)?;
//! assert_eq!(later.due(stored.as_ref()).as_ref(), Some(&later));
//! # Ok::<(), coinolio_core::Error>(())
//! ```

mod sighting;

pub use sighting::{RECENT_MILLIS, Sighting, is_recent};

use crate::id::{DeviceId, PortfolioId};
use crate::log::Version;
use crate::time::Timestamp;
use std::collections::BTreeMap;

/// The highest rank that a device may have; docs/MERGE.md says how ranks decide conflicts.
pub const MAX_RANK: u8 = 100;

/// The part of a registration that the client sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// The name that the user gave the device.
    pub name: Option<String>,
    /// The platform that it runs on, such as `ios`.
    pub platform: Option<String>,
    /// Its rank in conflicts, 0 to [`MAX_RANK`].
    pub rank: Option<u8>,
    /// The version of the app on it.
    pub app_version: Option<String>,
}

/// A version of a portfolio that a device has shown to have, by using it as the base of a sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledged {
    /// The version.
    pub version: Version,
    /// When this was recorded.
    pub at: Timestamp,
}

/// A registered device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its id, unique among its user's devices.
    pub id: DeviceId,
    /// The part of its registration that the client sets.
    pub profile: Profile,
    /// When it was registered.
    pub created: Timestamp,
    /// The time of its newest recorded sync; `None` before its first sync.
    pub last_seen: Option<Timestamp>,
    /// The newest recorded version of each portfolio that it has shown to have.
    pub acknowledged: BTreeMap<PortfolioId, Acknowledged>,
}

impl Device {
    /// Returns a device that was registered at `created` and of which nothing else is known.
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
