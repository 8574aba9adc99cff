//! The outbox: unsent edits, in which no path occurs twice or is inside another.

use crate::model;
use coinolio_core::algebra::{Op, Position, Token};
use coinolio_core::json::{Object, Value};

/// Adds an operation and the time of its edit to `outbox`.
///
/// The operation replaces those that it overwrites. If it is inside another operation's path, it is merged into
/// that operation.
pub(super) fn add(outbox: &mut Vec<(Op, i64)>, op: Op, time: i64) {
    let tokens = op.path().tokens().to_vec();
    let is_written = |other: &Op| !matches!(other, Op::Move { .. });
    let around = outbox.iter_mut().find(|(other, _)| {
        let other_tokens = other.path().tokens();
        is_written(other) && other_tokens.len() < tokens.len() && tokens.starts_with(other_tokens)
    });
    if let Some((around, at)) = around {
        return become_part(around, at, &op, time);
    }
    let same = outbox.iter().position(|(other, _)| other.path().tokens() == tokens);
    if let (Op::Move { after, .. }, Some(same)) = (&op, same) {
        return match &mut outbox[same].0 {
            Op::Set { after: set_after, .. } => *set_after = Some(after.clone()),
            Op::Move { after: move_after, .. } => *move_after = after.clone(),
            Op::Delete { .. } => {}
        };
    }
    if let Some(same) = same {
        let old_after: Option<Position> = match &outbox[same].0 {
            Op::Set { after, .. } => after.clone(),
            _ => None,
        };
        let op = match op {
            Op::Set { path, value, after } => Op::Set {
                path,
                value,
                after: after.or(old_after),
            },
            op => op,
        };
        outbox[same] = (op, time);
    } else {
        outbox.push((op.clone(), time));
    }
    if is_written(&outbox[same.unwrap_or(outbox.len() - 1)].0) {
        outbox.retain(|(other, _)| {
            other.path().tokens().len() <= tokens.len() || !other.path().tokens().starts_with(&tokens)
        });
    }
}

fn become_part(around: &mut Op, at: &mut i64, op: &Op, time: i64) {
    let depth = around.path().tokens().len();
    let rest = op.path().tokens().get(depth..).unwrap_or_default();
    match around {
        Op::Set { value, .. } => {
            model::apply(value, rest, op);
            *at = time;
        }
        Op::Delete { path } if matches!(op, Op::Set { .. }) => {
            let mut value = match path.tokens().last() {
                Some(Token::Element(field, identity, _)) => {
                    Value::Object(Object::from([(field.as_str().into(), identity.clone())]))
                }
                _ => Value::Null,
            };
            model::apply(&mut value, rest, op);
            *around = Op::Set {
                path: path.clone(),
                value,
                after: None,
            };
            *at = time;
        }
        Op::Delete { .. } | Op::Move { .. } => {}
    }
}
