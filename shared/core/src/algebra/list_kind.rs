//! The kinds of lists.

use super::path::{IdentityField, Token};
use crate::json::Value;

/// How the elements of a list are told apart (`docs/MERGE.md`, "Lists").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ListKind {
    /// No elements: compatible with every kind.
    Empty,
    /// Objects, at least half of which have a string or number in the same identity field.
    Keyed(IdentityField),
    /// Strings.
    StringList,
    /// Objects, less than half of which have any one identity field.
    ObjectList,
    /// Anything else: one value, replaced as a whole.
    Opaque,
}

impl ListKind {
    /// Returns the kind of a list.
    pub fn of(elements: &[Value]) -> Self {
        match elements.first() {
            None => Self::Empty,
            Some(Value::String(_)) if elements.iter().all(|element| matches!(element, Value::String(_))) => {
                Self::StringList
            }
            Some(Value::Object(_)) if elements.iter().all(|element| matches!(element, Value::Object(_))) => {
                let is_common = |field: &IdentityField| {
                    let named = elements.iter().filter(|element| field.identity_of(element).is_some());
                    2 * named.count() >= elements.len()
                };
                IdentityField::ALL
                    .into_iter()
                    .find(is_common)
                    .map_or(Self::ObjectList, Self::Keyed)
            }
            Some(_) => Self::Opaque,
        }
    }

    /// Returns the kind that two lists have in common, or [`Self::Opaque`] if they have none.
    pub fn common(self, other: Self) -> Self {
        match (self, other) {
            (Self::Empty, kind) | (kind, Self::Empty) => kind,
            (a, b) if a == b => a,
            _ => Self::Opaque,
        }
    }

    /// Returns the name of `element` in a list of this kind: its identity, or the whole element.
    ///
    /// Several elements may have the same name. In an opaque list, it means nothing.
    pub(crate) fn name(self, element: &Value) -> &Value {
        match self {
            Self::Keyed(field) => field.identity_of(element).unwrap_or(element),
            Self::StringList | Self::ObjectList | Self::Empty | Self::Opaque => element,
        }
    }

    /// Returns the token for an element of a list of this kind: the element number `nth`, counted from 0, of those with
    /// its name.
    pub(super) fn token(self, element: &Value, nth: u32) -> Token {
        if let Self::Keyed(field) = self
            && let Some(identity) = field.identity_of(element)
        {
            return Token::Element(field, identity.clone(), nth);
        }
        Token::Value(element.clone(), nth)
    }
}
