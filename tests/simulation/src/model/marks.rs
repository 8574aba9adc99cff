//! Marks: unique values, each written by a single edit, so that the oracle can follow the edit.

use super::list::Kind;
use coinolio_core::json::{Number, Value};
use std::collections::BTreeSet;

/// The number of a value that only one edit wrote.
pub(crate) type Mark = u32;

/// The marks in a value.
pub(crate) type Marks = BTreeSet<Mark>;

/// The padding of long values.
pub(super) const PADDING: &str = "~~~~~~~~";

/// Added to a mark that is written as a number: no other number in a document is as large.
const NUMBERS: Mark = 1_000_000_000;

/// The fraction of a mark that is written as a number: more digits than binary64 can represent.
const FRACTION: &str = ".00000000000000000001";

/// Returns the mark `number` as a string, padded by about `padding` bytes.
pub(crate) fn mark(number: Mark, padding: usize) -> Value {
    let padding = PADDING.repeat(padding / PADDING.len());
    Value::from(format!("@{number}{padding}").as_str())
}

/// Returns the mark `number` as a number that a JavaScript client cannot represent exactly.
pub(crate) fn number_mark(number: Mark) -> Value {
    let text = format!("{}{FRACTION}", NUMBERS.saturating_add(number));
    Number::parse(&text).map_or(Value::Null, Value::Number)
}

/// Returns all marks in `value`.
pub(crate) fn marks(value: &Value) -> Marks {
    let mut found = Marks::new();
    gather(value, false, &mut found);
    found
}

/// Returns all marks that a user sees in `value`, including those that a JavaScript client has rounded.
pub(crate) fn seen(value: &Value) -> Marks {
    let mut found = Marks::new();
    gather(value, true, &mut found);
    found
}

/// Returns the marks that a user sees in the opaque lists of `value`. Such a list is one value: a phone that edits
/// it rounds all its numbers.
pub(crate) fn seen_in_opaque(value: &Value) -> Marks {
    match value {
        Value::List(elements) if Kind::of(elements) == Kind::Opaque => seen(value),
        Value::List(elements) => elements.iter().flat_map(seen_in_opaque).collect(),
        Value::Object(members) => members.values().flat_map(seen_in_opaque).collect(),
        _ => Marks::new(),
    }
}

/// Returns `value` as a JavaScript client stores it.
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
