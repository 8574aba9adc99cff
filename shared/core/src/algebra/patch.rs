//! What changes in a document: `set`, `delete` and `move`.

use super::path::{Path, Token};
use crate::error::Error;
use crate::json::{MAX_DEPTH, Value};
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::collections::HashMap;

/// Where an element of a list stands: the `after` of a `set` or `move`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// In front of all others; JSON: `null`.
    Front,
    /// Right behind the element that the token names, or at the end where it is not there.
    After(Token),
}

impl Place {
    /// Reads an `after`: `null` or an element token.
    pub fn from_json(json: &Value) -> Result<Self, Error> {
        match json {
            Value::Null => Ok(Self::Front),
            Value::Object(_) => Token::from_json(json).map(Self::After),
            _ => Err(Error::malformed("after must be null or an element token")),
        }
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Front => serializer.serialize_unit(),
            Self::After(token) => token.serialize(serializer),
        }
    }
}

/// One operation of a patch.
///
/// JSON: `{"op": "set", "path": […], "value": …, "after": …}`, `{"op": "delete", "path": […]}` or
/// `{"op": "move", "path": […], "after": …}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// The place holds `value` from now on; missing parents are made.
    Set {
        /// The place.
        path: Path,
        /// Its new value.
        value: Value,
        /// Where a new element of a list goes: at the end without one. Ignored for an element that is there.
        after: Option<Place>,
    },
    /// The place holds nothing from now on.
    Delete {
        /// The place.
        path: Path,
    },
    /// The element stands at another place of its list from now on.
    Move {
        /// The element.
        path: Path,
        /// Where it stands.
        after: Place,
    },
}

impl Op {
    /// The place that the operation names.
    pub const fn path(&self) -> &Path {
        match self {
            Self::Set { path, .. } | Self::Delete { path } | Self::Move { path, .. } => path,
        }
    }

    /// Reads an operation and checks its own form; a member that this version does not know is ignored.
    ///
    /// # Errors
    /// Malformed for wrong types, an unknown `op`, a `set` without `value` or a `move` without `after`;
    /// invalid for a path out of form, a place deeper than 64, or a `set` of an element to another identity.
    pub fn from_json(json: &Value) -> Result<Self, Error> {
        let Value::Object(members) = json else {
            return Err(Error::malformed("an operation must be an object"));
        };
        let Some(path) = members.get("path") else {
            return Err(Error::malformed("an operation must have a path"));
        };
        let after = members.get("after").map(Place::from_json);
        match members.get("op").and_then(Value::as_str) {
            Some("set") => {
                let path = Path::from_json(path)?;
                let Some(value) = members.get("value") else {
                    return Err(Error::malformed("a set must have a value"));
                };
                check_depth(&path, value)?;
                check_identity(&path, value)?;
                Ok(Self::Set {
                    path,
                    value: value.clone(),
                    after: after.transpose()?,
                })
            }
            Some("delete") => {
                let path = Path::from_json(path)?;
                check_depth(&path, &Value::Null)?;
                Ok(Self::Delete { path })
            }
            Some("move") => {
                let Some(after) = after.transpose()? else {
                    return Err(Error::malformed("a move must have an after"));
                };
                let path = Path::from_json(path)?;
                check_depth(&path, &Value::Null)?;
                if !path.tokens().last().is_some_and(Token::is_element) {
                    return Err(Error::invalid("only an element of a list can be moved"));
                }
                Ok(Self::Move { path, after })
            }
            _ => Err(Error::malformed("op must be set, delete or move")),
        }
    }
}

fn check_depth(path: &Path, value: &Value) -> Result<(), Error> {
    // A `{"value": …}` token is the element itself, which may nest deeper than the value that is set.
    let token_depth = match path.tokens().last() {
        Some(Token::Value(element)) => element.depth(),
        _ => 0,
    };
    if path.tokens().len() + value.depth().max(token_depth) > MAX_DEPTH {
        return Err(Error::invalid(format!(
            "path and value together are deeper than {MAX_DEPTH}"
        )));
    }
    Ok(())
}

fn check_identity(path: &Path, value: &Value) -> Result<(), Error> {
    match path.tokens().last() {
        Some(token) if token.is_element() && !token.names(value) => Err(Error::invalid(
            "the value set at an element must carry the identity that the path names",
        )),
        _ => Ok(()),
    }
}

impl Serialize for Op {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.serialize_members(&mut map)?;
        map.end()
    }
}

impl Op {
    /// Writes the operation's members into a map that may hold others besides.
    pub(crate) fn serialize_members<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        match self {
            Self::Set { path, value, after } => {
                map.serialize_entry("op", "set")?;
                map.serialize_entry("path", path)?;
                map.serialize_entry("value", value)?;
                if let Some(after) = after {
                    map.serialize_entry("after", after)?;
                }
            }
            Self::Delete { path } => {
                map.serialize_entry("op", "delete")?;
                map.serialize_entry("path", path)?;
            }
            Self::Move { path, after } => {
                map.serialize_entry("op", "move")?;
                map.serialize_entry("path", path)?;
                map.serialize_entry("after", after)?;
            }
        }
        Ok(())
    }
}

/// Which operations a place has in a patch, and whether any stands below it.
#[derive(Default)]
struct Seen<'a> {
    moved: bool,
    written: bool,
    below: HashMap<&'a Token, Seen<'a>>,
}

/// Checks that no path of the patch is at or inside another, save that an element may be moved and
/// edited inside (design section 4); invalid otherwise.
pub fn check_patch<'a>(ops: impl IntoIterator<Item = &'a Op>) -> Result<(), Error> {
    let mut root = Seen::default();
    for op in ops {
        let mut at = &mut root;
        for token in op.path().tokens() {
            if at.written {
                return Err(Error::invalid("the path of an operation stands inside another's"));
            }
            at = at.below.entry(token).or_default();
        }
        let is_move = matches!(op, Op::Move { .. });
        if at.written || at.moved {
            return Err(Error::invalid("two operations have the same path"));
        }
        if !is_move && !at.below.is_empty() {
            return Err(Error::invalid("the path of an operation stands inside another's"));
        }
        if is_move {
            at.moved = true;
        } else {
            at.written = true;
        }
    }
    Ok(())
}
