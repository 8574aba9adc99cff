//! The encoding of patches and snapshots as stored bytes.
//!
//! - A patch is `{"format": 1, "edits": [edit…], "conflicts": [conflict…]}`. An edit is the operation as on the wire,
//!   with its effective time in milliseconds as the member `"at"`.
//! - A snapshot is
//!   `{"format": 1, "bytes": n, "at_patch_bytes": n, "at_stored_bytes": n, "document": {…}}`.
//!
//! An edit nests exactly as deep as it did in its request. So every operation that the service has accepted can be read
//! again within the same limit of depth.
//!
//! Unknown members are ignored, so that a later release may add members without a new format. An unknown format is
//! refused, because part of a patch must never pass for the whole.

use super::{Edit, Patch, Snapshot, SnapshotDraft, SnapshotMark, Version};
use crate::algebra::{Conflict, Op, Path, Rule, Side, Winner};
use crate::error::Error;
use crate::id::DeviceId;
use crate::json::{self, Object, ReadError, Value};
use crate::time::Timestamp;
use serde::ser::{Serialize, SerializeMap, Serializer};

/// The format that this release writes, and the newest that it reads.
const FORMAT: i64 = 1;

/// The reason for which stored bytes were not decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes are not JSON that the service could have written.
    #[error(transparent)]
    Json(#[from] ReadError),
    /// A later release of the service wrote them.
    #[error("format {0} is newer than {FORMAT}, the newest that this release reads")]
    NewerFormat(i64),
    /// A member is missing or has the wrong type.
    #[error("{0}")]
    Member(&'static str),
    /// A path, an operation or an id is malformed.
    #[error(transparent)]
    Form(#[from] Error),
}

impl Patch {
    /// Encodes the patch as stored bytes.
    pub fn encode(&self) -> Vec<u8> {
        to_json(&StoredPatch(self))
    }

    /// Decodes the bytes that [`Self::encode`] of this or an earlier release wrote.
    ///
    /// # Errors
    /// Any bytes but a whole patch of a known format.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let stored = read_object(bytes)?;
        let edits = list(&stored, "edits", "edits must be a list")?;
        let conflicts = list(&stored, "conflicts", "conflicts must be a list")?;
        Ok(Self {
            edits: edits.iter().map(decode_edit).collect::<Result<_, _>>()?,
            conflicts: conflicts.iter().map(decode_conflict).collect::<Result<_, _>>()?,
        })
    }
}

impl SnapshotDraft {
    /// Encodes the snapshot as stored bytes. The version is not among them: it is part of the key.
    pub fn encode(&self) -> Vec<u8> {
        to_json(&StoredSnapshot(self))
    }
}

impl Snapshot {
    /// Decodes the bytes that [`SnapshotDraft::encode`] of this or an earlier release wrote for `version`; the store
    /// needs `stored_bytes` bytes for them.
    ///
    /// # Errors
    /// Any bytes but a whole snapshot of a known format. Unreadable bytes never become an empty document.
    pub fn decode(version: Version, bytes: &[u8], stored_bytes: u64) -> Result<Self, DecodeError> {
        let mut stored = read_object(bytes)?;
        let mark = SnapshotMark {
            version,
            document_bytes: sum(&stored, "bytes")?,
            stored_bytes,
            at_patch_bytes: sum(&stored, "at_patch_bytes")?,
            at_stored_bytes: sum(&stored, "at_stored_bytes")?,
        };
        match stored.remove("document") {
            Some(document @ Value::Object(_)) => Ok(Self { mark, document }),
            _ => Err(DecodeError::Member("document must be an object")),
        }
    }
}

fn to_json(stored: &impl Serialize) -> Vec<u8> {
    let mut out = Vec::new();
    // Writing to memory cannot fail, and every part of a patch or snapshot can be written as JSON.
    let _ = serde_json::to_writer(&mut out, stored);
    out
}

fn read_object(bytes: &[u8]) -> Result<Object, DecodeError> {
    let Value::Object(stored) = json::read(bytes)? else {
        return Err(DecodeError::Member("the stored value must be an object"));
    };
    match stored.get("format").and_then(whole) {
        Some(FORMAT) => Ok(stored),
        Some(newer) if newer > FORMAT => Err(DecodeError::NewerFormat(newer)),
        _ => Err(DecodeError::Member("format must be the number of a known format")),
    }
}

fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.to_i64(),
        _ => None,
    }
}

fn list<'a>(members: &'a Object, name: &str, error: &'static str) -> Result<&'a [Value], DecodeError> {
    match members.get(name) {
        Some(Value::List(elements)) => Ok(elements),
        _ => Err(DecodeError::Member(error)),
    }
}

fn sum(members: &Object, name: &str) -> Result<u64, DecodeError> {
    let sum = members.get(name).and_then(whole);
    sum.and_then(|sum| u64::try_from(sum).ok())
        .ok_or(DecodeError::Member("a size must be a whole number of bytes"))
}

fn time(members: &Object) -> Result<Timestamp, DecodeError> {
    let millis = members.get("at").and_then(whole);
    millis
        .map(Timestamp::from_millis)
        .ok_or(DecodeError::Member("at must be a whole number of milliseconds"))
}

fn decode_edit(json: &Value) -> Result<Edit, DecodeError> {
    let members = json
        .as_object()
        .ok_or(DecodeError::Member("an edit must be an object"))?;
    Ok(Edit {
        op: Op::from_json(json)?,
        at: time(members)?,
    })
}

fn decode_conflict(json: &Value) -> Result<Conflict, DecodeError> {
    let members = json
        .as_object()
        .ok_or(DecodeError::Member("a conflict must be an object"))?;
    let path = members
        .get("path")
        .ok_or(DecodeError::Member("a conflict must have a path"))?;
    let winner = members.get("winner").and_then(Value::as_str);
    let rule = members.get("rule").and_then(Value::as_str);
    Ok(Conflict {
        path: Path::from_json(path)?,
        winner: winner
            .and_then(Winner::parse)
            .ok_or(DecodeError::Member("winner must be client or server"))?,
        rule: rule
            .and_then(Rule::parse)
            .ok_or(DecodeError::Member("rule must be a known rule"))?,
        client: decode_side(members.get("client"))?,
        server: decode_side(members.get("server"))?,
    })
}

fn decode_side(json: Option<&Value>) -> Result<Side, DecodeError> {
    let members = json
        .and_then(Value::as_object)
        .ok_or(DecodeError::Member("a conflict must have both sides"))?;
    let device_id = match members.get("device_id") {
        None => None,
        Some(Value::String(text)) => Some(DeviceId::parse(text)?),
        Some(_) => return Err(DecodeError::Member("device_id must be a string")),
    };
    Ok(Side {
        value: members.get("value").cloned(),
        device_id,
        modified_at: time(members)?,
    })
}

struct StoredPatch<'a>(&'a Patch);

impl Serialize for StoredPatch<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let edits: Vec<_> = self.0.edits.iter().map(StoredEdit).collect();
        let conflicts: Vec<_> = self.0.conflicts.iter().map(StoredConflict).collect();
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("format", &FORMAT)?;
        map.serialize_entry("edits", &edits)?;
        map.serialize_entry("conflicts", &conflicts)?;
        map.end()
    }
}

struct StoredSnapshot<'a>(&'a SnapshotDraft);

impl Serialize for StoredSnapshot<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let draft = self.0;
        let mut map = serializer.serialize_map(Some(5))?;
        map.serialize_entry("format", &FORMAT)?;
        map.serialize_entry("bytes", &draft.document_bytes)?;
        map.serialize_entry("at_patch_bytes", &draft.at_patch_bytes)?;
        map.serialize_entry("at_stored_bytes", &draft.at_stored_bytes)?;
        map.serialize_entry("document", &draft.document)?;
        map.end()
    }
}

struct StoredEdit<'a>(&'a Edit);

impl Serialize for StoredEdit<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.0.op.serialize_members(&mut map)?;
        map.serialize_entry("at", &self.0.at.millis())?;
        map.end()
    }
}

struct StoredConflict<'a>(&'a Conflict);

impl Serialize for StoredConflict<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Conflict {
            path,
            winner,
            rule,
            client,
            server,
        } = self.0;
        let mut map = serializer.serialize_map(Some(5))?;
        map.serialize_entry("path", path)?;
        map.serialize_entry("winner", winner.as_str())?;
        map.serialize_entry("rule", rule.as_str())?;
        map.serialize_entry("client", &StoredSide(client))?;
        map.serialize_entry("server", &StoredSide(server))?;
        map.end()
    }
}

struct StoredSide<'a>(&'a Side);

impl Serialize for StoredSide<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(value) = &self.0.value {
            map.serialize_entry("value", value)?;
        }
        if let Some(device_id) = &self.0.device_id {
            map.serialize_entry("device_id", device_id)?;
        }
        map.serialize_entry("at", &self.0.modified_at.millis())?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::DecodeError;
    use crate::algebra::{Conflict, Op, Path, Position, Rule, Side, Winner};
    use crate::id::DeviceId;
    use crate::json::{MAX_DEPTH, ReadError, Value, read};
    use crate::log::{Edit, Patch, Snapshot, SnapshotDraft};
    use crate::time::Timestamp;

    fn value(json: &str) -> Value {
        read(json.as_bytes()).unwrap()
    }

    fn edit(json: &str, at: i64) -> Edit {
        Edit {
            op: Op::from_json(&value(json)).unwrap(),
            at: Timestamp::from_millis(at),
        }
    }

    fn a_patch() -> Patch {
        Patch {
            edits: vec![
                edit(r#"{"op":"set","path":["a","b.c"],"value":1.50}"#, 1_700_000_000_001),
                edit(
                    r#"{"op":"set","path":["t",{"id":9007199254740993}],"value":{"id":9007199254740993,"x":null},"after":null}"#,
                    -5,
                ),
                edit(r#"{"op":"move","path":["t",{"_id":"x"}],"after":{"_id":"y"}}"#, 0),
                edit(r#"{"op":"delete","path":["tags",{"value":{"k":[1e2]}}]}"#, 7),
            ],
            conflicts: vec![Conflict {
                path: Path::from_json(&value(r#"["t",{"uuid":"u"},"amount"]"#)).unwrap(),
                winner: Winner::Server,
                rule: Rule::DeviceRank,
                client: Side {
                    value: Some(Value::Null),
                    device_id: Some(DeviceId::parse("phone").unwrap()),
                    modified_at: Timestamp::from_millis(3),
                },
                server: Side {
                    value: None,
                    device_id: None,
                    modified_at: Timestamp::from_millis(4),
                },
            }],
        }
    }

    #[test]
    fn a_decoded_patch_has_its_times_its_conflicts_and_the_text_of_its_numbers() {
        let bytes = a_patch().encode();
        assert_eq!(Patch::decode(&bytes), Ok(a_patch()));
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.contains("1.50") && text.contains("[1e2]"), "{text}");
        assert_eq!(Patch::decode(&Patch::default().encode()), Ok(Patch::default()));
    }

    #[test]
    fn every_rule_and_every_winner_is_decoded_as_it_was_encoded() {
        for winner in Winner::ALL {
            for rule in Rule::ALL {
                let mut patch = a_patch();
                patch.conflicts[0].winner = winner;
                patch.conflicts[0].rule = rule;
                assert_eq!(Patch::decode(&patch.encode()), Ok(patch));
            }
        }
    }

    #[test]
    fn the_stored_form_of_format_1_does_not_change() {
        let patch = Patch {
            edits: vec![edit(r#"{"op":"delete","path":["a"]}"#, 12)],
            conflicts: a_patch().conflicts,
        };
        assert_eq!(
            String::from_utf8(patch.encode()).unwrap(),
            r#"{"format":1,"edits":[{"op":"delete","path":["a"],"at":12}],"conflicts":[{"path":["t",{"uuid":"u"},"amount"],"winner":"server","rule":"device_rank","client":{"value":null,"device_id":"phone","at":3},"server":{"at":4}}]}"#
        );
    }

    #[test]
    fn the_deepest_operations_of_a_request_can_be_decoded() {
        let deep = |depth: usize| {
            let mut value = Value::empty_object();
            for _ in 1..depth {
                value = Value::Object([("a".into(), value)].into());
            }
            value
        };
        let json = |value: &Value| String::from_utf8(value.to_json()).unwrap();
        let set = format!(r#"{{"op":"set","path":["a"],"value":{}}}"#, json(&deep(MAX_DEPTH - 1)));
        let element = json(&deep(MAX_DEPTH - 2));
        let delete = format!(r#"{{"op":"delete","path":["a",{{"value":{element}}}]}}"#);
        let after = json(&deep(MAX_DEPTH));
        let moved = format!(r#"{{"op":"move","path":["a",{{"value":"x"}}],"after":{{"value":{after}}}}}"#);
        let patch = Patch {
            edits: vec![edit(&set, 1), edit(&delete, 1), edit(&moved, 1)],
            conflicts: Vec::new(),
        };
        assert!(matches!(
            &patch.edits[2].op,
            Op::Move {
                after: Position::After(_),
                ..
            }
        ));
        assert_eq!(Patch::decode(&patch.encode()), Ok(patch));
    }

    #[test]
    fn bytes_that_are_not_a_whole_patch_of_a_known_format_are_an_error() {
        let text = String::from_utf8(a_patch().encode()).unwrap();
        for end in 0..text.len() {
            if text.is_char_boundary(end) {
                assert!(Patch::decode(&text.as_bytes()[..end]).is_err(), "cut at {end}");
            }
        }
        let newer = text.replacen("\"format\":1", "\"format\":2", 1);
        assert_eq!(Patch::decode(newer.as_bytes()), Err(DecodeError::NewerFormat(2)));
        for stored in [
            "[]",
            "{}",
            r#"{"format":1}"#,
            r#"{"format":0,"edits":[],"conflicts":[]}"#,
            r#"{"format":"1","edits":[],"conflicts":[]}"#,
            r#"{"format":1,"edits":[],"conflicts":{}}"#,
            r#"{"format":1,"edits":[{}],"conflicts":[]}"#,
            r#"{"format":1,"edits":[1],"conflicts":[]}"#,
            r#"{"format":1,"edits":[{"op":"delete","path":["a"]}],"conflicts":[]}"#,
            r#"{"format":1,"edits":[{"op":"delete","path":["a"],"at":1.5}],"conflicts":[]}"#,
            r#"{"format":1,"edits":[],"conflicts":[{"path":["a"],"winner":"nobody"}]}"#,
        ] {
            assert!(
                matches!(
                    Patch::decode(stored.as_bytes()),
                    Err(DecodeError::Member(_) | DecodeError::Form(_))
                ),
                "{stored}"
            );
        }
    }

    #[test]
    fn only_a_whole_snapshot_is_decoded() {
        let draft = SnapshotDraft {
            version: 7,
            document_bytes: 35,
            at_patch_bytes: 40,
            at_stored_bytes: 900,
            document: value(r#"{"format":2,"document":[],"n":0.10}"#),
        };
        let bytes = draft.encode();
        assert_eq!(
            String::from_utf8(bytes.clone()).unwrap(),
            r#"{"format":1,"bytes":35,"at_patch_bytes":40,"at_stored_bytes":900,"document":{"document":[],"format":2,"n":0.10}}"#
        );
        let snapshot = Snapshot {
            mark: draft.mark(60),
            document: draft.document,
        };
        assert_eq!(Snapshot::decode(7, &bytes, 60), Ok(snapshot));
        let with = |sizes: &str, document: &str| format!(r#"{{"format":1,{sizes}{document}}}"#);
        let sizes = r#""bytes":2,"at_patch_bytes":0,"at_stored_bytes":9"#;
        assert!(Snapshot::decode(1, with(sizes, r#","document":{}"#).as_bytes(), 0).is_ok());
        for (stored, error) in [
            ("{}".to_owned(), "format must be the number of a known format"),
            (with(sizes, ""), "document must be an object"),
            (with(sizes, r#","document":[]"#), "document must be an object"),
            (
                r#"{"format":1,"document":{}}"#.to_owned(),
                "a size must be a whole number of bytes",
            ),
            (
                with(&sizes.replace('9', "-9"), r#","document":{}"#),
                "a size must be a whole number of bytes",
            ),
        ] {
            assert_eq!(
                Snapshot::decode(1, stored.as_bytes(), 0),
                Err(DecodeError::Member(error)),
                "{stored}"
            );
        }
        assert_eq!(
            Snapshot::decode(1, br#"{"format":3,"document":{}}"#, 0),
            Err(DecodeError::NewerFormat(3))
        );
        assert!(matches!(
            Snapshot::decode(1, b"", 0),
            Err(DecodeError::Json(ReadError::NotJson(_)))
        ));
    }
}
