//! The evidence that a sync gives about its device, and the rule for when it is worth a write.

use super::{Acknowledged, Device};
use crate::id::PortfolioId;
use crate::log::Version;
use crate::time::Timestamp;

/// The age from which the record of a device's syncs is written again, in milliseconds: 15 minutes.
///
/// One write in that time is enough to show a user which phone is in use, and costs little compared with the phone's
/// syncs.
pub const RECENT_MILLIS: u64 = 15 * 60 * 1000;

/// True if `at` is less than 15 minutes before `now`, or after it: the clocks of two execution environments differ.
pub const fn is_recent(at: Timestamp, now: Timestamp) -> bool {
    now.millis().abs_diff(at.millis()) < RECENT_MILLIS
}

/// The evidence that one sync, or a batch of them, gives about its device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The time of the sync.
    pub at: Timestamp,
    /// The versions that the device has shown to have, with each portfolio at most once.
    pub acknowledged: Vec<(PortfolioId, Version)>,
}

impl Sighting {
    /// Returns the part of this sighting that is to be written, given the `stored` registration; `None` if that is
    /// recent enough.
    #[must_use]
    pub fn due(&self, stored: Option<&Device>) -> Option<Self> {
        let known = |portfolio: &PortfolioId| stored.and_then(|device| device.acknowledged.get(portfolio));
        let is_due = |portfolio: &PortfolioId, version: Version| {
            known(portfolio).is_none_or(|known| known.version < version && !is_recent(known.at, self.at))
        };
        let seen_recently = stored
            .and_then(|device| device.last_seen)
            .is_some_and(|seen| is_recent(seen, self.at));
        let versions_due = self.acknowledged.iter().filter(|(portfolio, version)| {
            // If a write is needed anyway, it includes every newer version, however recent the stored one is.
            is_due(portfolio, *version)
                || !seen_recently && known(portfolio).is_none_or(|known| known.version < *version)
        });
        let due = Self {
            at: self.at,
            acknowledged: versions_due.cloned().collect(),
        };
        (!seen_recently || !due.acknowledged.is_empty()).then_some(due)
    }

    /// Returns the time from which the age of the `stored` registration counts, for a device that has `version` of
    /// `portfolio`; `None` if the device has not synced yet.
    pub fn kept_since(&self, stored: &Device, portfolio: &PortfolioId, version: Option<Version>) -> Option<Timestamp> {
        let seen = stored.last_seen?;
        let outdated = stored
            .acknowledged
            .get(portfolio)
            .filter(|known| version.is_some_and(|version| known.version < version));
        Some(outdated.map_or(seen, |known| known.at.min(seen)))
    }

    /// Adds the sighting to the registration of `device`; returns false, and adds nothing, if the device has already
    /// acknowledged a newer version than one of the sighting's.
    pub(crate) fn add_to(&self, device: &mut Device) -> bool {
        let is_older = |(portfolio, version): &(PortfolioId, Version)| {
            let known = device.acknowledged.get(portfolio);
            known.is_some_and(|known| known.version > *version)
        };
        if self.acknowledged.iter().any(is_older) {
            return false;
        }
        device.last_seen = Some(self.at);
        let at = self.at;
        let versions = self.acknowledged.iter().cloned();
        device
            .acknowledged
            .extend(versions.map(|(portfolio, version)| (portfolio, Acknowledged { version, at })));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::{RECENT_MILLIS, Sighting};
    use crate::devices::{Acknowledged, Device};
    use crate::id::{DeviceId, PortfolioId};
    use crate::log::Version;
    use crate::time::Timestamp;

    const RECENT: i64 = RECENT_MILLIS as i64;
    const NOW: i64 = 1_800_000_000_000;

    fn id(text: &str) -> PortfolioId {
        PortfolioId::parse(text).unwrap()
    }

    fn device(seen: i64, acknowledged: &[(&str, Version, i64)]) -> Device {
        let time = |ago: i64| Timestamp::from_millis(NOW - ago);
        let mut device = Device::new(DeviceId::parse("phone").unwrap(), time(seen));
        device.last_seen = Some(time(seen));
        for (portfolio, version, ago) in acknowledged {
            let (version, at) = (*version, time(*ago));
            device.acknowledged.insert(id(portfolio), Acknowledged { version, at });
        }
        device
    }

    fn due(stored: Option<&Device>, versions: &[(&str, Version)]) -> Option<Vec<String>> {
        let sighting = Sighting {
            at: Timestamp::from_millis(NOW),
            acknowledged: versions
                .iter()
                .map(|(portfolio, version)| (id(portfolio), *version))
                .collect(),
        };
        let due = sighting.due(stored)?;
        Some(
            due.acknowledged
                .iter()
                .map(|(portfolio, version)| format!("{portfolio} {version}"))
                .collect(),
        )
    }

    #[test]
    fn an_unknown_device_is_written_and_a_recently_written_one_is_not() {
        assert_eq!(due(None, &[("a", 3)]), Some(vec!["a 3".to_owned()]));
        assert_eq!(due(None, &[]), Some(Vec::new()));
        assert_eq!(due(Some(&device(0, &[("a", 1, 0)])), &[("a", 3)]), None);
        assert_eq!(
            due(Some(&device(RECENT - 1, &[("a", 1, RECENT - 1)])), &[("a", 3)]),
            None
        );
        assert_eq!(due(Some(&device(1 - RECENT, &[])), &[]), None, "a clock that is ahead");
    }

    #[test]
    fn a_registration_that_is_15_minutes_old_is_written_again() {
        let stale = device(RECENT, &[("a", 1, RECENT), ("b", 9, RECENT)]);
        assert_eq!(due(Some(&stale), &[("a", 3), ("b", 9)]), Some(vec!["a 3".to_owned()]));
        assert_eq!(
            due(Some(&stale), &[("b", 8)]),
            Some(Vec::new()),
            "an older version is never written"
        );
        let synced_another = device(5, &[("a", 1, RECENT), ("b", 1, 5)]);
        assert_eq!(
            due(Some(&synced_another), &[("a", 3), ("b", 2)]),
            Some(vec!["a 3".to_owned()])
        );
        assert_eq!(
            due(Some(&synced_another), &[("a", 1)]),
            None,
            "the version is already stored"
        );
        assert_eq!(due(Some(&synced_another), &[("c", 1)]), Some(vec!["c 1".to_owned()]));
    }

    #[test]
    fn an_outdated_version_ages_from_the_time_at_which_it_was_recorded() {
        let stored = device(5, &[("a", 1, 60)]);
        let sighting = Sighting {
            at: Timestamp::from_millis(NOW),
            acknowledged: Vec::new(),
        };
        let ago = |version| {
            sighting
                .kept_since(&stored, &id("a"), version)
                .map(|at| NOW - at.millis())
        };
        assert_eq!(ago(Some(1)), Some(5));
        assert_eq!(ago(Some(2)), Some(60));
        assert_eq!(ago(None), Some(5));
    }

    #[test]
    fn recent_means_less_than_15_minutes() {
        assert_eq!(RECENT_MILLIS, 900_000);
    }

    #[test]
    fn a_sighting_is_added_as_a_whole_or_not_at_all() {
        let sighting = |versions: &[(&str, Version)]| Sighting {
            at: Timestamp::from_millis(NOW),
            acknowledged: versions.iter().map(|(name, version)| (id(name), *version)).collect(),
        };
        let known = device(60, &[("a", 5, 60), ("b", 5, 60)]);
        let mut device = known.clone();
        assert!(!sighting(&[("a", 6), ("b", 4)]).add_to(&mut device));
        assert_eq!(device, known, "the stored version of b is newer");

        assert!(sighting(&[("a", 6), ("b", 5), ("c", 1)]).add_to(&mut device));
        let at = Timestamp::from_millis(NOW);
        assert_eq!(device.last_seen, Some(at));
        for (name, version) in [("a", 6), ("b", 5), ("c", 1)] {
            assert_eq!(device.acknowledged[&id(name)], Acknowledged { version, at }, "{name}");
        }
    }
}
