//! The kinds of lists, and the names of their elements.

use coinolio_core::algebra::{IdentityField, Token};
use coinolio_core::json::Value;

/// The kinds of lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// No elements; compatible with every kind.
    Empty,
    /// Objects, at least half of which have an identity in the same field.
    Keyed(IdentityField),
    /// Strings.
    Strings,
    /// Objects, less than half of which have an identity in any one field.
    Objects,
    /// Anything else: the list is one value.
    Opaque,
}

impl Kind {
    /// Returns the kind of a list.
    pub(crate) fn of(list: &[Value]) -> Self {
        if list.is_empty() {
            Self::Empty
        } else if list.iter().all(|element| matches!(element, Value::String(_))) {
            Self::Strings
        } else if list.iter().all(|element| matches!(element, Value::Object(_))) {
            let count = |field| list.iter().filter(|element| identity(element, field).is_some()).count();
            let shared = IdentityField::ALL
                .into_iter()
                .find(|field| count(*field) * 2 >= list.len());
            shared.map_or(Self::Objects, Self::Keyed)
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

    /// Returns the tokens that name the elements of `list` as elements of a list of this kind.
    pub(crate) fn tokens(self, list: &[Value]) -> Vec<Token> {
        let mut tokens = Vec::new();
        for element in list {
            let name = |nth| match self {
                Self::Keyed(field) => match identity(element, field) {
                    Some(identity) => Some(Token::Element(field, identity.clone(), nth)),
                    None => Some(Token::Value(element.clone(), nth)),
                },
                Self::Strings | Self::Objects => Some(Token::Value(element.clone(), nth)),
                Self::Empty | Self::Opaque => None,
            };
            // The number of elements before it that have the same name.
            let earlier = tokens.iter().filter(|token| is_named(element, token)).count();
            tokens.extend(u32::try_from(earlier).ok().and_then(name));
        }
        tokens
    }

    /// Returns the token that names the element at `at` in `list`, a list of this kind.
    pub(crate) fn token(self, list: &[Value], at: usize) -> Option<Token> {
        self.tokens(list).into_iter().nth(at)
    }
}

/// Returns the identity that an element has in a field.
fn identity(element: &Value, field: IdentityField) -> Option<&Value> {
    match element.as_object()?.get(field.as_str())? {
        identity @ (Value::String(_) | Value::Number(_)) => Some(identity),
        _ => None,
    }
}

/// Returns true if `element` has the name that `token` gives, whatever its number.
pub(super) fn is_named(element: &Value, token: &Token) -> bool {
    match token {
        Token::Member(_) => false,
        Token::Element(field, name, _) => identity(element, *field) == Some(name),
        Token::Value(value, _) => value == element,
    }
}

/// Returns the position of the element that `token` names.
pub(super) fn position(list: &[Value], token: &Token) -> Option<usize> {
    let mut named = list.iter().enumerate().filter(|(_, element)| is_named(element, token));
    let nth = usize::try_from(token.nth()).ok()?;
    named.nth(nth).map(|(at, _)| at)
}
