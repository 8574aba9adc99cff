//! Registers devices when they sync. Most syncs find their device freshly registered and cost nothing here.

use crate::dynamodb::DynamoStore;
use coinolio_core::devices::{Device, Sighting, is_recent};
use coinolio_core::id::{DeviceId, PortfolioId, UserId};
use coinolio_core::log::{PortfolioKey, Version};
use coinolio_core::store::{Devices, StoreError};
use coinolio_core::time::Timestamp;
use futures_util::future::join;
use lru::LruCache;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The maximum number of remembered pairs of a device and a portfolio. At about 200 bytes each, they need 1 MB. If
/// a pair has been forgotten, its next sync costs half a read unit.
const REMEMBERED: usize = 4096;

type Remembered = LruCache<(PortfolioKey, DeviceId), Timestamp>;

/// Remembers, per device and portfolio, when the stored registration was last known to be fresh. Clones share the
/// memory.
#[derive(Clone)]
pub struct Registrar(Arc<Mutex<Remembered>>);

/// The device that syncs, and when.
#[derive(Clone, Debug)]
pub struct Syncing<'r> {
    /// The device's user.
    pub user: &'r UserId,
    /// The device's id.
    pub device: &'r DeviceId,
    /// The time when the request arrived.
    pub received: Timestamp,
}

/// A synced portfolio, and the version that the device has according to its sync.
pub type Shown = (PortfolioId, Option<Version>);

impl Registrar {
    /// Runs `sync`, which syncs the device's `portfolios`. Then registers the device for the portfolios that
    /// `shown` returns, which are those whose syncs succeeded.
    ///
    /// If the stored registration may be out of date, the device is read concurrently with the sync. If it is out
    /// of date, the device is written after the sync, unless no portfolio was synced. An error of the registration
    /// is logged and does not fail the sync.
    pub async fn register_beside<T>(
        &self,
        store: &DynamoStore,
        syncing: Syncing<'_>,
        portfolios: &[PortfolioId],
        sync: impl Future<Output = T>,
        shown: impl FnOnce(&T) -> Vec<Shown>,
    ) -> T {
        if portfolios.iter().all(|portfolio| self.knows(&syncing, portfolio)) {
            return sync.await;
        }
        let (result, stored) = join(sync, store.device_eventually(syncing.user, syncing.device)).await;
        let mut shown = shown(&result);
        shown.retain(|(portfolio, _)| !self.knows(&syncing, portfolio));
        if !shown.is_empty() {
            let registered = match stored {
                Ok(stored) => self.register(store, &syncing, stored.as_ref(), &shown).await,
                Err(error) => Err(error),
            };
            if let Err(error) = registered {
                tracing::warn!(
                    error = coinolio_core::error::with_causes(&error),
                    "a device was not registered"
                );
            }
        }
        result
    }

    async fn register(
        &self,
        store: &DynamoStore,
        syncing: &Syncing<'_>,
        stored: Option<&Device>,
        shown: &[Shown],
    ) -> Result<(), StoreError> {
        let acknowledged = shown
            .iter()
            .filter_map(|(portfolio, version)| Some((portfolio.clone(), (*version)?)));
        let sighting = Sighting {
            at: syncing.received,
            acknowledged: acknowledged.collect(),
        };
        let written = match sighting.due(stored) {
            None => false,
            // A concurrent sync of this device stored a newer version. Remember nothing, so that the next sync
            // reads the device again.
            Some(due) if !store.record(syncing.user, syncing.device, &due).await? => return Ok(()),
            Some(_) => true,
        };
        for (portfolio, version) in shown {
            let since = match stored {
                Some(stored) if !written => sighting.kept_since(stored, portfolio, *version),
                _ => Some(syncing.received),
            };
            if let Some(since) = since {
                let mut remembered = self.remembered();
                remembered.put(syncing.key(portfolio), since);
                if remembered.len() > REMEMBERED {
                    remembered.pop_lru();
                }
            }
        }
        Ok(())
    }

    /// Returns true if the stored registration is known to be fresh for this device and portfolio.
    fn knows(&self, syncing: &Syncing<'_>, portfolio: &PortfolioId) -> bool {
        let since = self.remembered().get(&syncing.key(portfolio)).copied();
        since.is_some_and(|since| is_recent(since, syncing.received))
    }

    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Syncing<'_> {
    fn key(&self, portfolio: &PortfolioId) -> (PortfolioKey, DeviceId) {
        let key = PortfolioKey {
            user: self.user.clone(),
            portfolio: portfolio.clone(),
        };
        (key, self.device.clone())
    }
}

impl Default for Registrar {
    fn default() -> Self {
        // With a capacity, the cache would allocate all its memory at every cold start.
        Self(Arc::new(Mutex::new(LruCache::unbounded())))
    }
}

/// Prints no device, because devices belong to the users.
impl fmt::Debug for Registrar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registrar")
            .field("remembered", &self.remembered().len())
            .finish()
    }
}
