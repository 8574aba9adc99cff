//! The members of a document's `metadata` that are the service's, not the client's data (docs/PROTOCOL.md).
//!
//! The apps in the field store a top-level `metadata` object and send it back unchanged. Four of its members identify
//! the version of the answer. They are not data, so the service removes them from a request and adds them to an
//! answer. A v2 client may store data of its own under these names: v1 clients neither see nor delete it.

use crate::json::{Number, Object, Value};
use crate::log::Version;
use crate::wire::v1_document::{BASE, METADATA, SERVICE_MEMBERS, is_service_member, members_except};

/// The version from which a whole document was made, according to its `metadata.base`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Echo {
    /// The document names no version.
    Absent,
    /// The document names this version.
    Version(Version),
    /// The document names a number that cannot be a version, so the log has no such version.
    NoVersion,
}

/// Removes the service's members from `document`, and then the `metadata` object if it is empty.
///
/// Returns the version that `base` echoes. A `base` that is not a number never came from the service, so it names no
/// version.
pub(crate) fn strip(document: &mut Value) -> Echo {
    let Value::Object(members) = document else {
        return Echo::Absent;
    };
    let Some(Value::Object(metadata)) = members.get_mut(METADATA) else {
        return Echo::Absent;
    };
    let echo = match metadata.get(BASE) {
        Some(Value::Number(number)) => version_of(number),
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

fn version_of(number: &Number) -> Echo {
    number
        .to_i64()
        .and_then(|version| Version::try_from(version).ok())
        .map_or(Echo::NoVersion, Echo::Version)
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

/// True if the document contains a scalar that is not one of the service's members.
pub(crate) fn has_a_scalar_of_its_own(document: &Value) -> bool {
    let Value::Object(members) = document else {
        return document.contains_scalar();
    };
    members.iter().any(|(name, value)| match value {
        Value::Object(metadata) if &**name == METADATA => metadata
            .iter()
            .any(|(name, value)| !is_service_member(name) && value.contains_scalar()),
        _ => value.contains_scalar(),
    })
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
    use super::{Echo, has_a_scalar_of_its_own, has_same_data, restore_service_members, strip};
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
            (value(r#"{"a":1,"metadata":{"theme":"dark"}}"#), Echo::Version(7))
        );
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
        for (base, echo) in [
            ("3", Echo::Version(3)),
            ("3.0", Echo::Version(3)),
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
    fn the_services_members_are_not_scalars_of_the_document() {
        assert!(!has_a_scalar_of_its_own(&value(
            r#"{"a":{},"metadata":{"device_id":"x","own":{}}}"#
        )));
        assert!(has_a_scalar_of_its_own(&value(r#"{"metadata":{"own":0}}"#)));
        assert!(has_a_scalar_of_its_own(&value(r#"{"metadata":"mine"}"#)));
        assert!(has_a_scalar_of_its_own(&value(r#"{"a":[[null]]}"#)));
        // They belong to the service only in the top-level `metadata`.
        assert!(has_a_scalar_of_its_own(&value(r#"{"a":{"device_id":"x"}}"#)));
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
