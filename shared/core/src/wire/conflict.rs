//! A conflict as both protocols show it.
//!
//! JSON: `{"path": […], "version": n, "winner": "client|server", "rule": …, "client": side, "server": side}`. A side is
//! `{"value": …, "device_id": …, "modified_at": …}`, with `"deleted": true` in place of `value` if the side deleted the
//! value, and without `device_id` if the author is unknown.

use crate::algebra::{Conflict, Side};
use crate::log::ConflictRecord;
use serde::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};

/// A conflict with its index among those of its version. In a request, version and index identify the conflict.
///
/// JSON: as a [`ConflictRecord`], with `"index": n`, counted from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexedConflict {
    /// The index.
    pub index: usize,
    /// The conflict.
    pub record: ConflictRecord,
}

impl ConflictRecord {
    fn serialize_members<S: SerializeStruct>(&self, record: &mut S) -> Result<(), S::Error> {
        let Conflict {
            path,
            winner,
            rule,
            client,
            server,
        } = &self.conflict;
        record.serialize_field("path", path)?;
        record.serialize_field("version", &self.version)?;
        record.serialize_field("winner", winner.as_str())?;
        record.serialize_field("rule", rule.as_str())?;
        record.serialize_field("client", &SideRecord(client))?;
        record.serialize_field("server", &SideRecord(server))
    }
}

impl Serialize for ConflictRecord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut record = serializer.serialize_struct("Conflict", 6)?;
        self.serialize_members(&mut record)?;
        record.end()
    }
}

impl Serialize for IndexedConflict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut record = serializer.serialize_struct("IndexedConflict", 7)?;
        record.serialize_field("index", &self.index)?;
        self.record.serialize_members(&mut record)?;
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
