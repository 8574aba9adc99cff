//! A list under operations: its elements linked, and found by the names that operations say.

use super::patch::Place;
use super::path::{IdentityField, Token};
use crate::json::Value;
use std::collections::HashMap;

/// By which member a token names an element; `None` for its whole value.
pub(super) type Naming = Option<IdentityField>;

pub(super) fn naming(token: &Token) -> Naming {
    match token {
        Token::Element(field, _) => Some(*field),
        Token::Member(_) | Token::Value(_) => None,
    }
}

/// What a token compares with the part of an element that [`named_part`] gives.
pub(super) fn identity(token: &Token) -> Option<&Value> {
    match token {
        Token::Member(_) => None,
        Token::Element(_, identity) | Token::Value(identity) => Some(identity),
    }
}

pub(super) fn named_part(naming: Naming, element: &Value) -> Option<&Value> {
    match naming {
        Some(field) => element.as_object()?.get(field.as_str()),
        None => Some(element),
    }
}

/// A list whose elements are linked to their neighbours, so that one is added or taken out in no time.
///
/// Number 0 is the front: it stands before the first element and behind the last.
pub(super) struct Line {
    pub(super) values: Vec<Option<Value>>,
    pub(super) next: Vec<usize>,
    pub(super) previous: Vec<usize>,
}

impl Line {
    pub(super) const FRONT: usize = 0;

    pub(super) fn of(list: Vec<Value>) -> Self {
        let len = list.len();
        Self {
            values: std::iter::once(None).chain(list.into_iter().map(Some)).collect(),
            next: (1..=len).chain([0]).collect(),
            previous: std::iter::once(len).chain(0..len).collect(),
        }
    }

    pub(super) fn last(&self) -> usize {
        self.previous[Self::FRONT]
    }

    pub(super) fn insert(&mut self, value: Value, behind: usize) -> usize {
        let at = self.values.len();
        self.values.push(Some(value));
        self.next.push(at);
        self.previous.push(at);
        self.link(at, behind);
        at
    }

    pub(super) fn remove(&mut self, at: usize) -> Option<Value> {
        self.unlink(at);
        self.values[at].take()
    }

    /// Puts the element at `at`, which is in no place, behind another.
    pub(super) fn link(&mut self, at: usize, behind: usize) {
        let next = self.next[behind];
        (self.next[at], self.previous[at]) = (next, behind);
        self.next[behind] = at;
        self.previous[next] = at;
    }

    /// Takes the element at `at` out of its place.
    pub(super) fn unlink(&mut self, at: usize) {
        let (previous, next) = (self.previous[at], self.next[at]);
        self.next[previous] = next;
        self.previous[next] = previous;
    }

    /// The first place that is `wanted`.
    pub(super) fn find(&self, wanted: impl Fn(usize) -> bool) -> Option<usize> {
        let mut at = self.next[Self::FRONT];
        while at != Self::FRONT {
            if wanted(at) {
                return Some(at);
            }
            at = self.next[at];
        }
        None
    }

    pub(super) fn into_values(mut self) -> Vec<Value> {
        let mut values = Vec::with_capacity(self.values.len());
        let mut at = self.next[Self::FRONT];
        while at != Self::FRONT {
            values.extend(self.values[at].take());
            at = self.next[at];
        }
        values
    }
}

/// Where the named elements stand in a [`Line`].
pub(super) struct Places<'a> {
    pub(super) at: Vec<Option<usize>>,
    /// Whether more than one ever bore the name.
    pub(super) several: Vec<bool>,
    /// The number of the name by which each operation's element is found.
    pub(super) numbers: Vec<usize>,
    pub(super) neighbours: HashMap<&'a Token, usize>,
    pub(super) names: HashMap<(Naming, &'a Value), usize>,
    pub(super) namings: Vec<Naming>,
}

impl Places<'_> {
    /// Where the element of that number stands.
    pub(super) fn of(&self, element: usize) -> Option<usize> {
        self.at[self.numbers[element]]
    }

    /// What a new neighbour stands right behind; `None` where the place is not there.
    pub(super) fn find(&self, place: &Place) -> Option<usize> {
        match place {
            Place::Front => Some(Line::FRONT),
            Place::After(token) => self.at[*self.neighbours.get(token)?],
        }
    }

    /// The number of the name that an element bears, where an operation says it.
    pub(super) fn named(&self, naming: Naming, element: Option<&Value>) -> Option<usize> {
        self.names.get(&(naming, named_part(naming, element?)?)).copied()
    }

    /// The element at `at` is new, or has come to another place.
    pub(super) fn learn(&mut self, line: &Line, at: usize) {
        for (naming, number) in self.names_of(line, at) {
            self.several[number] |= self.at[number].is_some_and(|first| first != at);
            self.at[number] = if self.several[number] {
                line.find(|at| self.named(naming, line.values[at].as_ref()) == Some(number))
            } else {
                Some(at)
            };
        }
    }

    /// The element at `at` is about to go, or to be another.
    pub(super) fn forget(&mut self, line: &Line, at: usize) {
        for (naming, number) in self.names_of(line, at) {
            self.at[number] = if self.several[number] {
                line.find(|other| other != at && self.named(naming, line.values[other].as_ref()) == Some(number))
            } else {
                None
            };
        }
    }

    /// The names that the element at `at` bears of those that operations say.
    fn names_of(&self, line: &Line, at: usize) -> Vec<(Naming, usize)> {
        let named = |naming: &Naming| Some((*naming, self.named(*naming, line.values[at].as_ref())?));
        self.namings.iter().filter_map(named).collect()
    }
}
