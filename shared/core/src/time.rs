//! Points in time, in whole milliseconds, which a JavaScript `Date` can represent.

use crate::error::Error;
use chrono::{DateTime, NaiveDateTime, SecondsFormat};
use std::borrow::Cow;
use std::fmt;

/// 0000-01-01T00:00:00.000Z.
const FIRST_MILLIS: i64 = -62_167_219_200_000;

/// 9999-12-31T23:59:59.999Z.
const LAST_MILLIS: i64 = 253_402_300_799_999;

/// A point in time: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The earliest time that can be represented: the time of an edit that is older than every other.
    pub const EARLIEST: Self = Self(FIRST_MILLIS);

    /// Returns the time `millis` milliseconds after the epoch, limited to the years 0 to 9999 that RFC 3339 can write.
    pub fn from_millis(millis: i64) -> Self {
        Self(millis.clamp(FIRST_MILLIS, LAST_MILLIS))
    }

    /// Returns the milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Reads an RFC 3339 date-time and drops the digits below a millisecond.
    ///
    /// Some apps in the field write the offset without a colon (`+0000`), which is read as well. A date-time without a
    /// zone, with `T` or a space before the time, is UTC.
    ///
    /// # Errors
    /// Malformed if the text is not a date-time.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if let Ok(zoned) = DateTime::parse_from_rfc3339(&with_colon(text)) {
            return Ok(Self::from_millis(zoned.timestamp_millis()));
        }
        NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f")
            .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f"))
            .map(|naive| Self::from_millis(naive.and_utc().timestamp_millis()))
            .map_err(|_| Error::malformed("a time must be an RFC 3339 date-time such as 2026-01-31T12:00:00.000Z"))
    }

    /// Returns the effective time of an edit: `modified_at`, corrected by the error of the device's clock, but at most
    /// `received`.
    ///
    /// `sent_at` is the device's clock at the time of sending, so its error is the difference to `received`.
    pub fn effective(modified_at: Self, sent_at: Self, received: Self) -> Self {
        let error = received.0.saturating_sub(sent_at.0);
        Self::from_millis(modified_at.0.saturating_add(error)).min(received)
    }

    /// Returns the time `age` milliseconds before this one.
    #[must_use]
    pub fn before_by(self, age: u64) -> Self {
        Self::from_millis(self.0.saturating_sub_unsigned(age))
    }

    /// Returns `now`, or one millisecond after `previous` if that is later, so that times grow strictly.
    pub fn after(previous: Self, now: Self) -> Self {
        now.max(Self::from_millis(previous.0.saturating_add(1)))
    }
}

/// Adds the colon to an offset that is written without one: `+0000` becomes `+00:00`.
fn with_colon(text: &str) -> Cow<'_, str> {
    let Some((rest, offset)) = text.split_at_checked(text.len().saturating_sub(4)) else {
        return text.into();
    };
    // The date is the part before the time. Its hyphens are no signs of an offset.
    let is_offset =
        rest.ends_with(['+', '-']) && rest.contains(':') && offset.bytes().all(|byte| byte.is_ascii_digit());
    match offset.split_at_checked(2) {
        Some((hours, minutes)) if is_offset => format!("{rest}{hours}:{minutes}").into(),
        _ => text.into(),
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
    fn an_offset_is_read_with_and_without_a_colon() {
        for text in [
            "2026-01-31T12:00:00.250Z",
            "2026-01-31T12:00:00.250+00:00",
            "2026-01-31T12:00:00.250+0000",
            "2026-01-31T12:00:00.250-0000",
            "2026-01-31 12:00:00.250+0000",
            "2026-01-31T14:30:00.250+0230",
            "2026-01-31T09:30:00.250-0230",
            "2026-01-31T12:00:00.250",
            "2026-01-31 12:00:00.250",
            "2026-01-31T12:00:00.250999+0000",
        ] {
            assert_eq!(time(text).to_string(), "2026-01-31T12:00:00.250Z", "{text}");
        }
        for text in [
            "",
            "+0000",
            "2026-0131",
            "2026-01-0131",
            "2026-01-31T12:00:00+000",
            "2026-01-31T12:00:00+00000",
            "2026-01-31T12:00:00+2500",
            "2026-01-31T12:00:00+0060",
            "2026-01-31T12:00:00 0000",
            "2026-01-31T12:00:00++0000",
            "2026-01-31T12:00:00Z0000",
            "2026-01-31T12:00:00+٠٠",
            "2026-01-31T12:00:00+é00",
        ] {
            assert!(Timestamp::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_time_can_be_written_as_rfc_3339_however_wrong_a_clock_is() {
        let (first, last) = ("0000-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z");
        for (text, limited) in [
            ("0000-01-01T00:00:00+23:59", first),
            ("9999-12-31T23:59:59.999-23:59", last),
        ] {
            assert_eq!(time(text).to_string(), limited, "{text}");
        }
        assert_eq!(Timestamp::from_millis(i64::MIN).to_string(), first);
        assert_eq!(Timestamp::from_millis(i64::MAX).to_string(), last);
        // An edit of the year 26 by a clock that is 7,973 years fast.
        let received = time("2026-01-01T00:00:00Z");
        let effective = Timestamp::effective(time("0026-01-01T00:00:00Z"), time("9999-01-01T00:00:00Z"), received);
        assert_eq!(effective.to_string(), first);
    }
}
