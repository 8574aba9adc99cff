//! Looking up values by their paths.

use super::path::{IdentityField, Path, Token};
use crate::json::Value;
use std::collections::HashMap;

/// Looks up values of one document by path.
///
/// A list is indexed when one of its elements is first looked up, so each list is scanned at most once per identity
/// field.
pub(crate) struct DocumentIndex<'a> {
    document: &'a Value,
    /// The indexed lists, by address and identity field; `None` is an index by whole values.
    lists: HashMap<(*const Value, Option<IdentityField>), HashMap<&'a Value, &'a Value>>,
}

/// The outcome of a lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lookup<'a> {
    /// The value at the path.
    Found(&'a Value),
    /// The document has no such member or element.
    Absent,
    /// The value at this many of the path's tokens is of another kind (object, list, scalar) than the next token needs.
    Blocked(usize),
}

impl<'a> DocumentIndex<'a> {
    pub(crate) fn of(document: &'a Value) -> Self {
        Self {
            document,
            lists: HashMap::new(),
        }
    }

    /// Returns the value at `path`, if there is one.
    pub(crate) fn find(&mut self, path: &Path) -> Option<&'a Value> {
        match self.lookup(path.tokens()) {
            Lookup::Found(value) => Some(value),
            Lookup::Absent | Lookup::Blocked(_) => None,
        }
    }

    /// Follows `tokens` from the root as far as possible.
    pub(crate) fn lookup(&mut self, tokens: &[Token]) -> Lookup<'a> {
        let mut at = self.document;
        for (depth, token) in tokens.iter().enumerate() {
            let next = match (token, at) {
                (Token::Member(name), Value::Object(members)) => members.get(name),
                (Token::Element(field, identity), Value::List(elements)) => {
                    self.element(at, elements, Some(*field), identity)
                }
                (Token::Value(element), Value::List(elements)) => self.element(at, elements, None, element),
                _ => return Lookup::Blocked(depth),
            };
            match next {
                Some(value) => at = value,
                None => return Lookup::Absent,
            }
        }
        Lookup::Found(at)
    }

    /// Returns the first element with this name, which is the one that an operation acts on.
    fn element(
        &mut self,
        list: &'a Value,
        elements: &'a [Value],
        field: Option<IdentityField>,
        name: &Value,
    ) -> Option<&'a Value> {
        let by_name = self.lists.entry((std::ptr::from_ref(list), field)).or_insert_with(|| {
            let named = |element: &'a Value| {
                let name = match field {
                    Some(field) => element.as_object()?.get(field.as_str())?,
                    None => element,
                };
                Some((name, element))
            };
            // In reverse, so that the first of several elements with one name is inserted last and stays.
            elements.iter().rev().filter_map(named).collect()
        });
        by_name.get(name).copied()
    }
}
