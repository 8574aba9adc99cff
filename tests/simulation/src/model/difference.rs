//! The edits of a simple client, found by comparing documents: correct, but with more moves than necessary.

use super::list::Kind;
use coinolio_core::algebra::{Op, Path, Position, Token};
use coinolio_core::json::{Object, Value};

/// Returns the operations that turn `before` into `after`.
pub(crate) fn difference(before: &Value, after: &Value) -> Vec<Op> {
    let mut ops = Vec::new();
    if let (Value::Object(before), Value::Object(after)) = (before, after) {
        members(&Path::ROOT, before, after, &mut ops);
    }
    ops
}

fn members(here: &Path, before: &Object, after: &Object, ops: &mut Vec<Op>) {
    let child = |name: &str| here.child(Token::Member(name.into()));
    for name in before.keys().filter(|name| !after.contains_key(*name)) {
        ops.push(Op::Delete { path: child(name) });
    }
    for (name, value) in after {
        inside(child(name), before.get(name), value, None, ops);
    }
}

fn inside(path: Path, before: Option<&Value>, after: &Value, behind: Option<Position>, ops: &mut Vec<Op>) {
    match (before, after) {
        (Some(before), after) if before == after => {}
        (Some(Value::Object(before)), Value::Object(after)) => members(&path, before, after, ops),
        (Some(Value::List(before)), Value::List(after)) if Kind::of(before).shared(Kind::of(after)) != Kind::Opaque => {
            elements(&path, before, after, ops);
        }
        _ => ops.push(Op::Set {
            path,
            value: after.clone(),
            after: behind,
        }),
    }
}

fn elements(here: &Path, before: &[Value], after: &[Value], ops: &mut Vec<Op>) {
    let kind = Kind::of(before).shared(Kind::of(after));
    let (was, is) = (kind.tokens(before), kind.tokens(after));
    let common = |one: &[Token], other: &[Token]| -> Vec<Token> {
        one.iter().filter(|token| other.contains(token)).cloned().collect()
    };
    let is_repeated = is.iter().chain(&was).any(|token| token.nth() > 0);
    if is_repeated && common(&was, &is) != common(&is, &was) {
        // A move may give other elements with the same name other numbers.
        return ops.push(Op::Set {
            path: here.clone(),
            value: Value::List(after.to_vec()),
            after: None,
        });
    }
    // The last element with a name first: the others keep their numbers.
    for token in was.iter().rev().filter(|token| !is.contains(token)) {
        ops.push(Op::Delete {
            path: here.child(token.clone()),
        });
    }
    let mut line = common(&was, &is);
    for (at, token) in is.iter().enumerate() {
        let behind = match at.checked_sub(1) {
            Some(before) => Position::After(is[before].clone()),
            None => Position::Front,
        };
        let path = here.child(token.clone());
        let old = was.iter().position(|other| other == token).map(|at| &before[at]);
        if let Some(from) = line.iter().position(|other| other == token) {
            // The elements before index `at` are already in their final order.
            if from != at {
                let moved = line.remove(from);
                line.insert(at, moved);
                ops.push(Op::Move {
                    path: path.clone(),
                    after: behind.clone(),
                });
            }
        } else {
            line.insert(at, token.clone());
        }
        inside(path, old, &after[at], Some(behind), ops);
    }
}
