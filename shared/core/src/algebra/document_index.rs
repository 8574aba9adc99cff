//! Looking up values by their paths.

use super::name_form::NameForm;
use super::path::{Path, Token};
use crate::json::Value;
use std::collections::HashMap;

/// Looks up values of one document by path.
///
/// A list is indexed when one of its elements is first looked up, so each list is scanned at most once per form of name.
pub(crate) struct DocumentIndex<'a> {
    document: &'a Value,
    /// The indexed lists, by address: the first element with each name.
    first: HashMap<(*const Value, NameForm), HashMap<&'a Value, &'a Value>>,
    /// The same for names of several elements: all of them. Few paths need it.
    all: HashMap<(*const Value, NameForm), HashMap<&'a Value, Vec<&'a Value>>>,
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
            first: HashMap::new(),
            all: HashMap::new(),
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
                (Token::Element(field, name, nth), Value::List(elements)) => {
                    self.element((at, elements), NameForm::Identity(*field), name, *nth)
                }
                (Token::Value(name, nth), Value::List(elements)) => {
                    self.element((at, elements), NameForm::of_value(name), name, *nth)
                }
                _ => return Lookup::Blocked(depth),
            };
            match next {
                Some(value) => at = value,
                None => return Lookup::Absent,
            }
        }
        Lookup::Found(at)
    }

    /// Returns the element number `nth` of those with this name, which is the one that an operation acts on.
    fn element(
        &mut self,
        (list, elements): (&'a Value, &'a [Value]),
        form: NameForm,
        name: &Value,
        nth: u32,
    ) -> Option<&'a Value> {
        let key = (std::ptr::from_ref(list), form);
        if nth > 0 {
            let all = self.all.entry(key).or_insert_with(|| {
                let mut all: HashMap<&Value, Vec<&Value>> = HashMap::new();
                for element in elements {
                    if let Some(name) = form.name(element) {
                        all.entry(name).or_default().push(element);
                    }
                }
                all
            });
            return all.get(name)?.get(usize::try_from(nth).ok()?).copied();
        }
        let first = self.first.entry(key).or_insert_with(|| {
            let named = |element: &'a Value| Some((form.name(element)?, element));
            // In reverse, so that the first of several elements with one name is inserted last and stays.
            elements.iter().rev().filter_map(named).collect()
        });
        first.get(name).copied()
    }
}
