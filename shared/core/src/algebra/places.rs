//! Looking up places in a document.

use super::path::{IdentityField, Path, Token};
use crate::json::Value;
use std::collections::HashMap;

/// A document in which each list is gone through once, however many of its elements are looked up.
pub(crate) struct Places<'a> {
    document: &'a Value,
    lists: HashMap<(*const Value, Option<IdentityField>), HashMap<&'a Value, &'a Value>>,
}

/// What a place holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held<'a> {
    /// This value.
    Value(&'a Value),
    /// Nothing; what its path leads through is there as far as it can be, or absent.
    Nothing,
    /// Nothing: a value of another kind (object, list, scalar) stands in the path, behind so many tokens.
    Blocked(usize, &'a Value),
}

impl<'a> Places<'a> {
    pub(crate) fn of(document: &'a Value) -> Self {
        Self {
            document,
            lists: HashMap::new(),
        }
    }

    /// The value at `path`.
    pub(crate) fn find(&mut self, path: &Path) -> Option<&'a Value> {
        match self.look(path.tokens()) {
            Held::Value(value) => Some(value),
            Held::Nothing | Held::Blocked(..) => None,
        }
    }

    /// What the place holds that `tokens` lead to.
    pub(crate) fn look(&mut self, tokens: &[Token]) -> Held<'a> {
        let mut at = self.document;
        for (depth, token) in tokens.iter().enumerate() {
            let next = match (token, at) {
                (Token::Member(name), Value::Object(members)) => members.get(name),
                (Token::Element(field, identity), Value::List(elements)) => {
                    self.element(at, elements, Some(*field), identity)
                }
                (Token::Value(element), Value::List(elements)) => self.element(at, elements, None, element),
                _ => return Held::Blocked(depth, at),
            };
            match next {
                Some(value) => at = value,
                None => return Held::Nothing,
            }
        }
        Held::Value(at)
    }

    /// The first element of that name, which is the one that an operation acts on.
    fn element(
        &mut self,
        list: &'a Value,
        elements: &'a [Value],
        field: Option<IdentityField>,
        name: &Value,
    ) -> Option<&'a Value> {
        let names = self.lists.entry((std::ptr::from_ref(list), field)).or_insert_with(|| {
            let named = |element: &'a Value| {
                let name = match field {
                    Some(field) => element.as_object()?.get(field.as_str())?,
                    None => element,
                };
                Some((name, element))
            };
            // Of elements of one name the first is put in last.
            elements.iter().rev().filter_map(named).collect()
        });
        names.get(name).copied()
    }
}
