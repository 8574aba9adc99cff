//! A document as v1 answers contain it: with the service's members in its `metadata` (docs/PROTOCOL.md).

use crate::id::DeviceId;
use crate::json::{Object, Value};
use crate::log::{Change, Version};
use crate::time::Timestamp;
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::sync::Arc;

/// The top-level member that v1 clients store and send back unchanged.
pub(crate) const METADATA: &str = "metadata";
/// The service's member of `metadata` that names the version of the answer.
pub(crate) const BASE: &str = "base";
const DEVICE_ID: &str = "device_id";
const SYNC_VERSION: &str = "sync_version";
/// The service's member of `metadata` that says when that version was made.
pub(crate) const TIMESTAMP: &str = "timestamp";

/// The service's members of `metadata`, sorted by name.
pub(crate) const SERVICE_MEMBERS: [&str; 4] = [BASE, DEVICE_ID, SYNC_VERSION, TIMESTAMP];

/// The `sync_version` of protocol v1.
const SYNC_VERSION_VALUE: &str = "1.0.0";

/// True if the member `name` of `metadata` belongs to the service and is not the client's data.
pub(crate) fn is_service_member(name: &str) -> bool {
    SERVICE_MEMBERS.contains(&name)
}

/// Returns the members of an object, except those for whose name `is_excluded` is true.
pub(crate) fn members_except(
    members: &Object,
    is_excluded: impl Fn(&str) -> bool,
) -> impl Iterator<Item = (&str, &Value)> {
    let named = members.iter().map(|(name, value)| (&**name, value));
    named.filter(move |(name, _)| !is_excluded(name))
}

/// A document as a v1 client receives it: with the head's version, device and time in its `metadata`.
///
/// If the document's own `metadata` is not an object, nothing is added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct V1Document {
    document: Arc<Value>,
    version: Version,
    device_id: Option<DeviceId>,
    timestamp: Timestamp,
}

impl V1Document {
    /// Adds the members of the version that `head` made to its `document`.
    pub fn new(document: impl Into<Arc<Value>>, head: &Change) -> Self {
        Self {
            document: document.into(),
            version: head.version,
            device_id: head.device_id.clone(),
            timestamp: head.last_sync_at,
        }
    }

    /// Returns the document as it is in the log.
    pub fn document(&self) -> &Value {
        &self.document
    }
}

impl Serialize for V1Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Value::Object(members) = &*self.document else {
            return self.document.serialize(serializer);
        };
        let empty = Object::new();
        let own = match members.get(METADATA) {
            None => &empty,
            Some(Value::Object(own)) => own,
            Some(_) => return self.document.serialize(serializer),
        };
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in members_except(members, |name| name == METADATA) {
            map.serialize_entry(name, value)?;
        }
        map.serialize_entry(METADATA, &Metadata { own, head: self })?;
        map.end()
    }
}

struct Metadata<'a> {
    own: &'a Object,
    /// The document whose version, device and time are added.
    head: &'a V1Document,
}

impl Serialize for Metadata<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in members_except(self.own, is_service_member) {
            map.serialize_entry(name, value)?;
        }
        map.serialize_entry(BASE, &self.head.version)?;
        map.serialize_entry(DEVICE_ID, &self.head.device_id)?;
        map.serialize_entry(SYNC_VERSION, SYNC_VERSION_VALUE)?;
        map.serialize_entry(TIMESTAMP, &self.head.timestamp)?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::V1Document;
    use crate::id::DeviceId;
    use crate::json::{Value, read};
    use crate::time::Timestamp;

    fn value(text: &str) -> Value {
        read(text.as_bytes()).unwrap()
    }

    #[test]
    fn the_services_members_replace_data_of_the_same_names() {
        let written = |text: &str| {
            let document = V1Document {
                document: value(text).into(),
                version: 4,
                device_id: DeviceId::parse("phone").ok(),
                timestamp: Timestamp::from_millis(0),
            };
            value(&serde_json::to_string(&document).unwrap())
        };
        let service = r#""base":4,"device_id":"phone","sync_version":"1.0.0","timestamp":"1970-01-01T00:00:00.000Z""#;
        assert_eq!(written("{}"), value(&format!(r#"{{"metadata":{{{service}}}}}"#)));
        assert_eq!(
            written(r#"{"a":1,"metadata":{"base":"v2 data","own":true}}"#),
            value(&format!(r#"{{"a":1,"metadata":{{"own":true,{service}}}}}"#))
        );
        assert_eq!(written(r#"{"metadata":3}"#), value(r#"{"metadata":3}"#));
    }
}
