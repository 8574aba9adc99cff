//! The expected answers to the events of `events/`, sent one after the other to a service with an empty table.
//!
//! They are in `tests/scenario.json`. A test checks the handlers against them, and `runtime-events` checks the
//! functions under a Lambda runtime.

use crate::answered::Answered;
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// One event and its expected answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The event: the name of a file in `events/`, without `.json`.
    pub event: String,
    /// The HTTP status.
    pub status: u16,
    /// The headers that the answer must have, by their lower-case names.
    pub headers: BTreeMap<String, String>,
    /// The body: JSON in which `"<time n>"` stands for a time. `None` if the answer has no body.
    #[serde(default)]
    pub body: Option<Value>,
}

/// Returns every step, in order.
pub fn steps() -> Vec<Step> {
    serde_json::from_str(include_str!("../scenario.json")).unwrap()
}

/// Returns the names of the events that the scenario sends, without duplicates.
pub fn events() -> BTreeSet<String> {
    steps().into_iter().map(|step| step.event).collect()
}

/// The times seen so far. `"<time n>"` is the same time in every answer, and later than the time of every lower n.
#[derive(Debug, Default)]
pub struct Times(BTreeMap<u32, String>);

impl Times {
    /// Compares an answer with its `step`. Returns one line for each difference; the text is empty if they agree.
    pub fn differences(&mut self, step: &Step, answered: &Answered) -> String {
        let mut differences = String::new();
        if answered.status != step.status {
            let _ = writeln!(differences, "status {}, expected {}", answered.status, step.status);
        }
        for (name, expected) in &step.headers {
            let seen = answered.headers.get(name).map(|value| value.to_str().unwrap_or("?"));
            if seen != Some(expected) {
                let _ = writeln!(differences, "header {name} {seen:?}, expected {expected:?}");
            }
        }
        let seen = if answered.text.is_empty() {
            Ok(None)
        } else {
            serde_json::from_str(&answered.text).map(Some)
        };
        match (&step.body, seen) {
            (None, Ok(None)) => {}
            (Some(expected), Ok(Some(seen))) if self.same(expected, &seen) => {}
            (expected, _) => {
                let expected = expected.as_ref().map(Value::to_string).unwrap_or_default();
                let _ = writeln!(differences, "body     {}\nexpected {expected}", answered.text);
            }
        }
        differences
    }

    fn same(&mut self, expected: &Value, seen: &Value) -> bool {
        match (expected, seen) {
            (Value::Object(expected), Value::Object(seen)) => {
                expected.len() == seen.len()
                    && expected
                        .iter()
                        .all(|(name, value)| seen.get(name).is_some_and(|seen| self.same(value, seen)))
            }
            (Value::Array(expected), Value::Array(seen)) => {
                expected.len() == seen.len() && expected.iter().zip(seen).all(|(value, seen)| self.same(value, seen))
            }
            (Value::String(expected), Value::String(seen)) => match number_of_time(expected) {
                Some(number) => self.is_time(number, seen),
                None => expected == seen,
            },
            _ => expected == seen,
        }
    }

    fn is_time(&mut self, number: u32, seen: &str) -> bool {
        // Times of this one form sort as their texts do.
        let earlier = self.0.range(..number).all(|(_, time)| time.as_str() < seen);
        let later = self.0.range(number + 1..).all(|(_, time)| seen < time.as_str());
        is_utc_in_milliseconds(seen)
            && earlier
            && later
            && self.0.entry(number).or_insert_with(|| seen.to_owned()) == seen
    }
}

fn number_of_time(text: &str) -> Option<u32> {
    text.strip_prefix("<time ")?.strip_suffix('>')?.parse().ok()
}

/// Returns whether `text` has the form of every time in an answer: RFC 3339 in UTC with milliseconds, such as
/// `2026-01-31T12:00:05.412Z`.
fn is_utc_in_milliseconds(text: &str) -> bool {
    let form = "0000-00-00T00:00:00.000Z";
    text.len() == form.len()
        && form.bytes().zip(text.bytes()).all(|(form, seen)| match form {
            b'0' => seen.is_ascii_digit(),
            other => seen == other,
        })
}

#[cfg(test)]
mod tests {
    use super::{Step, Times};
    use crate::answered::Answered;
    use lambda_http::http::{HeaderMap, HeaderName, HeaderValue};
    use serde_json::{Value, json};

    fn step(body: Value) -> Step {
        serde_json::from_value(json!({
            "event": "v1-read", "status": 200, "headers": {"etag": "\"1\""}, "body": body,
        }))
        .unwrap()
    }

    fn answered(status: u16, headers: &[(&'static str, &'static str)], text: &str) -> Answered {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect::<HeaderMap>();
        Answered {
            status,
            headers,
            text: text.to_owned(),
        }
    }

    #[test]
    fn any_difference_in_an_answer_is_reported() {
        let etag: &[_] = &[("etag", "\"1\"")];
        for (seen, told) in [
            (answered(200, etag, r#"{"a":[1,null]}"#), ""),
            (answered(201, etag, r#"{"a":[1,null]}"#), "status 201"),
            (answered(200, &[], r#"{"a":[1,null]}"#), "header etag None"),
            (
                answered(200, &[("etag", "\"2\"")], r#"{"a":[1,null]}"#),
                "header etag Some",
            ),
            (answered(200, etag, ""), "body"),
            (answered(200, etag, "a"), "body     a\n"),
            (answered(200, etag, r#"{"a":[1]}"#), "body"),
            (answered(200, etag, r#"{"a":[1,null],"b":1}"#), "body"),
            (answered(200, etag, r#"{"a":["1",null]}"#), "body"),
            (answered(200, etag, r#"{"b":[1,null]}"#), "body"),
        ] {
            let differences = Times::default().differences(&step(json!({"a": [1, null]})), &seen);
            assert_eq!(differences.is_empty(), told.is_empty(), "{seen:?}: {differences}");
            assert!(differences.starts_with(told), "{seen:?}: {differences}");
        }
    }

    #[test]
    fn a_numbered_time_has_one_value_and_a_higher_number_is_a_later_time() {
        let mut times = Times::default();
        let mut fits = |number: u32, seen: &str| {
            let step = step(json!(format!("<time {number}>")));
            let seen = answered(200, &[("etag", "\"1\"")], &json!(seen).to_string());
            times.differences(&step, &seen).is_empty()
        };
        assert!(fits(2, "2026-01-01T00:00:00.002Z"));
        assert!(fits(2, "2026-01-01T00:00:00.002Z"));
        assert!(!fits(2, "2026-01-01T00:00:00.003Z"), "number 2 has another time");
        assert!(!fits(3, "2026-01-01T00:00:00.002Z"), "not later than number 2");
        assert!(!fits(1, "2026-01-01T00:00:00.002Z"), "not earlier than number 2");
        assert!(fits(3, "2026-01-01T00:00:00.003Z"));
        assert!(fits(1, "2025-12-31T23:59:59.999Z"));
        for other in [
            "2026-01-01T00:00:01Z",
            "2026-01-01 00:00:01.000Z",
            "2026-01-01T00:00:01.000+00:00",
            "soon",
        ] {
            assert!(!fits(4, other), "{other}");
        }
    }
}
