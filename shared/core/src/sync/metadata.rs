//! The members of a document's `metadata` that are the service's, not the client's data (design section 5, v1).
//!
//! The apps in the field carry a top-level `metadata` object and send it back as they got it. Four of its
//! members tell which version that was; they are no data, so they come off on the way in and are put on
//! again on the way out. A v2 client may well keep data of its own under these names: v1 clients neither
//! see nor delete it.

use crate::id::DeviceId;
use crate::json::{Number, Object, Value};
use crate::log::{Change, Version};
use crate::time::Timestamp;
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::sync::Arc;

const METADATA: &str = "metadata";
const BASE: &str = "base";
const DEVICE_ID: &str = "device_id";
const SYNC_VERSION: &str = "sync_version";
const TIMESTAMP: &str = "timestamp";

/// The service's members, sorted by name.
const SERVICE_MEMBERS: [&str; 4] = [BASE, DEVICE_ID, SYNC_VERSION, TIMESTAMP];

/// The `sync_version` of protocol v1.
const SYNC_VERSION_VALUE: &str = "1.0.0";

/// What a whole document says about the version that it was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Echo {
    /// Nothing.
    Absent,
    /// The version that an answer had in `metadata.base`.
    Version(Version),
    /// A number that is no version, so none that the log has.
    NoVersion,
}

/// Takes the service's members out of `document`; a `metadata` object left empty goes too.
///
/// The answer is what `base` among them echoed. A `base` that is no number never came from the service
/// and says nothing.
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

/// Gives `document`, which [`strip`] went over, what stripping would take out of `from`, so that a
/// document which went through a v1 client keeps the data that the client never saw.
pub(crate) fn give_back(document: &mut Value, from: &Value) {
    let (Value::Object(members), Some(Value::Object(held))) =
        (document, from.as_object().and_then(|members| members.get(METADATA)))
    else {
        return;
    };
    let hidden = held.iter().filter(|(name, _)| is_service_member(name));
    let hidden: Object = hidden.map(|(name, value)| (name.clone(), value.clone())).collect();
    if hidden.is_empty() && !held.is_empty() {
        return;
    }
    // Metadata that is no object is data of the client: it replaces what was there.
    if let Value::Object(metadata) = members.entry(METADATA.into()).or_insert_with(Value::empty_object) {
        metadata.extend(hidden);
    }
}

/// True where the document without the service's members holds a scalar.
pub(crate) fn holds_a_scalar_aside(document: &Value) -> bool {
    let Value::Object(members) = document else {
        return document.holds_a_scalar();
    };
    members.iter().any(|(name, value)| match value {
        Value::Object(metadata) if &**name == METADATA => metadata
            .iter()
            .any(|(name, value)| !is_service_member(name) && value.holds_a_scalar()),
        _ => value.holds_a_scalar(),
    })
}

/// True where the two documents are the same, the service's members aside.
pub(crate) fn same_aside(a: &Value, b: &Value) -> bool {
    let (Value::Object(a), Value::Object(b)) = (a, b) else {
        return a == b;
    };
    members_but(a, |name| name == METADATA).eq(members_but(b, |name| name == METADATA))
        && data_of(a.get(METADATA)) == data_of(b.get(METADATA))
}

fn members_but(members: &Object, left_out: impl Fn(&str) -> bool) -> impl Iterator<Item = (&str, &Value)> {
    let named = members.iter().map(|(name, value)| (&**name, value));
    named.filter(move |(name, _)| !left_out(name))
}

/// What of a top-level `metadata` is data; an object without any is absent.
fn data_of(metadata: Option<&Value>) -> Data<'_> {
    match metadata {
        None => Data::Members(Vec::new()),
        Some(Value::Object(members)) => Data::Members(members_but(members, is_service_member).collect()),
        Some(other) => Data::Other(other),
    }
}

#[derive(PartialEq)]
enum Data<'a> {
    Members(Vec<(&'a str, &'a Value)>),
    Other(&'a Value),
}

fn is_service_member(name: &str) -> bool {
    SERVICE_MEMBERS.contains(&name)
}

/// A document as a v1 client gets it: with the head's members in its `metadata`.
///
/// A document whose `metadata` is no object is left as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamped {
    document: Arc<Value>,
    version: Version,
    device_id: Option<DeviceId>,
    timestamp: Timestamp,
}

impl Stamped {
    /// `document`, which is that of the version that `head` made.
    pub fn new(document: impl Into<Arc<Value>>, head: &Change) -> Self {
        Self {
            document: document.into(),
            version: head.version,
            device_id: head.device_id.clone(),
            timestamp: head.last_sync_at,
        }
    }

    /// The document itself, as the log has it.
    pub fn document(&self) -> &Value {
        &self.document
    }
}

impl Serialize for Stamped {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Value::Object(members) = &*self.document else {
            return self.document.serialize(serializer);
        };
        let nothing = Object::new();
        let own = match members.get(METADATA) {
            None => &nothing,
            Some(Value::Object(own)) => own,
            Some(_) => return self.document.serialize(serializer),
        };
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in members_but(members, |name| name == METADATA) {
            map.serialize_entry(name, value)?;
        }
        map.serialize_entry(METADATA, &StampedMetadata { own, stamp: self })?;
        map.end()
    }
}

struct StampedMetadata<'a> {
    own: &'a Object,
    stamp: &'a Stamped,
}

impl Serialize for StampedMetadata<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in members_but(self.own, is_service_member) {
            map.serialize_entry(name, value)?;
        }
        map.serialize_entry(BASE, &self.stamp.version)?;
        map.serialize_entry(DEVICE_ID, &self.stamp.device_id)?;
        map.serialize_entry(SYNC_VERSION, SYNC_VERSION_VALUE)?;
        map.serialize_entry(TIMESTAMP, &self.stamp.timestamp)?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::{Echo, Stamped, give_back, holds_a_scalar_aside, same_aside, strip};
    use crate::id::DeviceId;
    use crate::json::{Value, read};
    use crate::time::Timestamp;

    fn value(text: &str) -> Value {
        read(text.as_bytes()).unwrap()
    }

    fn stripped(text: &str) -> (Value, Echo) {
        let mut document = value(text);
        let echo = strip(&mut document);
        (document, echo)
    }

    #[test]
    fn the_services_members_come_off_and_the_clients_stay() {
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
    fn metadata_that_is_no_object_or_not_at_the_top_is_data() {
        for text in [
            r#"{"metadata":"base"}"#,
            r#"{"metadata":[{"base":1}]}"#,
            r#"{"a":{"metadata":{"base":1}}}"#,
        ] {
            assert_eq!(stripped(text), (value(text), Echo::Absent), "{text}");
        }
    }

    #[test]
    fn only_a_whole_number_from_zero_on_echoes_a_version() {
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
    fn what_a_v1_client_never_saw_is_given_back() {
        for (sent, held, whole) in [
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
            give_back(&mut document, &value(held));
            assert_eq!(document, value(whole), "{sent} from {held}");
        }
    }

    #[test]
    fn the_services_members_are_no_scalars_of_the_document() {
        assert!(!holds_a_scalar_aside(&value(
            r#"{"a":{},"metadata":{"device_id":"x","own":{}}}"#
        )));
        assert!(holds_a_scalar_aside(&value(r#"{"metadata":{"own":0}}"#)));
        assert!(holds_a_scalar_aside(&value(r#"{"metadata":"mine"}"#)));
        assert!(holds_a_scalar_aside(&value(r#"{"a":[[null]]}"#)));
        // They are the service's at the top alone.
        assert!(holds_a_scalar_aside(&value(r#"{"a":{"device_id":"x"}}"#)));
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
            assert_eq!(same_aside(&value(a), &value(b)), same, "{a} and {b}");
        }
    }

    #[test]
    fn the_heads_members_go_out_in_place_of_data_of_the_same_names() {
        let stamped = |text: &str| {
            let stamped = Stamped {
                document: value(text).into(),
                version: 4,
                device_id: DeviceId::parse("phone").ok(),
                timestamp: Timestamp::from_millis(0),
            };
            value(&serde_json::to_string(&stamped).unwrap())
        };
        let service = r#""base":4,"device_id":"phone","sync_version":"1.0.0","timestamp":"1970-01-01T00:00:00.000Z""#;
        assert_eq!(stamped("{}"), value(&format!(r#"{{"metadata":{{{service}}}}}"#)));
        assert_eq!(
            stamped(r#"{"a":1,"metadata":{"base":"v2 data","own":true}}"#),
            value(&format!(r#"{{"a":1,"metadata":{{"own":true,{service}}}}}"#))
        );
        assert_eq!(stamped(r#"{"metadata":3}"#), value(r#"{"metadata":3}"#));
    }
}
