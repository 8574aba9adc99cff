//! Operations on a document: `set`, `delete` and `move`.

use super::path::{Path, Token};
use crate::error::Error;
use crate::json::{MAX_DEPTH, Value};
use crate::named_enum::named_enum;
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::collections::HashMap;

/// A position in a list: the `after` of a `set` or `move`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Position {
    /// In front of all other elements; JSON: `null`.
    Front,
    /// Right behind the element that the token names, or at the end if that element is absent.
    After(Token),
}

impl Position {
    /// Reads an `after`.
    ///
    /// # Errors
    /// Malformed unless it is `null` or an object; otherwise those of [`Token::from_json`].
    pub fn from_json(json: &Value) -> Result<Self, Error> {
        match json {
            Value::Null => Ok(Self::Front),
            Value::Object(_) => Token::from_json(json).map(Self::After),
            _ => Err(Error::malformed("after must be null or an element token")),
        }
    }
}

impl Serialize for Position {
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
    /// Sets the value at a path and adds missing parents.
    Set {
        /// The path of the value.
        path: Path,
        /// The new value.
        value: Value,
        /// The position of a new element of a list; `None` is the end. Ignored if the list already has the element.
        after: Option<Position>,
    },
    /// Removes the value at a path.
    Delete {
        /// The path of the value.
        path: Path,
    },
    /// Moves an element within its list.
    Move {
        /// The path of the element.
        path: Path,
        /// Its new position.
        after: Position,
    },
}

named_enum! {
    /// The value of an operation's `op` member.
    #[derive(Clone, Copy)]
    enum OpKind {
        Set = "set",
        Delete = "delete",
        Move = "move",
    }
}

impl Op {
    /// Returns the path that the operation acts on.
    pub const fn path(&self) -> &Path {
        match self {
            Self::Set { path, .. } | Self::Delete { path } | Self::Move { path, .. } => path,
        }
    }

    /// Returns the position that the operation gives its element, if it names one.
    pub const fn after(&self) -> Option<&Position> {
        match self {
            Self::Set { after, .. } => after.as_ref(),
            Self::Delete { .. } => None,
            Self::Move { after, .. } => Some(after),
        }
    }

    const fn kind(&self) -> OpKind {
        match self {
            Self::Set { .. } => OpKind::Set,
            Self::Delete { .. } => OpKind::Delete,
            Self::Move { .. } => OpKind::Move,
        }
    }

    /// Reads an operation. Members that this version does not know are ignored.
    ///
    /// # Errors
    /// Malformed for wrong types, an unknown `op`, a `set` without `value` and a `move` without `after`. Invalid for a
    /// path that is not well-formed, for a path and value that together nest deeper than 64 levels, for a `set` of an
    /// element to another identity, and for a `move` whose path does not name an element.
    pub fn from_json(json: &Value) -> Result<Self, Error> {
        let Value::Object(members) = json else {
            return Err(Error::malformed("an operation must be an object"));
        };
        let Some(path) = members.get("path") else {
            return Err(Error::malformed("an operation must have a path"));
        };
        let after = members.get("after").map(Position::from_json);
        match members.get("op").and_then(Value::as_str).and_then(OpKind::parse) {
            Some(OpKind::Set) => {
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
            Some(OpKind::Delete) => {
                let path = Path::from_json(path)?;
                check_depth(&path, &Value::Null)?;
                Ok(Self::Delete { path })
            }
            Some(OpKind::Move) => {
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
            None => Err(Error::malformed("op must be set, delete or move")),
        }
    }
}

fn check_depth(path: &Path, value: &Value) -> Result<(), Error> {
    // A `{"value": …}` token contains the whole element, which may nest deeper than the value that is set.
    let token_depth = match path.tokens().last() {
        Some(Token::Value(element, _)) => element.depth(),
        _ => 0,
    };
    if path.tokens().len() + value.depth().max(token_depth) > MAX_DEPTH {
        return Err(Error::invalid(format!(
            "path and value together nest deeper than {MAX_DEPTH} levels"
        )));
    }
    Ok(())
}

fn check_identity(path: &Path, value: &Value) -> Result<(), Error> {
    match path.tokens().last() {
        Some(token) if token.is_element() && !token.names(value) => Err(Error::invalid(
            "the value set at an element must have the identity that the path names",
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
    /// Writes the operation's members into a map, which may have others as well.
    pub(crate) fn serialize_members<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry("op", self.kind().as_str())?;
        match self {
            Self::Set { path, value, after } => {
                map.serialize_entry("path", path)?;
                map.serialize_entry("value", value)?;
                if let Some(after) = after {
                    map.serialize_entry("after", after)?;
                }
            }
            Self::Delete { path } => {
                map.serialize_entry("path", path)?;
            }
            Self::Move { path, after } => {
                map.serialize_entry("path", path)?;
                map.serialize_entry("after", after)?;
            }
        }
        Ok(())
    }
}

/// The operations of a patch at one path and below it.
#[derive(Default)]
struct PathNode<'a> {
    is_moved: bool,
    is_written: bool,
    below: HashMap<&'a Token, PathNode<'a>>,
}

/// Checks that no two operations have the same path and that no path lies inside another. As an exception, a patch may
/// move an element and also change values inside it.
///
/// # Errors
/// Invalid if the patch breaks this rule.
pub fn check_patch<'a>(ops: impl IntoIterator<Item = &'a Op>) -> Result<(), Error> {
    let mut root = PathNode::default();
    for op in ops {
        let mut at = &mut root;
        for token in op.path().tokens() {
            if at.is_written {
                return Err(Error::invalid(
                    "the path of one operation lies inside the path of another",
                ));
            }
            at = at.below.entry(token).or_default();
        }
        let is_move = matches!(op, Op::Move { .. });
        if at.is_written || at.is_moved {
            return Err(Error::invalid("two operations have the same path"));
        }
        if !is_move && !at.below.is_empty() {
            return Err(Error::invalid(
                "the path of one operation lies inside the path of another",
            ));
        }
        if is_move {
            at.is_moved = true;
        } else {
            at.is_written = true;
        }
    }
    Ok(())
}
