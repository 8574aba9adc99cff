//! Which version a v1 client's document was made from (design section 5, v1).
//!
//! Too old a base costs a false conflict, too new a one reverts other devices silently: where no rule
//! names a version, there is none.

use super::metadata::Echo;
use crate::error::{Code, Error};
use crate::id::DeviceId;
use crate::log::{Change, ChangeLog, LogError, PortfolioKey, Version, Window, living};
use crate::time::Timestamp;

/// How many versions further back the first extension of a [`Past`] looks, and by what factor each looks further.
const REACH: u64 = 16;
const REACH_FACTOR: u64 = 8;

/// What a request says about the version that its document was made from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claims<'a> {
    /// What its `metadata.base` echoes.
    pub(super) echo: Echo,
    /// Its `last_sync_at`, where an answer can have held exactly that.
    pub(super) answered_at: Option<Timestamp>,
    /// Its `client_version`.
    pub(super) client_version: Version,
    /// The device.
    pub(super) device_id: &'a DeviceId,
}

impl Claims<'_> {
    /// The version that is most likely the base, to begin reading at.
    pub(super) const fn likely(&self) -> Version {
        match self.echo {
            Echo::Version(version) => version,
            Echo::Absent | Echo::NoVersion => self.client_version,
        }
    }
}

/// What was made at a time.
enum Made {
    /// This version.
    By(Version),
    /// No version that is kept.
    ByNone,
    /// No version that is kept; retention has removed those of that time.
    BeforeAll,
}

/// The newest changes of a log, read further back only as a question needs it.
#[derive(Debug)]
pub(super) struct Past<'a, L> {
    log: &'a L,
    key: &'a PortfolioKey,
    /// Newest first and without a gap: each change's parent is the version of the one behind it.
    changes: Vec<Change>,
    /// Every change whose parent is this version or a later one is here.
    floor: Version,
    reach: u64,
}

impl<'a, L: ChangeLog> Past<'a, L> {
    /// Reads the change that made `version`, where its parent is the version before, and all since: one
    /// request, and a second one where there are none, so that the head is here in any case.
    pub(super) async fn read(log: &'a L, key: &'a PortfolioKey, version: Version) -> Result<Self, LogError> {
        let floor = version.saturating_sub(1);
        let changes = log.since(key, floor).await?;
        if changes.is_empty() {
            return Self::read_head(log, key).await;
        }
        Ok(Self {
            log,
            key,
            changes,
            floor,
            reach: REACH,
        })
    }

    /// Reads the newest change.
    pub(super) async fn read_head(log: &'a L, key: &'a PortfolioKey) -> Result<Self, LogError> {
        let changes = log.newest(key, 1).await?;
        Ok(Self {
            log,
            key,
            floor: changes.first().map_or(0, |head| head.parent),
            changes,
            reach: REACH,
        })
    }

    /// The newest change; `None` where there is no such portfolio.
    pub(super) fn head(&self) -> Option<&Change> {
        self.changes.first()
    }

    /// The newest change of a portfolio that is there: 404 where it never was, 410 where it was deleted.
    pub(super) fn living_head(&self) -> Result<&Change, Error> {
        living(self.head())
    }

    /// The changes read, for those who go on from there.
    pub(super) fn into_window(self) -> Window {
        Window::new(self.changes)
    }

    /// The base, by the first rule that holds.
    pub(super) async fn base(&mut self, claims: Claims<'_>) -> Result<Option<Version>, LogError> {
        match claims.echo {
            Echo::NoVersion => return Ok(None),
            Echo::Version(version) => return Ok(self.knows(version).await?.then_some(version)),
            Echo::Absent => {}
        }
        let made = match claims.answered_at {
            Some(at) => self.made_at(at).await?,
            None => Made::ByNone,
        };
        match made {
            Made::By(version) => return Ok(Some(version)),
            Made::ByNone if self.knows(claims.client_version).await? => return Ok(Some(claims.client_version)),
            // The log no longer has the version that was answered then, and edits counted on top of it may come to
            // any that it has.
            Made::ByNone | Made::BeforeAll => {}
        }
        let head = self.head().map_or(0, |head| head.version);
        if claims.client_version <= head {
            return Ok(None);
        }
        let own = |change: &Change| change.verbatim && change.device_id.as_ref() == Some(claims.device_id);
        Ok(self.newest(own).await?.map(|change| change.version))
    }

    /// Reads every change since `version`.
    pub(super) async fn reach(&mut self, version: Version) -> Result<(), LogError> {
        // The oldest change read names its parent: nothing stands between the two.
        let oldest = self.changes.last().map_or(0, |change| change.parent);
        let floor = self.floor.min(oldest);
        if floor > version {
            self.changes.extend(self.log.between(self.key, version, floor).await?);
            self.floor = version;
        }
        Ok(())
    }

    /// The change that made `version`, where the log has it.
    async fn making(&mut self, version: Version) -> Result<Option<Change>, LogError> {
        if !self.knows(version).await? {
            return Ok(None);
        }
        Ok(self.newest(|change| change.version == version).await?.cloned())
    }

    /// The change that made `version`.
    ///
    /// # Errors
    /// Base expired (410) for a version that retention has removed, which one more request tells; not found for one
    /// that the portfolio never had.
    pub(super) async fn version(&mut self, version: Version) -> Result<Change, Error> {
        if let Some(change) = self.making(version).await? {
            return Ok(change);
        }
        let head = self.head().map_or(0, |head| head.version);
        if (1..head).contains(&version)
            && let Some(oldest) = self.log.oldest_since(self.key, 0).await?
            && oldest.parent >= version
        {
            return Err(Error::new(
                Code::BaseExpired,
                format!("version {version} is no longer kept"),
            ));
        }
        Err(Error::new(
            Code::NotFound,
            format!("the portfolio has no version {version}"),
        ))
    }

    /// True where a change made `version`. (Version 0 is made by none: a document from before the
    /// portfolio's creation was made from nothing.)
    async fn knows(&mut self, version: Version) -> Result<bool, LogError> {
        let head = self.head().map_or(0, |head| head.version);
        if version == 0 || version > head {
            return Ok(false);
        }
        self.reach(version).await?;
        Ok(version == head || self.changes.iter().any(|change| change.parent == version))
    }

    /// The version whose `last_sync_at` is exactly `at`.
    async fn made_at(&mut self, at: Timestamp) -> Result<Made, LogError> {
        if self.head().is_none_or(|head| head.last_sync_at < at) {
            return Ok(Made::ByNone);
        }
        // One request tells a time from before all that is kept, which the whole log would be read for.
        if let Some(read) = self.changes.last()
            && read.last_sync_at > at
            && read.parent > 0
            && let Some(oldest) = self.log.oldest_since(self.key, 0).await?
            && oldest.last_sync_at > at
        {
            return Ok(if oldest.parent > 0 {
                Made::BeforeAll
            } else {
                Made::ByNone
            });
        }
        // The times grow with the versions, so what is not newer than `at` ends the search.
        if let Some(found) = self.newest(|change| change.last_sync_at <= at).await? {
            return Ok(if found.last_sync_at == at {
                Made::By(found.version)
            } else {
                Made::ByNone
            });
        }
        // Retention may have removed it while it was being looked for.
        let begins_later = self.changes.last().is_some_and(|oldest| oldest.parent > 0);
        Ok(if begins_later { Made::BeforeAll } else { Made::ByNone })
    }

    /// The newest change that is `wanted`, however far back.
    async fn newest(&mut self, wanted: impl Fn(&Change) -> bool) -> Result<Option<&Change>, LogError> {
        let mut looked_at = 0;
        loop {
            if let Some(found) = self.changes[looked_at..].iter().position(&wanted) {
                return Ok(self.changes.get(looked_at + found));
            }
            looked_at = self.changes.len();
            let oldest = self.changes.last().map_or(0, |change| change.parent);
            if self.floor.min(oldest) == 0 {
                return Ok(None);
            }
            self.reach(self.floor.min(oldest).saturating_sub(self.reach)).await?;
            self.reach = self.reach.saturating_mul(REACH_FACTOR);
        }
    }
}
