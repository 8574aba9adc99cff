//! A second, simple implementation of documents for the oracle, written from docs/MERGE.md. It shares only the
//! types of JSON values and operations with the engine.

mod apply;
mod difference;
mod list;
mod marks;

pub(crate) use apply::{apply, apply_all};
pub(crate) use difference::difference;
pub(crate) use list::Kind;
pub(crate) use marks::{Mark, Marks, mark, marks, number_mark, rounded, seen, seen_in_opaque};

use coinolio_core::algebra::Token;
use coinolio_core::json::Value;

/// Returns the value at a path, whatever the kinds of the lists on the way.
pub(crate) fn find<'v>(value: &'v Value, path: &[Token]) -> Option<&'v Value> {
    let Some((token, rest)) = path.split_first() else {
        return Some(value);
    };
    let inner = match (value, token) {
        (Value::Object(members), Token::Member(name)) => members.get(name),
        (Value::List(elements), token) => list::position(elements, token).map(|at| &elements[at]),
        _ => None,
    };
    find(inner?, rest)
}

/// Returns true if a list on the way to `path` has several elements with the name that the path gives.
pub(crate) fn has_namesakes(value: &Value, path: &[Token]) -> bool {
    let Some((token, rest)) = path.split_first() else {
        return false;
    };
    match (value, token) {
        (Value::Object(members), Token::Member(name)) => {
            members.get(name).is_some_and(|member| has_namesakes(member, rest))
        }
        (Value::List(elements), token) => {
            let named: Vec<_> = elements
                .iter()
                .filter(|element| list::is_named(element, token))
                .collect();
            named.len() > 1 || named.iter().any(|element| has_namesakes(element, rest))
        }
        _ => false,
    }
}

/// Returns the path in readable form.
pub(crate) fn shown(path: &[Token]) -> String {
    let tokens = path.iter().map(|token| match token {
        Token::Member(name) => name.to_string(),
        Token::Element(field, identity, nth) => format!("{{{}: {}{}}}", field.as_str(), text(identity), number(*nth)),
        Token::Value(value, nth) => format!("{{{}{}}}", text(value), number(*nth)),
    });
    tokens.collect::<Vec<_>>().join(".")
}

fn number(nth: u32) -> String {
    match nth {
        0 => String::new(),
        nth => format!(", nth {nth}"),
    }
}

/// Returns the value as JSON, without the padding of long values.
pub(crate) fn text(value: &Value) -> String {
    let json = String::from_utf8_lossy(&value.to_json()).into_owned();
    json.replace(marks::PADDING, "")
}
