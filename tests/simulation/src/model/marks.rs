//! Marks: values that are written once each, by which an edit is followed wherever it goes.

use super::list::Kind;
use coinolio_core::json::{Number, Value};
use std::collections::BTreeSet;

/// The number of a value that one edit wrote and no other.
pub(crate) type Mark = u32;

/// The marks in a value.
pub(crate) type Marks = BTreeSet<Mark>;

/// What makes some values long.
pub(super) const PADDING: &str = "~~~~~~~~";

/// What a mark that is a number has before its own: no other number of a document is as large.
const NUMBERS: Mark = 1_000_000_000;

/// What a mark that is a number has behind it: more than a binary64 holds.
const FRACTION: &str = ".00000000000000000001";

/// The value of `number`, made longer by about `padding` bytes.
pub(crate) fn mark(number: Mark, padding: usize) -> Value {
    let padding = PADDING.repeat(padding / PADDING.len());
    Value::from(format!("@{number}{padding}").as_str())
}

/// The value of `number` as a number, which a JavaScript client cannot hold.
pub(crate) fn number_mark(number: Mark) -> Value {
    let text = format!("{}{FRACTION}", NUMBERS.saturating_add(number));
    Number::parse(&text).map_or(Value::Null, Value::Number)
}

/// All marks in `value`.
pub(crate) fn marks(value: &Value) -> Marks {
    let mut found = Marks::new();
    gather(value, false, &mut found);
    found
}

/// All marks that somebody sees in `value`, those that a JavaScript client has rounded among them.
pub(crate) fn seen(value: &Value) -> Marks {
    let mut found = Marks::new();
    gather(value, true, &mut found);
    found
}

/// The marks that somebody sees in the opaque lists of `value`: one value each, of which a phone that edits it rounds
/// all numbers.
pub(crate) fn seen_in_opaque(value: &Value) -> Marks {
    match value {
        Value::List(elements) if Kind::of(elements) == Kind::Opaque => seen(value),
        Value::List(elements) => elements.iter().flat_map(seen_in_opaque).collect(),
        Value::Object(members) => members.values().flat_map(seen_in_opaque).collect(),
        _ => Marks::new(),
    }
}

/// `value` as a JavaScript client holds it.
pub(crate) fn rounded(value: &Value) -> Value {
    match value {
        Value::Number(number) => {
            let whole = number.as_str().strip_suffix(FRACTION).and_then(Number::parse);
            Value::Number(whole.unwrap_or_else(|| number.clone()))
        }
        Value::List(elements) => Value::List(elements.iter().map(rounded).collect()),
        Value::Object(members) => {
            let members = members.iter().map(|(name, member)| (name.clone(), rounded(member)));
            Value::Object(members.collect())
        }
        Value::Null | Value::Bool(_) | Value::String(_) => value.clone(),
    }
}

fn gather(value: &Value, is_seen: bool, found: &mut Marks) {
    match value {
        Value::String(text) => {
            let number = text.strip_prefix('@').map(|rest| rest.trim_end_matches('~'));
            found.extend(number.and_then(|number| number.parse::<Mark>().ok()));
        }
        Value::Number(number) => {
            let text = number.as_str();
            let whole = text.strip_suffix(FRACTION).or(is_seen.then_some(text));
            let whole = whole.and_then(|whole| whole.parse::<Mark>().ok());
            found.extend(whole.and_then(|whole| whole.checked_sub(NUMBERS)));
        }
        Value::List(elements) => elements.iter().for_each(|element| gather(element, is_seen, found)),
        Value::Object(members) => members.values().for_each(|member| gather(member, is_seen, found)),
        Value::Null | Value::Bool(_) => {}
    }
}
