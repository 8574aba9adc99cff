//! Paths: where a value is in a document.

use crate::error::Error;
use crate::json::{Object, Value};
use crate::named_enum::named_enum;
use serde::ser::{Serialize, SerializeMap, Serializer};

named_enum! {
    /// The members that can identify an element of a keyed list.
    ///
    /// They are tried in this order: the first one that all elements have is the list's identity field.
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

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Token {
    /// A member of an object, by name; JSON: the name.
    Member(Box<str>),
    /// An element of a keyed list, by identity; JSON: `{"<identity field>": identity}`.
    Element(IdentityField, Value),
    /// An element of a string set or object set, by its whole value; JSON: `{"value": v}`.
    Value(Value),
}

impl Token {
    /// Tells whether the token names an element of a list.
    pub const fn is_element(&self) -> bool {
        !matches!(self, Self::Member(_))
    }

    /// Tells whether the token names `element`.
    pub fn names(&self, element: &Value) -> bool {
        match self {
            Self::Member(_) => false,
            Self::Element(field, identity) => {
                element.as_object().and_then(|members| members.get(field.as_str())) == Some(identity)
            }
            Self::Value(value) => value == element,
        }
    }

    /// Returns the element that the token names, without members other than its identity.
    pub fn new_element(&self) -> Value {
        match self {
            Self::Member(_) => Value::empty_object(),
            Self::Element(field, identity) => Value::Object(Object::from([(field.as_str().into(), identity.clone())])),
            Self::Value(value) => value.clone(),
        }
    }

    /// Reads a token.
    ///
    /// # Errors
    /// Malformed unless it is a string or an object; invalid unless the object has exactly one identity field or
    /// `value`, with a value of the right type.
    pub fn from_json(json: &Value) -> Result<Self, Error> {
        let members = match json {
            Value::String(name) => return Ok(Self::Member(name.clone())),
            Value::Object(members) => members,
            _ => return Err(Error::malformed("a path token must be a string or an object")),
        };
        let mut members = members.iter();
        let (Some((name, value)), None) = (members.next(), members.next()) else {
            return Err(Error::invalid("an element token must have exactly one member"));
        };
        if &**name == "value" {
            return match value {
                Value::String(_) | Value::Object(_) => Ok(Self::Value(value.clone())),
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
            Value::String(_) | Value::Number(_) => Ok(Self::Element(field, value.clone())),
            _ => Err(Error::invalid("an element's identity must be a string or a number")),
        }
    }
}

impl Serialize for Token {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (name, value) = match self {
            Self::Member(name) => return serializer.serialize_str(name),
            Self::Element(field, identity) => (field.as_str(), identity),
            Self::Value(value) => ("value", value),
        };
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(name, value)?;
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
    /// `transactions.tx_9.amount`. An element of an object set appears as its JSON.
    pub fn dotted(&self) -> String {
        let parts: Vec<String> = self
            .0
            .iter()
            .map(|token| match token {
                Token::Member(name) => name.to_string(),
                Token::Element(_, Value::String(text)) | Token::Value(Value::String(text)) => text.to_string(),
                Token::Element(_, other) | Token::Value(other) => {
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
                (None | Some(Token::Element(..)), Token::Element(..) | Token::Value(_)) => {
                    return Err(Error::invalid("an element token must follow the name of its list"));
                }
                (Some(Token::Value(_)), _) => {
                    return Err(Error::invalid(
                        "a path must end at a {\"value\": …} token: nothing inside such an element has a path of its own",
                    ));
                }
                (Some(Token::Element(field, _)), Token::Member(name)) if field.as_str() == &**name => {
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
