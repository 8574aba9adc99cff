//! The forms of the names that tokens give to elements.

use super::path::{IdentityField, Token};
use crate::json::Value;

/// How a token names an element: which part of the element its name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum NameForm {
    /// The identity in this field.
    Identity(IdentityField),
    /// The whole element, which has identities in exactly these fields.
    ///
    /// Most elements that are named by their values have none, so elements with an identity need not be compared with
    /// them.
    Value(Fields),
}

/// For each identity field: whether an element has an identity in it.
type Fields = [bool; IdentityField::ALL.len()];

impl NameForm {
    /// Returns the form of the name of the element that `token` names; a member has none.
    pub(super) fn of(token: &Token) -> Option<Self> {
        match token {
            Token::Member(_) => None,
            Token::Element(field, ..) => Some(Self::Identity(*field)),
            Token::Value(value, _) => Some(Self::of_value(value)),
        }
    }

    /// Returns the form of the name of an element that is named by its whole value.
    pub(super) fn of_value(element: &Value) -> Self {
        Self::Value(fields(element))
    }

    /// Returns the name of this form that `element` has, if it has one.
    pub(super) fn name(self, element: &Value) -> Option<&Value> {
        match self {
            Self::Identity(field) => field.identity_of(element),
            Self::Value(named) => (fields(element) == named).then_some(element),
        }
    }

    /// Tells whether an element may have a name of this form and one of the form `other`.
    pub(super) fn may_share_element(self, other: Self) -> bool {
        match (self, other) {
            (Self::Identity(_), Self::Identity(_)) => true,
            (Self::Identity(field), Self::Value(named)) | (Self::Value(named), Self::Identity(field)) => {
                IdentityField::ALL.into_iter().zip(named).any(|(other, is_named)| other == field && is_named)
            }
            (Self::Value(one), Self::Value(other)) => one == other,
        }
    }
}

fn fields(element: &Value) -> Fields {
    match element {
        Value::Object(_) => IdentityField::ALL.map(|field| field.identity_of(element).is_some()),
        _ => Fields::default(),
    }
}
