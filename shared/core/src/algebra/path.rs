//! Paths: where a value is in a document.

use crate::error::Error;
use crate::json::{Object, Value};
use crate::named_enum::named_enum;
use serde::ser::{Serialize, SerializeMap, Serializer};

named_enum! {
    /// The members that can identify an element of a keyed list.
    ///
    /// They are tried in this order: the first one that at least half of the elements have is the list's identity field.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub enum IdentityField {
        /// `id`.
        Id = "id",
        /// `_id`.
        UnderscoreId = "_id",
        /// `uuid`.
        Uuid = "uuid",
    }
}

impl IdentityField {
    /// Returns the identity that `element` has in this field, which must be a string or a number.
    pub fn identity_of(self, element: &Value) -> Option<&Value> {
        let identity = element.as_object()?.get(self.as_str())?;
        matches!(identity, Value::String(_) | Value::Number(_)).then_some(identity)
    }
}

/// One step of a path.
///
/// Several elements of a list may have the same name. The last part of a token is the number of elements with this name
/// before the one that it means; JSON: `"nth": n` beside the name, unless it is 0.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Token {
    /// A member of an object, by name; JSON: the name.
    Member(Box<str>),
    /// An element of a keyed list, by identity; JSON: `{"<identity field>": identity}`.
    Element(IdentityField, Value, u32),
    /// An element that has no identity, by its whole value; JSON: `{"value": v}`.
    Value(Value, u32),
}

impl Token {
    /// Tells whether the token names an element of a list.
    pub const fn is_element(&self) -> bool {
        !matches!(self, Self::Member(_))
    }

    /// Tells whether `element` has the name that the token gives. Several elements of a list may have it.
    pub fn names(&self, element: &Value) -> bool {
        match self {
            Self::Member(_) => false,
            Self::Element(field, identity, _) => field.identity_of(element) == Some(identity),
            Self::Value(value, _) => value == element,
        }
    }

    /// Returns the number of elements with the same name before the one that the token means; 0 for a member.
    pub const fn nth(&self) -> u32 {
        match self {
            Self::Member(_) => 0,
            Self::Element(_, _, nth) | Self::Value(_, nth) => *nth,
        }
    }

    /// Returns the token for another element with the same name.
    pub(super) fn with_nth(&self, nth: u32) -> Self {
        match self {
            Self::Member(name) => Self::Member(name.clone()),
            Self::Element(field, identity, _) => Self::Element(*field, identity.clone(), nth),
            Self::Value(value, _) => Self::Value(value.clone(), nth),
        }
    }

    /// Returns the element that the token names, without members other than its identity.
    pub fn new_element(&self) -> Value {
        match self {
            Self::Member(_) => Value::empty_object(),
            Self::Element(field, identity, _) => Value::Object(Object::from([(field.as_str().into(), identity.clone())])),
            Self::Value(value, _) => value.clone(),
        }
    }

    /// Reads a token.
    ///
    /// # Errors
    /// Malformed unless it is a string or an object. Invalid unless the object has exactly one identity field or
    /// `value`, with a value of the right type, and apart from that at most an `nth`, which is a whole number of at
    /// least 1.
    pub fn from_json(json: &Value) -> Result<Self, Error> {
        let members = match json {
            Value::String(name) => return Ok(Self::Member(name.clone())),
            Value::Object(members) => members,
            _ => return Err(Error::malformed("a path token must be a string or an object")),
        };
        let nth = members.get(NTH).map_or(Ok(0), read_nth)?;
        let mut members = members.iter().filter(|(name, _)| &***name != NTH);
        let (Some((name, value)), None) = (members.next(), members.next()) else {
            return Err(Error::invalid(
                "an element token must have exactly one member, and beside it at most nth",
            ));
        };
        if &**name == "value" {
            return match value {
                Value::String(_) | Value::Object(_) => Ok(Self::Value(value.clone(), nth)),
                _ => Err(Error::invalid(
                    "the value of a {\"value\": …} token must be a string or an object",
                )),
            };
        }
        let Some(field) = IdentityField::parse(name) else {
            return Err(Error::invalid(
                "the member of an element token must be id, _id, uuid or value",
            ));
        };
        match value {
            Value::String(_) | Value::Number(_) => Ok(Self::Element(field, value.clone(), nth)),
            _ => Err(Error::invalid("an element's identity must be a string or a number")),
        }
    }
}

/// The member of a token that tells elements with the same name apart.
const NTH: &str = "nth";

fn read_nth(json: &Value) -> Result<u32, Error> {
    let number = match json {
        Value::Number(number) => number.to_i64().and_then(|number| u32::try_from(number).ok()),
        _ => None,
    };
    number
        .filter(|nth| *nth > 0)
        .ok_or_else(|| Error::invalid("the nth of an element token must be a whole number of at least 1"))
}

impl Serialize for Token {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (name, value, nth) = match self {
            Self::Member(name) => return serializer.serialize_str(name),
            Self::Element(field, identity, nth) => (field.as_str(), identity, *nth),
            Self::Value(value, nth) => ("value", value, *nth),
        };
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(name, value)?;
        if nth > 0 {
            map.serialize_entry(NTH, &nth)?;
        }
        map.end()
    }
}

/// The tokens that lead from the root of a document to a value.
///
/// A path never contains an index, so it means the same on every device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Path(Vec<Token>);

impl Path {
    /// The root of the document.
    pub const ROOT: Self = Self(Vec::new());

    /// Returns the tokens, from the root on.
    pub fn tokens(&self) -> &[Token] {
        &self.0
    }

    /// Returns this path with `token` appended.
    pub fn child(&self, token: Token) -> Self {
        let mut tokens = Vec::with_capacity(self.0.len() + 1);
        tokens.extend_from_slice(&self.0);
        tokens.push(token);
        Self(tokens)
    }

    /// Returns the path as a v1 client sees it: names and identities joined by dots, such as
    /// `transactions.tx_9.amount`. An element that is named by its whole value appears as its JSON, and elements with the
    /// same name look alike.
    pub fn dotted(&self) -> String {
        let parts: Vec<String> = self
            .0
            .iter()
            .map(|token| match token {
                Token::Member(name) => name.to_string(),
                Token::Element(_, Value::String(text), _) | Token::Value(Value::String(text), _) => text.to_string(),
                Token::Element(_, other, _) | Token::Value(other, _) => {
                    String::from_utf8_lossy(&other.to_json()).into_owned()
                }
            })
            .collect();
        parts.join(".")
    }

    /// Reads a path.
    ///
    /// # Errors
    /// Malformed unless it is a list of tokens. Invalid if it is empty, if an element token does not follow the name of
    /// its list, if it goes on after a `{"value": …}` token, or if it ends at the identity field that an element token
    /// names.
    pub fn from_json(json: &Value) -> Result<Self, Error> {
        let Value::List(tokens) = json else {
            return Err(Error::malformed("path must be an array of tokens"));
        };
        let tokens = tokens.iter().map(Token::from_json).collect::<Result<Vec<_>, _>>()?;
        if tokens.is_empty() {
            return Err(Error::invalid("a path must have at least one token"));
        }
        let before = std::iter::once(None).chain(tokens.iter().map(Some));
        for (before, token) in before.zip(&tokens) {
            match (before, token) {
                (None | Some(Token::Element(..)), Token::Element(..) | Token::Value(..)) => {
                    return Err(Error::invalid("an element token must follow the name of its list"));
                }
                (Some(Token::Value(..)), _) => {
                    return Err(Error::invalid(
                        "a path must end at a {\"value\": …} token: nothing inside such an element has a path of its own",
                    ));
                }
                (Some(Token::Element(field, ..)), Token::Member(name)) if field.as_str() == &**name => {
                    return Err(Error::invalid(
                        "an element's identity cannot be changed: delete the element and set another",
                    ));
                }
                _ => {}
            }
        }
        Ok(Self(tokens))
    }
}

impl From<Vec<Token>> for Path {
    fn from(tokens: Vec<Token>) -> Self {
        Self(tokens)
    }
}

impl Serialize for Path {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}
