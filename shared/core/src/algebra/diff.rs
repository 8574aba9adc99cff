//! The operations that turn one document into another.

use super::alignment::{Alignment, Origin};
use super::list_kind::ListKind;
use super::names::Names;
use super::patch::{Op, Position};
use super::path::{Path, Token};
use crate::json::{Object, Value};

/// Returns the patch that turns `from` into `to`, the order of lists included.
///
/// If two lists have a kind in common, their elements are set, deleted, moved and edited one by one, with as few moves
/// as possible. The same documents always give the same patch. Time is linear in the documents, except for moves:
/// n log n in the elements of the list.
pub fn diff(from: &Value, to: &Value) -> Vec<Op> {
    Differ::run(from, to, Purpose::Patch)
}

/// Returns the operations that show what differs between `from` and `to`, which [`apply`](super::apply) might not be
/// able to run.
pub(super) fn differences(from: &Value, to: &Value) -> Vec<Op> {
    Differ::run(from, to, Purpose::Comparison)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// The operations are to be applied.
    Patch,
    /// The operations show which values differ.
    Comparison,
}

struct Differ<'a> {
    purpose: Purpose,
    path: Vec<LazyToken<'a>>,
    ops: Vec<Op>,
}

/// A token that is built only if an operation needs it: most values do not differ.
#[derive(Clone, Copy)]
enum LazyToken<'a> {
    Member(&'a str),
    Element(ListKind, &'a Value, u32),
}

impl LazyToken<'_> {
    fn build(&self) -> Token {
        match self {
            Self::Member(name) => Token::Member((*name).into()),
            Self::Element(kind, element, nth) => kind.token(element, *nth),
        }
    }
}

impl<'a> Differ<'a> {
    fn run(from: &'a Value, to: &'a Value, purpose: Purpose) -> Vec<Op> {
        let mut differ = Self {
            purpose,
            path: Vec::new(),
            ops: Vec::new(),
        };
        differ.diff_values(from, to);
        differ.ops
    }

    fn path(&self) -> Path {
        self.path.iter().map(LazyToken::build).collect::<Vec<_>>().into()
    }

    fn set(&mut self, value: &Value, after: Option<Position>) {
        let (path, value) = (self.path(), value.clone());
        self.ops.push(Op::Set { path, value, after });
    }

    fn delete(&mut self) {
        let path = self.path();
        self.ops.push(Op::Delete { path });
    }

    /// Runs `act` with `token` appended to the path.
    fn within(&mut self, token: LazyToken<'a>, act: impl FnOnce(&mut Self)) {
        self.path.push(token);
        act(self);
        self.path.pop();
    }

    fn diff_values(&mut self, from: &'a Value, to: &'a Value) {
        match (from, to) {
            (Value::Object(from), Value::Object(to)) => self.diff_objects(from, to),
            (Value::List(before), Value::List(after)) => {
                if before == after {
                    return;
                }
                match ListKind::of(before).common(ListKind::of(after)) {
                    // `Empty` cannot occur: two empty lists are equal.
                    ListKind::Opaque | ListKind::Empty => self.set(to, None),
                    kind => {
                        if !self.diff_lists(kind, before, after) {
                            self.set(to, None);
                        }
                    }
                }
            }
            _ if from == to => {}
            _ => self.set(to, None),
        }
    }

    /// Walks both objects' sorted members side by side.
    fn diff_objects(&mut self, from: &'a Object, to: &'a Object) {
        let (mut from, mut to) = (from.iter().peekable(), to.iter().peekable());
        loop {
            let (before, after) = (from.peek().copied(), to.peek().copied());
            match (before, after) {
                (Some((name, before)), Some((other, after))) if name == other => {
                    self.within(LazyToken::Member(name), |differ| differ.diff_values(before, after));
                    from.next();
                    to.next();
                }
                (Some((name, _)), other) if other.is_none_or(|(other, _)| name < other) => {
                    self.within(LazyToken::Member(name), Self::delete);
                    from.next();
                }
                (_, Some((name, after))) => {
                    self.within(LazyToken::Member(name), |differ| differ.set(after, None));
                    to.next();
                }
                _ => return,
            }
        }
    }

    /// Deletes first, then goes through `to` in order, so that the element that an `after` names is already in its
    /// position when the operation is applied.
    ///
    /// Returns false, and does nothing, if no operations on single elements give this order, because elements that share
    /// a name would have to move.
    fn diff_lists(&mut self, kind: ListKind, from: &'a [Value], to: &'a [Value]) -> bool {
        let (before, after) = (Names::of(kind, from), Names::of(kind, to));
        let alignment = Alignment::of(&before, &after);
        if self.purpose == Purpose::Patch && !alignment.has_stable_names {
            return false;
        }
        let element = |names: &Names<'a>, at: usize| LazyToken::Element(kind, &names.list()[at], names.nth(at));
        let mut deleted: Vec<usize> = (0..from.len()).filter(|at| !alignment.remains[*at]).collect();
        if before.are_repeated() {
            // The last one with a name first, so that the others retain their names.
            deleted.reverse();
        }
        for at in deleted {
            self.within(element(&before, at), Self::delete);
        }
        for (at, origin) in alignment.origins.iter().enumerate() {
            let position = || match at.checked_sub(1) {
                Some(previous) => Position::After(after.token(previous)),
                None => Position::Front,
            };
            self.within(element(&after, at), |differ| match *origin {
                Origin::New => differ.set(&to[at], Some(position())),
                Origin::Unmoved(was) => differ.diff_values(&from[was], &to[at]),
                Origin::Moved(was) => {
                    let (path, after) = (differ.path(), position());
                    differ.ops.push(Op::Move { path, after });
                    differ.diff_values(&from[was], &to[at]);
                }
            });
        }
        true
    }
}
