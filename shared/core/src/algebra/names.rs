//! The names of the elements of a list.

use super::list_kind::ListKind;
use super::path::Token;
use crate::json::Value;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// The name of an element among the other elements of its list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Name<'a> {
    /// The identity of the element, or the whole element.
    pub(super) value: &'a Value,
    /// How many elements before it have the same identity or value.
    pub(super) nth: u32,
}

/// The elements of a list by their names.
///
/// In most lists no name is repeated, so the first element of each name and the others are stored apart.
pub(super) struct Names<'a> {
    kind: ListKind,
    list: &'a [Value],
    first: HashMap<&'a Value, usize>,
    others: HashMap<&'a Value, Vec<usize>>,
    /// The `nth` of each element; empty if no name is repeated.
    nth: Vec<u32>,
}

impl<'a> Names<'a> {
    /// Names the elements of `list` as elements of a list of kind `kind`.
    pub(super) fn of(kind: ListKind, list: &'a [Value]) -> Self {
        let mut names = Self {
            kind,
            list,
            first: HashMap::with_capacity(list.len()),
            others: HashMap::new(),
            nth: Vec::new(),
        };
        for (at, element) in list.iter().enumerate() {
            let value = kind.name(element);
            match names.first.entry(value) {
                Entry::Vacant(entry) => {
                    entry.insert(at);
                }
                Entry::Occupied(_) => {
                    let others = names.others.entry(value).or_default();
                    others.push(at);
                    names.nth.resize(list.len(), 0);
                    names.nth[at] = u32::try_from(others.len()).unwrap_or(u32::MAX);
                }
            }
        }
        names
    }

    pub(super) const fn list(&self) -> &'a [Value] {
        self.list
    }

    /// Tells whether several elements have the same name.
    pub(super) const fn are_repeated(&self) -> bool {
        !self.nth.is_empty()
    }

    pub(super) fn name(&self, at: usize) -> Name<'a> {
        Name {
            value: self.kind.name(&self.list[at]),
            nth: self.nth(at),
        }
    }

    pub(super) fn nth(&self, at: usize) -> u32 {
        self.nth.get(at).copied().unwrap_or_default()
    }

    pub(super) fn token(&self, at: usize) -> Token {
        self.kind.token(&self.list[at], self.nth(at))
    }

    /// Returns the index of the element with this name.
    pub(super) fn index(&self, name: Name<'_>) -> Option<usize> {
        match name.nth.checked_sub(1) {
            None => self.first.get(name.value).copied(),
            Some(other) => self.others.get(name.value)?.get(usize::try_from(other).ok()?).copied(),
        }
    }

    pub(super) fn element(&self, name: Name<'_>) -> Option<&'a Value> {
        self.index(name).map(|at| &self.list[at])
    }

    pub(super) fn contains(&self, name: Name<'_>) -> bool {
        self.index(name).is_some()
    }

    /// Tells whether several elements have the identity or value `value`.
    pub(super) fn is_repeated(&self, value: &Value) -> bool {
        self.others.contains_key(value)
    }
}

impl ListKind {
    /// Returns the tokens of the elements of `list`, named as elements of a list of this kind; none if the kind is
    /// opaque.
    pub fn tokens(self, list: &[Value]) -> Vec<Token> {
        if self == Self::Opaque {
            return Vec::new();
        }
        let names = Names::of(self, list);
        (0..list.len()).map(|at| names.token(at)).collect()
    }
}
