//! What compaction may remove.

use super::{ConfigError, Environment};
use coinolio_core::sync::Retention;
use std::ops::RangeInclusive;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What `template.yaml` sets where nobody asks for something else: 90 days and 1,000 versions (design section 3).
pub const DEFAULT_RETENTION: Retention = Retention {
    age: Duration::from_secs(90 * DAY.as_secs()),
    versions: 1_000,
};

/// Ten years: more is as good as for ever.
const DAYS: RangeInclusive<u32> = 1..=3_650;

/// The head must stay, and the devices that are a few versions behind it should find their base.
const VERSIONS: RangeInclusive<u32> = 10..=1_000_000;

/// What `RETENTION_DAYS` and `RETENTION_VERSIONS` say, the defaults where they say nothing.
pub(super) fn retention(environment: &Environment<'_>) -> Result<Retention, ConfigError> {
    let days = whole(environment, "RETENTION_DAYS", DAYS)?;
    let versions = whole(environment, "RETENTION_VERSIONS", VERSIONS)?;
    Ok(Retention {
        age: days.map_or(DEFAULT_RETENTION.age, |days| DAY * days),
        versions: versions.map_or(DEFAULT_RETENTION.versions, u64::from),
    })
}

fn whole(
    environment: &Environment<'_>,
    name: &'static str,
    range: RangeInclusive<u32>,
) -> Result<Option<u32>, ConfigError> {
    let Some(value) = environment.get(name) else {
        return Ok(None);
    };
    let number = value.parse().ok().filter(|number| range.contains(number));
    number.map(Some).ok_or_else(|| {
        let problem = format!("is not a whole number from {} to {}", range.start(), range.end());
        ConfigError::unusable(name, problem)
    })
}
