//! How tokens name the elements of a list.

use crate::algebra::path::{IdentityField, Token};
use crate::json::Value;

/// The member by which a token names an element; `None` for its whole value.
pub(super) type Naming = Option<IdentityField>;

/// Returns how `token`, which must name an element, does so.
pub(super) fn naming(token: &Token) -> Naming {
    match token {
        Token::Element(field, _) => Some(*field),
        Token::Member(_) | Token::Value(_) => None,
    }
}

/// Returns the value that [`named_part`] must give for an element that `token` names.
pub(super) fn identity(token: &Token) -> Option<&Value> {
    match token {
        Token::Member(_) => None,
        Token::Element(_, identity) | Token::Value(identity) => Some(identity),
    }
}

/// Returns the part of `element` that names it by `naming`.
pub(super) fn named_part(naming: Naming, element: &Value) -> Option<&Value> {
    match naming {
        Some(field) => element.as_object()?.get(field.as_str()),
        None => Some(element),
    }
}
