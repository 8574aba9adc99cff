//! What changed between two documents.

use super::list::ListKind;
use super::patch::{Op, Place};
use super::path::{Path, Token};
use crate::json::{Object, Value};
use std::collections::HashMap;

/// The patch that makes `to` of `from`: `apply(from, diff(from, to)) == to`, list order included.
///
/// A list's element is set, moved or edited inside by its own name where both lists have a kind in common;
/// as few elements are moved as can be (those outside a longest increasing subsequence), always the same
/// ones. Time is linear in the documents, up to a logarithm.
pub fn diff(from: &Value, to: &Value) -> Vec<Op> {
    let mut differ = Differ::default();
    differ.values(from, to);
    differ.ops
}

#[derive(Default)]
struct Differ<'a> {
    path: Vec<Step<'a>>,
    ops: Vec<Op>,
}

/// A token that is made only where an operation needs it.
#[derive(Clone, Copy)]
enum Step<'a> {
    Member(&'a str),
    Element(ListKind, &'a Value),
}

impl Step<'_> {
    fn token(&self) -> Option<Token> {
        match self {
            Self::Member(name) => Some(Token::Member((*name).into())),
            Self::Element(kind, element) => kind.token(element),
        }
    }
}

impl<'a> Differ<'a> {
    fn path(&self) -> Path {
        self.path.iter().filter_map(Step::token).collect::<Vec<_>>().into()
    }

    fn set(&mut self, value: &Value, after: Option<Place>) {
        let (path, value) = (self.path(), value.clone());
        self.ops.push(Op::Set { path, value, after });
    }

    fn delete(&mut self) {
        let path = self.path();
        self.ops.push(Op::Delete { path });
    }

    fn at(&mut self, step: Step<'a>, act: impl FnOnce(&mut Self)) {
        self.path.push(step);
        act(self);
        self.path.pop();
    }

    fn values(&mut self, from: &'a Value, to: &'a Value) {
        match (from, to) {
            (Value::Object(from), Value::Object(to)) => self.objects(from, to),
            (Value::List(before), Value::List(after)) => {
                if before == after {
                    return;
                }
                match ListKind::of(before).common(ListKind::of(after)) {
                    ListKind::Opaque | ListKind::Empty => self.set(to, None),
                    kind => self.lists(kind, before, after),
                }
            }
            _ if from == to => {}
            _ => self.set(to, None),
        }
    }

    fn objects(&mut self, from: &'a Object, to: &'a Object) {
        let (mut from, mut to) = (from.iter().peekable(), to.iter().peekable());
        loop {
            let (before, after) = (from.peek().copied(), to.peek().copied());
            match (before, after) {
                (Some((name, before)), Some((other, after))) if name == other => {
                    self.at(Step::Member(name), |differ| differ.values(before, after));
                    from.next();
                    to.next();
                }
                (Some((name, _)), other) if other.is_none_or(|(other, _)| name < other) => {
                    self.at(Step::Member(name), Self::delete);
                    from.next();
                }
                (_, Some((name, after))) => {
                    self.at(Step::Member(name), |differ| differ.set(after, None));
                    to.next();
                }
                _ => return,
            }
        }
    }

    fn lists(&mut self, kind: ListKind, from: &'a [Value], to: &'a [Value]) {
        let order = Order::of(kind, from, to);
        for (element, stays) in from.iter().zip(&order.stays) {
            if !stays {
                self.at(Step::Element(kind, element), Self::delete);
            }
        }
        let mut before: Option<&Value> = None;
        for (element, origin) in to.iter().zip(&order.origins) {
            let after = || {
                before
                    .and_then(|before| kind.token(before))
                    .map_or(Place::Front, Place::After)
            };
            self.at(Step::Element(kind, element), |differ| match *origin {
                Origin::New => differ.set(element, Some(after())),
                Origin::Left(at) => differ.values(&from[at], element),
                Origin::Moved(at) => {
                    let (path, after) = (differ.path(), after());
                    differ.ops.push(Op::Move { path, after });
                    differ.values(&from[at], element);
                }
            });
            before = Some(element);
        }
    }
}

/// Where an element of a list comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// It is not in the other list.
    New,
    /// From this index, left in place.
    Left(usize),
    /// From this index, moved.
    Moved(usize),
}

/// How one list's order came of another's.
pub(super) struct Order {
    /// For each element of the list: where it comes from.
    pub(super) origins: Vec<Origin>,
    /// For each element of the other list: whether it is in this one.
    pub(super) stays: Vec<bool>,
}

impl Order {
    /// How the order of `to` came of that of `from`, both of kind `kind`.
    pub(super) fn of(kind: ListKind, from: &[Value], to: &[Value]) -> Self {
        let indices: HashMap<&Value, usize> = from
            .iter()
            .enumerate()
            .filter_map(|(at, element)| Some((kind.identity(element)?, at)))
            .collect();
        let mut stays = vec![false; from.len()];
        let found: Vec<Option<usize>> = to
            .iter()
            .map(|element| {
                kind.identity(element)
                    .and_then(|identity| indices.get(identity).copied())
            })
            .collect();
        for at in found.iter().flatten() {
            stays[*at] = true;
        }
        let common: Vec<usize> = found.iter().flatten().copied().collect();
        let mut left = longest_increasing(&common).into_iter();
        let origins = found
            .into_iter()
            .map(|at| match at {
                None => Origin::New,
                Some(at) if left.next() == Some(true) => Origin::Left(at),
                Some(at) => Origin::Moved(at),
            })
            .collect();
        Self { origins, stays }
    }
}

/// For each of the distinct numbers: whether it is in the longest increasing subsequence that patience
/// sorting finds.
fn longest_increasing(numbers: &[usize]) -> Vec<bool> {
    let mut chosen = vec![false; numbers.len()];
    if numbers.is_sorted() {
        chosen.fill(true);
        return chosen;
    }
    let mut ends: Vec<usize> = Vec::new();
    let mut previous: Vec<Option<usize>> = Vec::with_capacity(numbers.len());
    for (at, number) in numbers.iter().enumerate() {
        let length = ends.partition_point(|end| numbers[*end] < *number);
        previous.push(length.checked_sub(1).map(|shorter| ends[shorter]));
        if length == ends.len() {
            ends.push(at);
        } else {
            ends[length] = at;
        }
    }
    let mut next = ends.last().copied();
    while let Some(at) = next {
        chosen[at] = true;
        next = previous[at];
    }
    chosen
}
