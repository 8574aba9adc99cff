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
use crate::wire::v1::LastSync;

/// By how much a device's clock may be slow before its `last_sync_at` counts against its `client_version`, in
/// milliseconds: 5 minutes.
const MAX_CLOCK_ERROR_MILLIS: i64 = 5 * 60 * 1000;

/// The statements of a request about the version that its document was made from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claims<'a> {
    /// The version that its `metadata` echoes.
    pub(super) echo: Echo,
    /// Its `last_sync_at`.
    pub(super) last_sync_at: Option<LastSync>,
    /// Its `client_version`.
    pub(super) client_version: Version,
    /// The device.
    pub(super) device_id: &'a DeviceId,
}

/// The base of a document, and the time of the edits in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Basis {
    /// The base, if there is one.
    pub(super) base: Option<Version>,
    /// The time of the edits if there is a base.
    edited_on_base: Timestamp,
    /// The time of the edits without a base.
    edited_without_base: Timestamp,
}

impl Basis {
    /// Returns the effective time of the client's edits.
    pub(super) const fn edited(&self) -> Timestamp {
        match self.base {
            Some(_) => self.edited_on_base,
            None => self.edited_without_base,
        }
    }
}

/// The version that was made at a given time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
            Echo::Version { version, .. } => version,
            Echo::Absent | Echo::NoVersion => self.client_version,
        }
    }

    /// Returns the base by the first rule that applies, and the time of the edits in a request that arrived at
    /// `received`; reads the log as far back as that takes.
    pub(super) async fn basis<S: Store>(
        self,
        window: &mut Window<'_, S>,
        received: Timestamp,
    ) -> Result<Basis, StoreError> {
        let (base, names_a_version) = match self.echo {
            Echo::NoVersion => (None, false),
            Echo::Version { version, made_at } => {
                let base = echoed(window, version, made_at).await?;
                let is_echoed_too = made_at.is_some() && made_at == self.last_sync_at;
                let is_echo = base.is_some() && (is_echoed_too || self.made_then(window).await?.is_a_version());
                (base, is_echo)
            }
            Echo::Absent => {
                let made = self.made_then(window).await?;
                (self.base_without_echo(window, made).await?, made.is_a_version())
            }
        };
        Ok(Basis {
            base,
            // Some apps send the time of the edit in `last_sync_at`, others that of the last answer. A time that is
            // exactly that of a version is of the second kind and says nothing about the edits.
            edited_on_base: match self.last_sync_at {
                Some(last) if !names_a_version => last.at.min(received),
                _ => received,
            },
            edited_without_base: self.edited_without_base().min(received),
        })
    }

    /// Returns the time of the edits without a base: `last_sync_at`, or else the time that the document echoes.
    ///
    /// Without either, the document may be the defaults of a fresh installation, so it is older than everything.
    fn edited_without_base(&self) -> Timestamp {
        let echoed = match self.echo {
            Echo::Version { made_at, .. } => made_at,
            Echo::Absent | Echo::NoVersion => None,
        };
        self.last_sync_at.or(echoed).map_or(Timestamp::EARLIEST, |last| last.at)
    }

    /// Returns the base of a document that echoes no `metadata`; `made` is the version of its `last_sync_at`.
    async fn base_without_echo<S: Store>(
        self,
        window: &mut Window<'_, S>,
        made: MadeAt,
    ) -> Result<Option<Version>, StoreError> {
        match made {
            MadeAt::Version(version) => return Ok(Some(version)),
            MadeAt::None if window.has_version(self.client_version).await? => {
                let is_too_new = self.last_synced_before(window, self.client_version).await?;
                return Ok((!is_too_new).then_some(self.client_version));
            }
            // That version is gone. The client may have counted upwards from it, so `client_version` may equal an
            // unrelated version: do not trust it.
            MadeAt::None | MadeAt::Expired => {}
        }
        let head = window.head().map_or(0, |head| head.version);
        if self.client_version <= head {
            return Ok(None);
        }
        let own = |change: &Change| change.verbatim && change.device_id.as_ref() == Some(self.device_id);
        let Some(version) = window.find_newest(own).await?.map(|change| change.version) else {
            return Ok(None);
        };
        let is_too_new = self.last_synced_before(window, version).await?;
        Ok((!is_too_new).then_some(version))
    }

    /// Tells whether the device last synced before `version` was made, beyond the error of its clock: then it cannot
    /// have that version, but another with the same number, of another account or of a log that was restored since.
    async fn last_synced_before<S: Store>(self, window: &Window<'_, S>, version: Version) -> Result<bool, StoreError> {
        let Some(last) = self.last_sync_at else {
            return Ok(false);
        };
        let made_at = time_of(window, version).await?;
        Ok(made_at.is_some_and(|made_at| {
            let slowest = made_at.millis().saturating_sub(MAX_CLOCK_ERROR_MILLIS);
            last.at.millis() < slowest
        }))
    }

    /// Returns the version that was made at exactly `last_sync_at`.
    async fn made_then<S: Store>(self, window: &mut Window<'_, S>) -> Result<MadeAt, StoreError> {
        match self.last_sync_at {
            Some(LastSync { at, exact: true }) => made_at(window, at).await,
            _ => Ok(MadeAt::None),
        }
    }
}

impl MadeAt {
    const fn is_a_version(self) -> bool {
        matches!(self, Self::Version(_))
    }
}

/// Returns `version` if the log has it, made at exactly the time `made_at` if the document echoes one.
///
/// If the change that made the version has expired, its time cannot be compared. The version then counts as expired.
async fn echoed<S: Store>(
    window: &mut Window<'_, S>,
    version: Version,
    made_at: Option<LastSync>,
) -> Result<Option<Version>, StoreError> {
    if !window.has_version(version).await? {
        return Ok(None);
    }
    let is_the_same = match made_at {
        Some(LastSync { exact: false, .. }) => false,
        Some(LastSync { at, exact: true }) => time_of(window, version).await? == Some(at),
        None => true,
    };
    Ok(is_the_same.then_some(version))
}

/// Returns when `version`, a version that the window knows, was made; `None` if the change that made it has expired.
///
/// Takes a request only if a jump led to the version.
async fn time_of<S: Store>(window: &Window<'_, S>, version: Version) -> Result<Option<Timestamp>, StoreError> {
    let is_wanted = |change: &&Change| change.version == version;
    if let Some(change) = window.changes().iter().rfind(is_wanted) {
        return Ok(Some(change.last_sync_at));
    }
    let Portfolio { store, key } = window.portfolio();
    let before = store.before(key, version, 1).await?;
    Ok(before.iter().find(is_wanted).map(|change| change.last_sync_at))
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
