//! Undoing the rounding of numbers by v1 clients: a number that comes back rounded counts as unchanged (docs/adr/0001).
//!
//! JavaScript's only numbers are binary64. A phone that received `0.1000000000000000055` sends `0.1` even if its user
//! changed nothing. If that counted as an edit, it would round the value for every other device.

use crate::algebra::ListKind;
use crate::json::{Number, Object, Value};
use std::collections::HashMap;

/// Replaces the numbers of `sent` that are roundings of numbers in `original` by these.
///
/// Elements of keyed lists and object lists are matched by their rounded names; elements of other lists by position, if
/// both lists have the same length.
pub(crate) fn restore(sent: &mut Value, original: &Value) {
    if binary64_changes(original) {
        restore_value(sent, original);
    }
}

/// True if a JavaScript client would change some number in `value` by reading and sending it.
fn binary64_changes(value: &Value) -> bool {
    match value {
        Value::Number(number) => !number.survives_binary64(),
        Value::List(elements) => elements.iter().any(binary64_changes),
        Value::Object(members) => members.values().any(binary64_changes),
        _ => false,
    }
}

fn restore_value(sent: &mut Value, original: &Value) {
    match (sent, original) {
        (Value::Number(sent), Value::Number(original)) if sent != original && sent.is_rounding_of(original) => {
            *sent = original.clone();
        }
        (Value::Object(sent), Value::Object(original)) => {
            for (name, value) in sent {
                if let Some(original) = original.get(name) {
                    restore_value(value, original);
                }
            }
        }
        (Value::List(sent), Value::List(original)) => restore_list(sent, original),
        _ => {}
    }
}

fn restore_list(sent: &mut [Value], original: &[Value]) {
    let kind = ListKind::of(original);
    let same_length = sent.len() == original.len();
    match kind {
        ListKind::Keyed(_) | ListKind::ObjectList => {
            let matches = matched(sent, original, kind);
            let is_its_own_name = |element: &Value| std::ptr::eq(kind.name(element), element);
            for (at, (element, matched)) in sent.iter_mut().zip(matches).enumerate() {
                // An element that is named by its value and has no equal one was edited: only its position identifies it.
                let at_its_position = original
                    .get(at)
                    .filter(|original| same_length && is_its_own_name(original) && is_its_own_name(element));
                if let Some(original) = matched.or(at_its_position) {
                    restore_value(element, original);
                }
            }
        }
        ListKind::Empty | ListKind::StringList | ListKind::Opaque => {
            if same_length {
                for (element, original) in sent.iter_mut().zip(original) {
                    restore_value(element, original);
                }
            }
        }
    }
}

/// Returns for each element of `sent` the element of `original` that it was before a JavaScript client read it, if that
/// can be told.
///
/// Several elements of `original` may round to the same name. If `sent` has equally many of that name, they are matched
/// in order. Otherwise only the element whose name rounding does not change is matched.
fn matched<'o>(sent: &[Value], original: &'o [Value], kind: ListKind) -> Vec<Option<&'o Value>> {
    let mut by_rounded_name: HashMap<Value, Vec<&'o Value>> = HashMap::with_capacity(original.len());
    for element in original {
        let name = rounded(kind.name(element));
        by_rounded_name.entry(name).or_default().push(element);
    }
    let mut counts: HashMap<&Value, usize> = HashMap::with_capacity(sent.len());
    for element in sent {
        *counts.entry(kind.name(element)).or_default() += 1;
    }
    // How many elements of `sent` of each name have been matched so far.
    let mut matched_so_far: HashMap<&Value, usize> = HashMap::new();
    let mut find = |element| {
        let sent_name = kind.name(element);
        let rounded_name = rounded(sent_name);
        let group = by_rounded_name.get(&rounded_name)?;
        // A client that reads numbers exactly sends names that are not rounded.
        if *sent_name != rounded_name || counts.get(sent_name) != Some(&group.len()) {
            return group.iter().find(|original| kind.name(original) == sent_name).copied();
        }
        let position = matched_so_far.entry(sent_name).or_default();
        *position += 1;
        group.get(*position - 1).copied()
    };
    sent.iter().map(&mut find).collect()
}

/// Returns `value` as a JavaScript client would send it back.
fn rounded(value: &Value) -> Value {
    match value {
        Value::Number(number) if !number.survives_binary64() => {
            Value::Number(shortest(number).unwrap_or_else(|| number.clone()))
        }
        Value::List(elements) => Value::List(elements.iter().map(rounded).collect()),
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| (name.clone(), rounded(value)));
            Value::Object(members.collect::<Object>())
        }
        other => other.clone(),
    }
}

/// Returns the shortest decimal number that binary64 rounds to the same value, which is how JavaScript writes it.
fn shortest(number: &Number) -> Option<Number> {
    Number::parse(&format!("{:e}", number.to_f64()))
}

#[cfg(test)]
mod tests {
    use super::restore;
    use crate::json::{Value, read};

    fn value(text: &str) -> Value {
        read(text.as_bytes()).unwrap()
    }

    fn restored(sent: &str, original: &str) -> String {
        let mut sent = value(sent);
        restore(&mut sent, &value(original));
        String::from_utf8(sent.to_json()).unwrap()
    }

    const EXACT: &str = "0.1000000000000000055511151231257827";

    #[test]
    fn a_number_that_a_phone_sends_back_rounded_is_unchanged() {
        assert_eq!(
            restored(r#"{"a":{"b":0.1}}"#, &format!(r#"{{"a":{{"b":{EXACT}}}}}"#)),
            format!(r#"{{"a":{{"b":{EXACT}}}}}"#)
        );
        assert_eq!(
            restored("9007199254740992", "9007199254740993"),
            "9007199254740993",
            "whole numbers too"
        );
    }

    #[test]
    fn a_number_that_is_not_a_rounding_of_the_original_is_an_edit() {
        for (sent, original) in [("0.2", EXACT), ("9007199254740994", "9007199254740993"), ("2", "1")] {
            assert_eq!(restored(sent, original), sent);
        }
    }

    #[test]
    fn elements_of_keyed_lists_are_matched_by_identity_at_any_position() {
        assert_eq!(
            restored(
                r#"[{"id":"new","n":0.1},{"id":"b","n":1},{"id":"a","n":0.1}]"#,
                &format!(r#"[{{"id":"a","n":{EXACT}}},{{"id":"b","n":{EXACT}}}]"#)
            ),
            format!(r#"[{{"id":"new","n":0.1}},{{"id":"b","n":1}},{{"id":"a","n":{EXACT}}}]"#)
        );
    }

    #[test]
    fn elements_with_rounded_identities_are_matched_too() {
        assert_eq!(
            restored(
                r#"[{"id":1},{"id":9007199254740992,"n":2}]"#,
                r#"[{"id":9007199254740993,"n":1},{"id":1}]"#
            ),
            r#"[{"id":1},{"id":9007199254740993,"n":2}]"#
        );
    }

    #[test]
    fn elements_whose_identities_round_to_the_same_are_matched_in_order_if_all_are_present() {
        let original = r#"[{"id":9007199254740993,"n":1},{"id":9007199254740992,"n":2}]"#;
        assert_eq!(
            restored(
                r#"[{"id":9007199254740992,"n":1},{"id":9007199254740992,"n":3}]"#,
                original
            ),
            r#"[{"id":9007199254740993,"n":1},{"id":9007199254740992,"n":3}]"#
        );
        let one = r#"[{"id":9007199254740992,"n":2}]"#;
        assert_eq!(
            restored(one, original),
            one,
            "nothing tells which of the two was removed"
        );
        assert_eq!(
            restored(original, original),
            original,
            "a client that reads numbers exactly also sends them exactly"
        );
    }

    #[test]
    fn elements_of_object_lists_are_matched_by_value_and_otherwise_by_position() {
        let original = format!(r#"[{{"n":{EXACT}}},{{"n":2}},{{"m":{EXACT}}}]"#);
        assert_eq!(
            restored(r#"[{"n":2},{"n":0.1}]"#, &original),
            format!(r#"[{{"n":2}},{{"n":{EXACT}}}]"#)
        );
        assert_eq!(
            restored(r#"[{"n":0.1,"new":true},{"n":2},{"m":0.1}]"#, &original),
            format!(r#"[{{"n":{EXACT},"new":true}},{{"n":2}},{{"m":{EXACT}}}]"#)
        );
    }

    #[test]
    fn elements_of_opaque_lists_are_matched_by_position_if_the_lengths_are_equal() {
        let original = format!("[1,{EXACT},[{EXACT}]]");
        assert_eq!(restored("[2,0.1,[0.1]]", &original), format!("[2,{EXACT},[{EXACT}]]"));
        assert_eq!(restored("[0.1,0.1]", &original), "[0.1,0.1]");
    }
}
