//! The operations that turn one document into another.

use super::alignment::{Alignment, Origin};
use super::list_kind::ListKind;
use super::patch::{Op, Position};
use super::path::{Path, Token};
use crate::json::{Object, Value};

/// Returns the patch that turns `from` into `to`, the order of lists included.
///
/// If two lists have a kind in common, their elements are set, deleted, moved and edited one by one, with as few moves
/// as possible. The same documents always give the same patch. Time is linear in the documents, except for moves:
/// n log n in the elements of the list.
pub fn diff(from: &Value, to: &Value) -> Vec<Op> {
    let mut differ = Differ::default();
    differ.diff_values(from, to);
    differ.ops
}

#[derive(Default)]
struct Differ<'a> {
    path: Vec<LazyToken<'a>>,
    ops: Vec<Op>,
}

/// A token that is built only if an operation needs it: most values do not differ.
#[derive(Clone, Copy)]
enum LazyToken<'a> {
    Member(&'a str),
    Element(ListKind, &'a Value),
}

impl LazyToken<'_> {
    fn build(&self) -> Option<Token> {
        match self {
            Self::Member(name) => Some(Token::Member((*name).into())),
            Self::Element(kind, element) => kind.token(element),
        }
    }
}

impl<'a> Differ<'a> {
    fn path(&self) -> Path {
        self.path.iter().filter_map(LazyToken::build).collect::<Vec<_>>().into()
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
                    kind => self.diff_lists(kind, before, after),
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
    fn diff_lists(&mut self, kind: ListKind, from: &'a [Value], to: &'a [Value]) {
        let alignment = Alignment::of(kind, from, to);
        for (element, remains) in from.iter().zip(&alignment.remains) {
            if !remains {
                self.within(LazyToken::Element(kind, element), Self::delete);
            }
        }
        let mut previous: Option<&Value> = None;
        for (element, origin) in to.iter().zip(&alignment.origins) {
            let position = || {
                previous
                    .and_then(|previous| kind.token(previous))
                    .map_or(Position::Front, Position::After)
            };
            self.within(LazyToken::Element(kind, element), |differ| match *origin {
                Origin::New => differ.set(element, Some(position())),
                Origin::Unmoved(at) => differ.diff_values(&from[at], element),
                Origin::Moved(at) => {
                    let (path, after) = (differ.path(), position());
                    differ.ops.push(Op::Move { path, after });
                    differ.diff_values(&from[at], element);
                }
            });
            previous = Some(element);
        }
    }
}
