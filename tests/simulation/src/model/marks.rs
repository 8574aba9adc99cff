//! Marks: values that are written once each, by which an edit is followed wherever it goes.

use coinolio_core::json::Value;
use std::collections::BTreeSet;

/// The number of a value that one edit wrote and no other.
pub(crate) type Mark = u32;

/// The marks in a value.
pub(crate) type Marks = BTreeSet<Mark>;

/// What makes some values long.
pub(super) const PADDING: &str = "~~~~~~~~";

/// The value of `number`, made longer by about `padding` bytes.
pub(crate) fn mark(number: Mark, padding: usize) -> Value {
    let padding = PADDING.repeat(padding / PADDING.len());
    Value::from(format!("@{number}{padding}").as_str())
}

/// All marks in `value`.
pub(crate) fn marks(value: &Value) -> Marks {
    let mut found = Marks::new();
    gather(value, &mut found);
    found
}

fn gather(value: &Value, found: &mut Marks) {
    match value {
        Value::String(text) => {
            let number = text.strip_prefix('@').map(|rest| rest.trim_end_matches('~'));
            found.extend(number.and_then(|number| number.parse::<Mark>().ok()));
        }
        Value::List(elements) => elements.iter().for_each(|element| gather(element, found)),
        Value::Object(members) => members.values().for_each(|member| gather(member, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
