//! The kinds of lists.

use super::path::{IdentityField, Token};
use crate::json::Value;
use std::collections::HashSet;

/// How the elements of a list are told apart (`docs/MERGE.md`, "Lists").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ListKind {
    /// No elements: compatible with every kind.
    Empty,
    /// Objects with distinct strings or numbers in the same identity field.
    Keyed(IdentityField),
    /// Distinct strings.
    StringSet,
    /// Distinct objects without an identity field.
    ObjectSet,
    /// Anything else: one value, replaced as a whole.
    Opaque,
}

impl ListKind {
    /// Returns the kind of a list.
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

    /// Returns the kind of a list whose first element is an object.
    fn of_objects(elements: &[Value]) -> Self {
        let has_field = |element: &Value, field: IdentityField| {
            element
                .as_object()
                .is_some_and(|members| members.contains_key(field.as_str()))
        };
        let shared = IdentityField::ALL
            .into_iter()
            .find(|field| elements.iter().all(|element| has_field(element, *field)));
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
                && !IdentityField::ALL.into_iter().any(|field| has_field(element, field))
                && seen.insert(element)
        });
        if distinct { Self::ObjectSet } else { Self::Opaque }
    }

    /// Returns the kind that two lists have in common, or [`Self::Opaque`] if they have none.
    pub fn common(self, other: Self) -> Self {
        match (self, other) {
            (Self::Empty, kind) | (kind, Self::Empty) => kind,
            (a, b) if a == b => a,
            _ => Self::Opaque,
        }
    }

    /// Returns the part of `element` that identifies it in a list of this kind, or `None` if nothing does.
    pub(super) fn identity(self, element: &Value) -> Option<&Value> {
        match self {
            Self::Keyed(field) => element.as_object()?.get(field.as_str()),
            Self::StringSet | Self::ObjectSet => Some(element),
            Self::Empty | Self::Opaque => None,
        }
    }

    /// Returns the token that names `element` in a list of this kind, or `None` if nothing identifies it.
    pub fn token(self, element: &Value) -> Option<Token> {
        let identity = self.identity(element)?.clone();
        match self {
            Self::Keyed(field) => Some(Token::Element(field, identity)),
            _ => Some(Token::Value(identity)),
        }
    }
}
