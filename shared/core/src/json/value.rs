//! JSON values.

use super::Number;
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use std::collections::BTreeMap;

/// The members of a JSON object, sorted by name so that no result depends on their order.
pub type Object = BTreeMap<Box<str>, Value>;

/// A JSON value.
///
/// Equality compares numbers by their decimal values, and ignores the order of members but not of elements.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    /// `null`: a value, unlike an absent member.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string.
    String(Box<str>),
    /// A list.
    List(Vec<Value>),
    /// An object.
    Object(Object),
}

impl Value {
    /// Returns the members of an object, or `None` for any other value.
    pub const fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    /// Returns the text of a string, or `None` for any other value.
    pub const fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// Returns an object without members.
    pub const fn empty_object() -> Self {
        Self::Object(Object::new())
    }

    /// Returns how many levels of objects and lists the value nests: 0 for a scalar, 1 for `{}`.
    pub fn depth(&self) -> usize {
        match self {
            Self::List(elements) => 1 + elements.iter().map(Self::depth).max().unwrap_or(0),
            Self::Object(members) => 1 + members.values().map(Self::depth).max().unwrap_or(0),
            _ => 0,
        }
    }

    /// Returns the value as compact JSON.
    pub fn to_json(&self) -> Vec<u8> {
        let mut out = Vec::new();
        // Writing to memory cannot fail, and every part of a value serialises.
        let _ = serde_json::to_writer(&mut out, self);
        out
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number.into())
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) => number.serialize(serializer),
            Self::String(text) => serializer.serialize_str(text),
            Self::List(elements) => {
                let mut seq = serializer.serialize_seq(Some(elements.len()))?;
                for element in elements {
                    seq.serialize_element(element)?;
                }
                seq.end()
            }
            Self::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (name, value) in members {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::json::read;

    #[test]
    fn depth_counts_levels_of_objects_and_lists() {
        for (text, depth) in [
            ("null", 0),
            ("\"a\"", 0),
            ("{}", 1),
            ("[]", 1),
            ("[1]", 1),
            (r#"{"a":[]}"#, 2),
            (r#"[{"a":1},[[]],2]"#, 3),
            (r#"{"a":{"b":{}},"c":{}}"#, 3),
        ] {
            assert_eq!(read(text.as_bytes()).unwrap().depth(), depth, "{text}");
        }
    }
}
