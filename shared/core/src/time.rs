//! Points in time, in whole milliseconds: what a JavaScript `Date` can echo.

use crate::error::Error;
use chrono::{DateTime, NaiveDateTime, SecondsFormat};
use std::fmt;

/// 0000-01-01T00:00:00.000Z.
const FIRST_MILLIS: i64 = -62_167_219_200_000;

/// 9999-12-31T23:59:59.999Z.
const LAST_MILLIS: i64 = 253_402_300_799_999;

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The point `millis` milliseconds after the epoch, held within the years 0 to 9999, which RFC 3339 can write.
    pub fn from_millis(millis: i64) -> Self {
        Self(millis.clamp(FIRST_MILLIS, LAST_MILLIS))
    }

    /// Milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Reads an RFC 3339 date-time; one without a zone is UTC (design section 5, v1). Digits below a
    /// millisecond are dropped.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if let Ok(zoned) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self::from_millis(zoned.timestamp_millis()));
        }
        NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f")
            .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f"))
            .map(|naive| Self::from_millis(naive.and_utc().timestamp_millis()))
            .map_err(|_| Error::malformed("a time must be an RFC 3339 date-time such as 2026-01-31T12:00:00.000Z"))
    }

    /// The effective time of an edit (design section 4): the device's `modified_at`, corrected by the
    /// error of its clock that `sent_at` shows, and at most `received`.
    pub fn effective(modified_at: Self, sent_at: Self, received: Self) -> Self {
        let error = received.0.saturating_sub(sent_at.0);
        Self::from_millis(modified_at.0.saturating_add(error)).min(received)
    }

    /// The later of `now` and one millisecond after `previous`: a time that grows strictly.
    pub fn after(previous: Self, now: Self) -> Self {
        now.max(Self::from_millis(previous.0.saturating_add(1)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DateTime::from_timestamp_millis(self.0) {
            Some(time) => f.write_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true)),
            None => write!(f, "{} ms", self.0),
        }
    }
}

impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    fn time(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    #[test]
    fn a_time_is_written_as_rfc_3339_whatever_clocks_say() {
        let (first, last) = ("0000-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z");
        for (text, held) in [
            ("0000-01-01T00:00:00+23:59", first),
            ("9999-12-31T23:59:59.999-23:59", last),
        ] {
            assert_eq!(time(text).to_string(), held, "{text}");
        }
        assert_eq!(Timestamp::from_millis(i64::MIN).to_string(), first);
        assert_eq!(Timestamp::from_millis(i64::MAX).to_string(), last);
        // An edit of the year 26 by a clock that is 7,973 years ahead.
        let received = time("2026-01-01T00:00:00Z");
        let effective = Timestamp::effective(time("0026-01-01T00:00:00Z"), time("9999-01-01T00:00:00Z"), received);
        assert_eq!(effective.to_string(), first);
    }
}
