//! The kinds of lists.

use super::path::{IdentityField, Token};
use crate::json::Value;
use std::collections::HashSet;

/// How a list's elements are told apart (design section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ListKind {
    /// Without elements: of every kind.
    Empty,
    /// All elements are objects that hold distinct strings or numbers in the same identity field.
    Keyed(IdentityField),
    /// All elements are distinct strings.
    StringSet,
    /// All elements are distinct objects without an identity field.
    ObjectSet,
    /// One value, replaced whole.
    Opaque,
}

impl ListKind {
    /// The kind of a list.
    pub fn of(elements: &[Value]) -> Self {
        let Some(first) = elements.first() else {
            return Self::Empty;
        };
        match first {
            Value::String(_) => {
                let mut seen = HashSet::with_capacity(elements.len());
                let distinct = elements.iter().all(|e| matches!(e, Value::String(_)) && seen.insert(e));
                if distinct { Self::StringSet } else { Self::Opaque }
            }
            Value::Object(_) => Self::of_objects(elements),
            _ => Self::Opaque,
        }
    }

    fn of_objects(elements: &[Value]) -> Self {
        let members = |element: &Value, field: IdentityField| {
            element
                .as_object()
                .is_some_and(|members| members.contains_key(field.as_str()))
        };
        let shared = IdentityField::ALL
            .into_iter()
            .find(|field| elements.iter().all(|element| members(element, *field)));
        let mut seen = HashSet::with_capacity(elements.len());
        if let Some(field) = shared {
            let distinct = elements.iter().all(|element| {
                let identity = element.as_object().and_then(|members| members.get(field.as_str()));
                identity.is_some_and(|id| matches!(id, Value::String(_) | Value::Number(_)) && seen.insert(id))
            });
            return if distinct { Self::Keyed(field) } else { Self::Opaque };
        }
        let distinct = elements.iter().all(|element| {
            matches!(element, Value::Object(_))
                && !IdentityField::ALL.into_iter().any(|field| members(element, field))
                && seen.insert(element)
        });
        if distinct { Self::ObjectSet } else { Self::Opaque }
    }

    /// The kind that two lists have in common; [`Self::Opaque`] where they have none, or are opaque.
    pub fn common(self, other: Self) -> Self {
        match (self, other) {
            (Self::Empty, kind) | (kind, Self::Empty) => kind,
            (a, b) if a == b => a,
            _ => Self::Opaque,
        }
    }

    /// What tells `element` apart in a list of this kind; `None` where nothing does.
    pub(super) fn identity(self, element: &Value) -> Option<&Value> {
        match self {
            Self::Keyed(field) => element.as_object()?.get(field.as_str()),
            Self::StringSet | Self::ObjectSet => Some(element),
            Self::Empty | Self::Opaque => None,
        }
    }

    /// The token that names `element` in a list of this kind; `None` where nothing does.
    pub fn token(self, element: &Value) -> Option<Token> {
        let identity = self.identity(element)?.clone();
        match self {
            Self::Keyed(field) => Some(Token::Element(field, identity)),
            _ => Some(Token::Value(identity)),
        }
    }
}
