//! A conflict as both protocols show it.

use crate::algebra::{Conflict, Side};
use crate::log::{LoggedConflict, Version};
use serde::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};

/// A conflict and the version that recorded it, as design section 5 shows it.
///
/// JSON: `{"path": […], "version": n, "winner": "client|server", "rule": …, "client": side, "server": side}`,
/// a side being `{"value": …, "device_id": …, "modified_at": …}`, with `"deleted": true` in `value`'s place
/// where it holds none; a side whose author is not known has no `device_id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConflictRecord {
    /// The version that recorded it.
    pub version: Version,
    /// The conflict.
    pub conflict: Conflict,
}

impl From<LoggedConflict> for ConflictRecord {
    fn from(logged: LoggedConflict) -> Self {
        Self {
            version: logged.version,
            conflict: logged.conflict,
        }
    }
}

/// A conflict with its number among those that its version recorded, which names it in a request.
///
/// JSON: as a [`ConflictRecord`], and `"index": n`, counted from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexedConflict {
    /// Its number.
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
