//! The version that a v1 client's document was made from (docs/PROTOCOL.md).
//!
//! A base that is too old costs a false conflict; one that is too new silently reverts the edits of other devices. So
//! if no rule names a version, there is no base.

use super::metadata::Echo;
use crate::id::DeviceId;
use crate::log::{Change, Version};
use crate::portfolio::{Portfolio, Window};
use crate::store::{Store, StoreError};
use crate::time::Timestamp;

/// The statements of a request about the version that its document was made from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claims<'a> {
    /// The version that its `metadata.base` echoes.
    pub(super) echo: Echo,
    /// Its `last_sync_at`, if an answer can have contained exactly this time.
    pub(super) answered_at: Option<Timestamp>,
    /// Its `client_version`.
    pub(super) client_version: Version,
    /// The device.
    pub(super) device_id: &'a DeviceId,
}

/// The version that was made at a given time.
enum MadeAt {
    /// This version.
    Version(Version),
    /// No version in the log.
    None,
    /// No version in the log, because retention has removed the versions of that time.
    Expired,
}

impl Claims<'_> {
    /// Returns the most likely base, from which the log is read.
    pub(super) const fn likely(&self) -> Version {
        match self.echo {
            Echo::Version(version) => version,
            Echo::Absent | Echo::NoVersion => self.client_version,
        }
    }

    /// Returns the base by the first rule that applies; reads the log as far back as that takes.
    pub(super) async fn base<S: Store>(self, window: &mut Window<'_, S>) -> Result<Option<Version>, StoreError> {
        match self.echo {
            Echo::NoVersion => return Ok(None),
            Echo::Version(version) => return Ok(window.has_version(version).await?.then_some(version)),
            Echo::Absent => {}
        }
        let made = match self.answered_at {
            Some(at) => made_at(window, at).await?,
            None => MadeAt::None,
        };
        match made {
            MadeAt::Version(version) => return Ok(Some(version)),
            MadeAt::None if window.has_version(self.client_version).await? => return Ok(Some(self.client_version)),
            // That version is gone. The client may have counted upwards from it, so `client_version` may equal an
            // unrelated version: do not trust it.
            MadeAt::None | MadeAt::Expired => {}
        }
        let head = window.head().map_or(0, |head| head.version);
        if self.client_version <= head {
            return Ok(None);
        }
        let own = |change: &Change| change.verbatim && change.device_id.as_ref() == Some(self.device_id);
        Ok(window.find_newest(own).await?.map(|change| change.version))
    }
}

/// Finds the version whose `last_sync_at` is exactly `at`.
async fn made_at<S: Store>(window: &mut Window<'_, S>, at: Timestamp) -> Result<MadeAt, StoreError> {
    if window.head().is_none_or(|head| head.last_sync_at < at) {
        return Ok(MadeAt::None);
    }
    // If the time is older than the log, one request shows it. Otherwise the search would read the whole log.
    let Portfolio { store, key } = window.portfolio();
    if let Some(read) = window.changes().first()
        && read.last_sync_at > at
        && read.parent > 0
        && let Some(oldest) = store.oldest_since(key, 0).await?
        && oldest.last_sync_at > at
    {
        return Ok(if oldest.parent > 0 {
            MadeAt::Expired
        } else {
            MadeAt::None
        });
    }
    // Times grow with versions, so the search ends at the first change that is not newer than `at`.
    if let Some(found) = window.find_newest(|change| change.last_sync_at <= at).await? {
        return Ok(if found.last_sync_at == at {
            MadeAt::Version(found.version)
        } else {
            MadeAt::None
        });
    }
    // Retention may have removed it during the search.
    let begins_later = window.changes().first().is_some_and(|oldest| oldest.parent > 0);
    Ok(if begins_later { MadeAt::Expired } else { MadeAt::None })
}
