//! The members of a document's `metadata` that are the service's, not the client's data (docs/PROTOCOL.md).
//!
//! The apps in the field store a top-level `metadata` object and send it back unchanged. Four of its members identify
//! the version of the answer. They are not data, so the service removes them from a request and adds them to an
//! answer. A v2 client may store data of its own under these names: v1 clients neither see nor delete it.

use crate::json::{Number, Object, Value};
use crate::log::Version;
use crate::wire::v1::LastSync;
use crate::wire::v1_document::{BASE, METADATA, SERVICE_MEMBERS, TIMESTAMP, is_service_member, members_except};
use std::borrow::Cow;

/// The version from which a whole document was made, according to its `metadata`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Echo {
    /// The document names no version.
    Absent,
    /// The document names this version.
    Version {
        /// Its number, `base`.
        version: Version,
        /// When it was made, `timestamp`; `None` if the document has no readable time.
        made_at: Option<LastSync>,
    },
    /// The document names a number that cannot be a version, so the log has no such version.
    NoVersion,
}

/// Removes the service's members from `document`, and then the `metadata` object if it is empty.
///
/// Returns the version that `base` echoes, with the time that `timestamp` echoes. A `base` that is not a number never
/// came from the service, so it names no version; the same holds for a `timestamp` that is not a time.
pub(crate) fn strip(document: &mut Value) -> Echo {
    let Value::Object(members) = document else {
        return Echo::Absent;
    };
    let Some(Value::Object(metadata)) = members.get_mut(METADATA) else {
        return Echo::Absent;
    };
    let echo = match metadata.get(BASE) {
        Some(Value::Number(number)) => match version_of(number) {
            Some(version) => Echo::Version {
                version,
                made_at: metadata.get(TIMESTAMP).and_then(time_of),
            },
            None => Echo::NoVersion,
        },
        _ => Echo::Absent,
    };
    for name in SERVICE_MEMBERS {
        metadata.remove(name);
    }
    if metadata.is_empty() {
        members.remove(METADATA);
    }
    echo
}

fn version_of(number: &Number) -> Option<Version> {
    number.to_i64().and_then(|version| Version::try_from(version).ok())
}

fn time_of(timestamp: &Value) -> Option<LastSync> {
    timestamp.as_str().and_then(|text| LastSync::parse(text).ok())
}

/// Adds to `document`, which [`strip`] has stripped, everything that stripping would remove from `original`.
///
/// A v1 client never sees these members, so a document that it sends must not delete them.
pub(crate) fn restore_service_members(document: &mut Value, original: &Value) {
    let (Value::Object(members), Some(Value::Object(original))) =
        (document, original.as_object().and_then(|members| members.get(METADATA)))
    else {
        return;
    };
    let hidden = original.iter().filter(|(name, _)| is_service_member(name));
    let hidden: Object = hidden.map(|(name, value)| (name.clone(), value.clone())).collect();
    if hidden.is_empty() && !original.is_empty() {
        return;
    }
    // Metadata that is not an object is the client's data, and replaces the former metadata.
    if let Value::Object(metadata) = members.entry(METADATA.into()).or_insert_with(Value::empty_object) {
        metadata.extend(hidden);
    }
}

/// Returns `document` without the service's members, which a v1 client neither sees nor removes.
pub(crate) fn data_of_client(document: &Value) -> Cow<'_, Value> {
    let metadata = document.as_object().and_then(|members| members.get(METADATA));
    let is_hidden = |members: &Object| members.keys().any(|name| is_service_member(name));
    if !metadata.and_then(Value::as_object).is_some_and(is_hidden) {
        return Cow::Borrowed(document);
    }
    let mut document = document.clone();
    strip(&mut document);
    Cow::Owned(document)
}

/// True if the two documents are equal apart from the service's members.
pub(crate) fn has_same_data(a: &Value, b: &Value) -> bool {
    let (Value::Object(a), Value::Object(b)) = (a, b) else {
        return a == b;
    };
    members_except(a, |name| name == METADATA).eq(members_except(b, |name| name == METADATA))
        && data_of(a.get(METADATA)) == data_of(b.get(METADATA))
}

/// Returns the client's data in a top-level `metadata`; an object without such data counts as absent.
fn data_of(metadata: Option<&Value>) -> Data<'_> {
    match metadata {
        None => Data::Members(Vec::new()),
        Some(Value::Object(members)) => Data::Members(members_except(members, is_service_member).collect()),
        Some(other) => Data::Other(other),
    }
}

#[derive(PartialEq)]
enum Data<'a> {
    Members(Vec<(&'a str, &'a Value)>),
    Other(&'a Value),
}

#[cfg(test)]
mod tests {
    use super::{Echo, data_of_client, has_same_data, restore_service_members, strip};
    use crate::json::{Value, read};

    fn value(text: &str) -> Value {
        read(text.as_bytes()).unwrap()
    }

    fn stripped(text: &str) -> (Value, Echo) {
        let mut document = value(text);
        let echo = strip(&mut document);
        (document, echo)
    }

    #[test]
    fn stripping_removes_the_services_members_and_leaves_the_clients() {
        assert_eq!(
            stripped(
                r#"{"a":1,"metadata":{"sync_version":"1.0.0","device_id":"d","timestamp":"t","base":7,"theme":"dark"}}"#
            ),
            (
                value(r#"{"a":1,"metadata":{"theme":"dark"}}"#),
                Echo::Version {
                    version: 7,
                    made_at: None
                }
            )
        );
    }

    #[test]
    fn a_time_comes_with_the_version_if_it_can_be_read() {
        let made_at = |timestamp: &str| {
            let document = format!(r#"{{"metadata":{{"base":7,"timestamp":{timestamp}}}}}"#);
            match stripped(&document).1 {
                Echo::Version { version: 7, made_at } => made_at.map(|time| (time.at.to_string(), time.exact)),
                other => panic!("{other:?}"),
            }
        };
        let noon = "2026-01-31T12:00:00.250Z".to_owned();
        for timestamp in [
            r#""2026-01-31T12:00:00.250Z""#,
            r#""2026-01-31T12:00:00.250+0000""#,
            r#""2026-01-31T13:00:00.250000+01:00""#,
            r#""2026-01-31T12:00:00.250""#,
        ] {
            assert_eq!(made_at(timestamp), Some((noon.clone(), true)), "{timestamp}");
        }
        assert_eq!(made_at(r#""2026-01-31T12:00:00.250417Z""#), Some((noon, false)));
        for timestamp in [r#""yesterday""#, "1767225600000", "null", "{}"] {
            assert_eq!(made_at(timestamp), None, "{timestamp}");
        }
    }

    #[test]
    fn a_metadata_object_left_empty_is_absent() {
        for text in [
            r#"{"metadata":{}}"#,
            r#"{"metadata":{"timestamp":"t"}}"#,
            r#"{"metadata":{"base":"USD"}}"#,
        ] {
            assert_eq!(stripped(text), (value("{}"), Echo::Absent), "{text}");
        }
    }

    #[test]
    fn metadata_that_is_not_an_object_or_not_at_the_top_is_data() {
        for text in [
            r#"{"metadata":"base"}"#,
            r#"{"metadata":[{"base":1}]}"#,
            r#"{"a":{"metadata":{"base":1}}}"#,
        ] {
            assert_eq!(stripped(text), (value(text), Echo::Absent), "{text}");
        }
    }

    #[test]
    fn only_a_whole_number_that_is_not_negative_echoes_a_version() {
        let third = Echo::Version {
            version: 3,
            made_at: None,
        };
        for (base, echo) in [
            ("3", third),
            ("3.0", third),
            ("-1", Echo::NoVersion),
            ("1.5", Echo::NoVersion),
            ("1e30", Echo::NoVersion),
            ("null", Echo::Absent),
        ] {
            assert_eq!(
                stripped(&format!("{{\"metadata\":{{\"base\":{base}}}}}")).1,
                echo,
                "{base}"
            );
        }
    }

    #[test]
    fn members_that_a_v1_client_never_saw_are_restored() {
        for (sent, original, expected) in [
            (
                "{}",
                r#"{"metadata":{"device_id":"x","own":1}}"#,
                r#"{"metadata":{"device_id":"x"}}"#,
            ),
            (
                r#"{"metadata":{"own":1}}"#,
                r#"{"metadata":{"device_id":"x","own":1}}"#,
                r#"{"metadata":{"device_id":"x","own":1}}"#,
            ),
            ("{}", r#"{"metadata":{}}"#, r#"{"metadata":{}}"#),
            ("{}", r#"{"metadata":{"own":1}}"#, "{}"),
            ("{}", r#"{"metadata":[]}"#, "{}"),
            (
                r#"{"metadata":"mine"}"#,
                r#"{"metadata":{"base":9}}"#,
                r#"{"metadata":"mine"}"#,
            ),
        ] {
            let mut document = value(sent);
            restore_service_members(&mut document, &value(original));
            assert_eq!(document, value(expected), "{sent} from {original}");
        }
    }

    #[test]
    fn the_services_members_are_not_data_of_the_client() {
        for (document, data) in [
            (
                r#"{"a":1,"metadata":{"device_id":"x","own":{}}}"#,
                r#"{"a":1,"metadata":{"own":{}}}"#,
            ),
            (r#"{"a":1,"metadata":{"base":"x"}}"#, r#"{"a":1}"#),
            (r#"{"metadata":{"own":0}}"#, r#"{"metadata":{"own":0}}"#),
            (r#"{"metadata":"mine"}"#, r#"{"metadata":"mine"}"#),
            (r#"{"a":{"device_id":"x"}}"#, r#"{"a":{"device_id":"x"}}"#),
            (r#"{"metadata":{}}"#, r#"{"metadata":{}}"#),
        ] {
            assert_eq!(*data_of_client(&value(document)), value(data), "{document}");
        }
    }

    #[test]
    fn documents_are_compared_without_the_services_members() {
        for (a, b, same) in [
            ("{}", r#"{"metadata":{}}"#, true),
            (r#"{"metadata":{"base":1}}"#, r#"{"metadata":{"device_id":"x"}}"#, true),
            (r#"{"metadata":{"own":1}}"#, "{}", false),
            (r#"{"metadata":1}"#, "{}", false),
            (r#"{"a":1}"#, r#"{"a":1.0}"#, true),
            (r#"{"a":1}"#, r#"{"b":1}"#, false),
            (r#"{"a":1}"#, "{}", false),
            ("1", "1.0", true),
            ("1", "2", false),
            ("1", "{}", false),
        ] {
            assert_eq!(has_same_data(&value(a), &value(b)), same, "{a} and {b}");
        }
    }
}
