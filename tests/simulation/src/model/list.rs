//! The kinds of lists, and the names of their elements.

use coinolio_core::algebra::{IdentityField, Token};
use coinolio_core::json::Value;

/// The kinds of lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// No elements; compatible with every kind.
    Empty,
    /// Objects with distinct identities in the same field.
    Keyed(IdentityField),
    /// Distinct strings.
    Strings,
    /// Distinct objects without an identity field.
    Objects,
    /// Anything else: the list is one value.
    Opaque,
}

impl Kind {
    /// Returns the kind of a list.
    pub(crate) fn of(list: &[Value]) -> Self {
        if list.is_empty() {
            return Self::Empty;
        }
        let is_distinct = |parts: &[&Value]| (1..parts.len()).all(|at| !parts[..at].contains(&parts[at]));
        if list.iter().all(|element| matches!(element, Value::String(_))) {
            return if is_distinct(&list.iter().collect::<Vec<_>>()) {
                Self::Strings
            } else {
                Self::Opaque
            };
        }
        let identities = |field: IdentityField| -> Option<Vec<&Value>> {
            list.iter()
                .map(|element| element.as_object()?.get(field.as_str()))
                .collect()
        };
        let shared = IdentityField::ALL
            .into_iter()
            .find_map(|field| Some((field, identities(field)?)));
        if let Some((field, identities)) = shared {
            let may_name = |identity: &&Value| matches!(identity, Value::String(_) | Value::Number(_));
            return if identities.iter().all(may_name) && is_distinct(&identities) {
                Self::Keyed(field)
            } else {
                Self::Opaque
            };
        }
        let is_plain = |element: &Value| {
            let members = element.as_object();
            members.is_some_and(|members| {
                IdentityField::ALL
                    .iter()
                    .all(|field| !members.contains_key(field.as_str()))
            })
        };
        if list.iter().all(is_plain) && is_distinct(&list.iter().collect::<Vec<_>>()) {
            Self::Objects
        } else {
            Self::Opaque
        }
    }

    /// Returns the kind that two lists have in common.
    pub(crate) fn shared(self, other: Self) -> Self {
        match (self, other) {
            (Self::Empty, kind) | (kind, Self::Empty) => kind,
            (one, other) if one == other => one,
            _ => Self::Opaque,
        }
    }

    /// Returns the token that names `element` in a list of this kind.
    pub(crate) fn token(self, element: &Value) -> Option<Token> {
        match self {
            Self::Keyed(field) => {
                let identity = element.as_object()?.get(field.as_str())?;
                Some(Token::Element(field, identity.clone()))
            }
            Self::Strings | Self::Objects => Some(Token::Value(element.clone())),
            Self::Empty | Self::Opaque => None,
        }
    }
}

/// Returns true if `token` names `element`.
pub(super) fn is_named(element: &Value, token: &Token) -> bool {
    match token {
        Token::Member(_) => false,
        Token::Element(field, identity) => {
            let members = element.as_object();
            members.and_then(|members| members.get(field.as_str())) == Some(identity)
        }
        Token::Value(value) => value == element,
    }
}
