//! What a sync shows of its device, and when it is worth a write.

use super::{Acknowledged, Device};
use crate::id::PortfolioId;
use crate::log::Version;
use crate::time::Timestamp;

/// How old what is kept of a device's syncs may be, in milliseconds: 15 minutes. One write in that time shows a user which
/// phone is in use, and is a small part of what a phone's syncs cost.
pub const RECENT_MILLIS: u64 = 15 * 60 * 1000;

/// True where `at` is less than 15 minutes from `now`; also from before it, as the clocks of two environments differ.
pub const fn is_recent(at: Timestamp, now: Timestamp) -> bool {
    now.millis().abs_diff(at.millis()) < RECENT_MILLIS
}

/// A device's sync, or several at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// When it was.
    pub at: Timestamp,
    /// The versions that the device has shown to hold, each portfolio once.
    pub acknowledged: Vec<(PortfolioId, Version)>,
}

impl Sighting {
    /// The part of this sighting that is to be written, given what is `kept` of the device; `None` where that is recent
    /// enough.
    #[must_use]
    pub fn due(&self, kept: Option<&Device>) -> Option<Self> {
        let known = |portfolio: &PortfolioId| kept.and_then(|device| device.acknowledged.get(portfolio));
        let is_news = |portfolio: &PortfolioId, version: Version| {
            known(portfolio).is_none_or(|known| known.version < version && !is_recent(known.at, self.at))
        };
        let is_seen = kept
            .and_then(|device| device.last_seen)
            .is_some_and(|seen| is_recent(seen, self.at));
        let news = self.acknowledged.iter().filter(|(portfolio, version)| {
            // A write that is made anyway takes along what is newer.
            is_news(portfolio, *version) || !is_seen && known(portfolio).is_none_or(|known| known.version < *version)
        });
        let due = Self {
            at: self.at,
            acknowledged: news.cloned().collect(),
        };
        (!is_seen || !due.acknowledged.is_empty()).then_some(due)
    }

    /// The time from which what is `kept` of the device, about `portfolio` at `version`, may grow old.
    pub fn kept_since(&self, kept: &Device, portfolio: &PortfolioId, version: Option<Version>) -> Option<Timestamp> {
        let seen = kept.last_seen?;
        let behind = kept
            .acknowledged
            .get(portfolio)
            .filter(|known| version.is_some_and(|version| known.version < version));
        Some(behind.map_or(seen, |known| known.at.min(seen)))
    }

    /// Adds the sighting to what is known of `device`; false, and nothing added, where a newer version is acknowledged.
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

    fn due(kept: Option<&Device>, versions: &[(&str, Version)]) -> Option<Vec<String>> {
        let sighting = Sighting {
            at: Timestamp::from_millis(NOW),
            acknowledged: versions
                .iter()
                .map(|(portfolio, version)| (id(portfolio), *version))
                .collect(),
        };
        let due = sighting.due(kept)?;
        Some(
            due.acknowledged
                .iter()
                .map(|(portfolio, version)| format!("{portfolio} {version}"))
                .collect(),
        )
    }

    #[test]
    fn an_unknown_device_is_written_and_a_recent_one_is_not() {
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
    fn what_is_older_than_a_quarter_of_an_hour_is_written_again() {
        let stale = device(RECENT, &[("a", 1, RECENT), ("b", 9, RECENT)]);
        assert_eq!(due(Some(&stale), &[("a", 3), ("b", 9)]), Some(vec!["a 3".to_owned()]));
        assert_eq!(
            due(Some(&stale), &[("b", 8)]),
            Some(Vec::new()),
            "a version never goes back"
        );
        let seen_by_another = device(5, &[("a", 1, RECENT), ("b", 1, 5)]);
        assert_eq!(
            due(Some(&seen_by_another), &[("a", 3), ("b", 2)]),
            Some(vec!["a 3".to_owned()])
        );
        assert_eq!(due(Some(&seen_by_another), &[("a", 1)]), None, "nothing new to say");
        assert_eq!(due(Some(&seen_by_another), &[("c", 1)]), Some(vec!["c 1".to_owned()]));
    }

    #[test]
    fn what_is_kept_grows_old_from_its_own_time_on() {
        let kept = device(5, &[("a", 1, 60)]);
        let sighting = Sighting {
            at: Timestamp::from_millis(NOW),
            acknowledged: Vec::new(),
        };
        let ago = |version| {
            sighting
                .kept_since(&kept, &id("a"), version)
                .map(|at| NOW - at.millis())
        };
        assert_eq!(ago(Some(1)), Some(5));
        assert_eq!(ago(Some(2)), Some(60));
        assert_eq!(ago(None), Some(5));
    }

    #[test]
    fn recent_is_a_quarter_of_an_hour() {
        assert_eq!(RECENT_MILLIS, 900_000);
    }

    #[test]
    fn a_sighting_is_added_whole_or_not_at_all() {
        let sighting = |versions: &[(&str, Version)]| Sighting {
            at: Timestamp::from_millis(NOW),
            acknowledged: versions.iter().map(|(name, version)| (id(name), *version)).collect(),
        };
        let known = device(60, &[("a", 5, 60), ("b", 5, 60)]);
        let mut device = known.clone();
        assert!(!sighting(&[("a", 6), ("b", 4)]).add_to(&mut device));
        assert_eq!(device, known, "b is newer already");

        assert!(sighting(&[("a", 6), ("b", 5), ("c", 1)]).add_to(&mut device));
        let at = Timestamp::from_millis(NOW);
        assert_eq!(device.last_seen, Some(at));
        for (name, version) in [("a", 6), ("b", 5), ("c", 1)] {
            assert_eq!(device.acknowledged[&id(name)], Acknowledged { version, at }, "{name}");
        }
    }
}
