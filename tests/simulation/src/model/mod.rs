//! Documents in the plainest way, by the words of docs/MERGE.md: the oracle's own, which shares with the engine
//! nothing but the types of JSON values and of operations.

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

/// The value at a place, whatever the kinds of the lists on the way.
pub(crate) fn find<'v>(value: &'v Value, place: &[Token]) -> Option<&'v Value> {
    let Some((token, rest)) = place.split_first() else {
        return Some(value);
    };
    let inner = match (value, token) {
        (Value::Object(members), Token::Member(name)) => members.get(name),
        (Value::List(elements), token) => elements.iter().find(|element| list::is_named(element, token)),
        _ => None,
    };
    find(inner?, rest)
}

/// The place as people read it.
pub(crate) fn shown(place: &[Token]) -> String {
    let tokens = place.iter().map(|token| match token {
        Token::Member(name) => name.to_string(),
        Token::Element(field, identity) => format!("{{{}: {}}}", field.as_str(), text(identity)),
        Token::Value(value) => format!("{{{}}}", text(value)),
    });
    tokens.collect::<Vec<_>>().join(".")
}

/// The value as JSON, without what only makes it long.
pub(crate) fn text(value: &Value) -> String {
    let json = String::from_utf8_lossy(&value.to_json()).into_owned();
    json.replace(marks::PADDING, "")
}
