//! Applies operations one after another, each looked up from the root.

use super::list::position;
use coinolio_core::algebra::{Op, Position, Token};
use coinolio_core::json::{Object, Value};

/// Applies all `ops` in order.
pub(crate) fn apply_all<'a>(document: &mut Value, ops: impl IntoIterator<Item = &'a Op>) {
    for op in ops {
        apply(document, op.path().tokens(), op);
    }
}

/// Applies `op` at `path`, relative to `here`.
pub(crate) fn apply(here: &mut Value, path: &[Token], op: &Op) {
    let Some((token, rest)) = path.split_first() else {
        return;
    };
    let wants_object = matches!(token, Token::Member(_));
    let fits = match here {
        Value::Object(_) => wants_object,
        Value::List(_) => !wants_object,
        _ => false,
    };
    if !fits {
        // A value of another kind is in the way: a set replaces it, any other operation does nothing.
        if !matches!(op, Op::Set { .. }) {
            return;
        }
        *here = if wants_object {
            Value::Object(Object::new())
        } else {
            Value::List(Vec::new())
        };
    }
    match (here, token) {
        (Value::Object(members), Token::Member(name)) => at_member(members, name, rest, op),
        (Value::List(elements), token) => at_element(elements, token, rest, op),
        _ => {}
    }
}

fn at_member(members: &mut Object, name: &str, rest: &[Token], op: &Op) {
    match op {
        Op::Set { value, .. } if rest.is_empty() => {
            members.insert(name.into(), value.clone());
        }
        Op::Delete { .. } if rest.is_empty() => {
            members.remove(name);
        }
        Op::Set { .. } => apply(members.entry(name.into()).or_insert(Value::Null), rest, op),
        Op::Delete { .. } | Op::Move { .. } => {
            if let Some(member) = members.get_mut(name) {
                apply(member, rest, op);
            }
        }
    }
}

fn at_element(elements: &mut Vec<Value>, token: &Token, rest: &[Token], op: &Op) {
    let at = position(elements, token);
    match (op, at) {
        (Op::Set { value, .. }, Some(at)) if rest.is_empty() => elements[at] = value.clone(),
        (Op::Set { value, after, .. }, None) if rest.is_empty() => {
            let index = after
                .as_ref()
                .and_then(|after| index_behind(elements, after))
                .unwrap_or(elements.len());
            elements.insert(index, value.clone());
        }
        (Op::Delete { .. }, Some(at)) if rest.is_empty() => {
            elements.remove(at);
        }
        (Op::Move { after, .. }, Some(at)) if rest.is_empty() => {
            // An element that is to follow itself goes to the end.
            let index = index_behind(elements, after).filter(|index| *index != at + 1);
            let element = elements.remove(at);
            let index = match index {
                Some(index) if index > at => index - 1,
                Some(index) => index,
                None => elements.len(),
            };
            elements.insert(index, element);
        }
        (Op::Set { .. }, None) => {
            let mut element = match token {
                Token::Element(field, identity, _) => {
                    Value::Object(Object::from([(field.as_str().into(), identity.clone())]))
                }
                Token::Value(value, _) => value.clone(),
                Token::Member(_) => Value::Null,
            };
            apply(&mut element, rest, op);
            elements.push(element);
        }
        (_, Some(at)) => apply(&mut elements[at], rest, op),
        (_, None) => {}
    }
}

/// Returns the index behind the element that `after` names, if the list has it.
fn index_behind(elements: &[Value], after: &Position) -> Option<usize> {
    match after {
        Position::Front => Some(0),
        Position::After(token) => position(elements, token).map(|at| at + 1),
    }
}
