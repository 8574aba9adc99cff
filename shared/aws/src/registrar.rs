//! The registration of devices by their syncs, without a write for every sync.

use crate::dynamodb::DynamoLog;
use coinolio_core::devices::{Device, Sighting, is_recent};
use coinolio_core::id::{DeviceId, PortfolioId, UserId};
use coinolio_core::log::{PortfolioKey, Version};
use coinolio_core::store::Devices;
use coinolio_core::time::Timestamp;
use futures_util::future::join;
use lru::LruCache;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many devices' portfolios an environment remembers: some 200 bytes each, one megabyte in all. One that it forgot
/// costs half a read unit.
const REMEMBERED: usize = 4096;

type Kept = LruCache<(PortfolioKey, DeviceId), Timestamp>;

/// What an execution environment knows of the devices that are registered: since when what is kept of a device and a
/// portfolio may grow old. Clones share it.
#[derive(Clone)]
pub struct Registrar(Arc<Mutex<Kept>>);

/// Whose syncs, at what time.
#[derive(Clone, Debug)]
pub struct Syncing<'r> {
    /// The user.
    pub user: &'r UserId,
    /// The device.
    pub device: &'r DeviceId,
    /// When the request came in.
    pub received: Timestamp,
}

/// A portfolio that was synced, and the version that the device has shown to hold of it.
pub type Shown = (PortfolioId, Option<Version>);

impl Registrar {
    /// Carries out `sync`, of the device's `portfolios`, and registers the device by what `shown` makes of its result: the
    /// portfolios of which it succeeded.
    ///
    /// Where what is kept may be too old, the device is read beside the sync; where it is, it is written after it. Nothing
    /// is written where nothing succeeded, and no failure here is one of the sync's: a log line tells of it.
    pub async fn beside<T>(
        &self,
        log: &DynamoLog,
        syncing: Syncing<'_>,
        portfolios: &[PortfolioId],
        sync: impl Future<Output = T>,
        shown: impl FnOnce(&T) -> Vec<Shown>,
    ) -> T {
        if portfolios.iter().all(|portfolio| self.knows(&syncing, portfolio)) {
            return sync.await;
        }
        let (result, kept) = join(sync, log.device_eventually(syncing.user, syncing.device)).await;
        let mut shown = shown(&result);
        shown.retain(|(portfolio, _)| !self.knows(&syncing, portfolio));
        if !shown.is_empty() {
            let registered = match kept {
                Ok(kept) => self.register(log, &syncing, kept.as_ref(), &shown).await,
                Err(error) => Err(error),
            };
            if let Err(error) = registered {
                tracing::warn!(%error, "a device was not registered");
            }
        }
        result
    }

    async fn register(
        &self,
        log: &DynamoLog,
        syncing: &Syncing<'_>,
        kept: Option<&Device>,
        shown: &[Shown],
    ) -> Result<(), coinolio_core::store::StoreError> {
        let held = shown
            .iter()
            .filter_map(|(portfolio, held)| Some((portfolio.clone(), (*held)?)));
        let sighting = Sighting {
            at: syncing.received,
            acknowledged: held.collect(),
        };
        let written = match sighting.due(kept) {
            None => false,
            // Another sync of the device was faster, with a newer version: the next one looks again.
            Some(due) if !log.record(syncing.user, syncing.device, &due).await? => return Ok(()),
            Some(_) => true,
        };
        for (portfolio, held) in shown {
            let since = match kept {
                Some(kept) if !written => sighting.kept_since(kept, portfolio, *held),
                _ => Some(syncing.received),
            };
            if let Some(since) = since {
                let mut kept = self.kept();
                kept.put(syncing.key(portfolio), since);
                if kept.len() > REMEMBERED {
                    kept.pop_lru();
                }
            }
        }
        Ok(())
    }

    /// True where what is kept of the device and the portfolio is recent.
    fn knows(&self, syncing: &Syncing<'_>, portfolio: &PortfolioId) -> bool {
        let since = self.kept().get(&syncing.key(portfolio)).copied();
        since.is_some_and(|since| is_recent(since, syncing.received))
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
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
        // One with a capacity would allocate all of it at every cold start.
        Self(Arc::new(Mutex::new(LruCache::unbounded())))
    }
}

/// Whose devices they are is nobody's business.
impl fmt::Debug for Registrar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registrar")
            .field("remembered", &self.kept().len())
            .finish()
    }
}
