//! A conflict as both protocols show it.
//!
//! JSON: `{"index": n, "path": […], "version": n, "winner": "client|server", "rule": …, "client": side, "server": side}`;
//! version and index identify the conflict in a request. A side is `{"value": …, "device_id": …, "modified_at": …}`,
//! with `"deleted": true` in place of `value` if the side deleted the value, and without `device_id` if the author is
//! unknown.

use crate::algebra::{Conflict, Side};
use crate::log::ConflictRecord;
use serde::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};

impl Serialize for ConflictRecord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Conflict {
            path,
            winner,
            rule,
            client,
            server,
        } = &self.conflict;
        let mut record = serializer.serialize_struct("Conflict", 7)?;
        record.serialize_field("index", &self.index)?;
        record.serialize_field("path", path)?;
        record.serialize_field("version", &self.version)?;
        record.serialize_field("winner", winner.as_str())?;
        record.serialize_field("rule", rule.as_str())?;
        record.serialize_field("client", &SideRecord(client))?;
        record.serialize_field("server", &SideRecord(server))?;
        record.end()
    }
}

struct SideRecord<'a>(&'a Side);

impl Serialize for SideRecord<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Side {
            value,
            device_id,
            modified_at,
        } = self.0;
        let mut side = serializer.serialize_map(None)?;
        match value {
            Some(value) => side.serialize_entry("value", value)?,
            None => side.serialize_entry("deleted", &true)?,
        }
        if let Some(device_id) = device_id {
            side.serialize_entry("device_id", device_id)?;
        }
        side.serialize_entry("modified_at", modified_at)?;
        side.end()
    }
}
