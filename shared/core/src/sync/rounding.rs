//! Numbers that a v1 phone read as binary64 and sent back count as unchanged (design section 4).
//!
//! JavaScript has no other numbers: a phone that got `0.1000000000000000055` sends `0.1`, whether or not
//! its user touched anything. Taken as an edit, that would round the value for every other device.

use crate::algebra::{IdentityField, ListKind};
use crate::json::{Number, Object, Value};
use std::collections::HashMap;

/// Puts `held`'s numbers in the place of those that `sent` has as a JavaScript client rounds them.
///
/// Elements of keyed lists and object sets are matched by what rounding makes of their identity, those of
/// other lists by position where the lists are of one length.
pub(crate) fn restore(sent: &mut Value, held: &Value) {
    if loses_in_binary64(held) {
        restore_value(sent, held);
    }
}

/// True where a JavaScript client would send some number of `value` back as another.
fn loses_in_binary64(value: &Value) -> bool {
    match value {
        Value::Number(number) => !number.survives_binary64(),
        Value::List(elements) => elements.iter().any(loses_in_binary64),
        Value::Object(members) => members.values().any(loses_in_binary64),
        _ => false,
    }
}

fn restore_value(sent: &mut Value, held: &Value) {
    match (sent, held) {
        (Value::Number(sent), Value::Number(held)) if sent != held && sent.is_rounding_of(held) => {
            *sent = held.clone();
        }
        (Value::Object(sent), Value::Object(held)) => {
            for (name, value) in sent {
                if let Some(held) = held.get(name) {
                    restore_value(value, held);
                }
            }
        }
        (Value::List(sent), Value::List(held)) => restore_list(sent, held),
        _ => {}
    }
}

fn restore_list(sent: &mut [Value], held: &[Value]) {
    match ListKind::of(held) {
        ListKind::Keyed(field) => {
            let matches = matched(sent, held, |element| identity(element, field));
            for (element, held) in sent.iter_mut().zip(matches) {
                if let Some(held) = held {
                    restore_value(element, held);
                }
            }
        }
        ListKind::ObjectSet => {
            let matches = matched(sent, held, whole);
            let one_length = sent.len() == held.len();
            for (at, (element, matched)) in sent.iter_mut().zip(matches).enumerate() {
                // An element without its like was edited: it has no identity but its place.
                if let Some(held) = matched.or_else(|| held.get(at).filter(|_| one_length)) {
                    restore_value(element, held);
                }
            }
        }
        ListKind::Empty | ListKind::StringSet | ListKind::Opaque => {
            if sent.len() == held.len() {
                for (element, held) in sent.iter_mut().zip(held) {
                    restore_value(element, held);
                }
            }
        }
    }
}

const fn whole(element: &Value) -> Option<&Value> {
    Some(element)
}

fn identity(element: &Value, field: IdentityField) -> Option<&Value> {
    element.as_object()?.get(field.as_str())
}

/// For each element of `sent` the one of `held` that it was before a JavaScript client read it.
///
/// Several of `held` may round to one name: their order tells them apart where `sent` has as many of it,
/// else only the one that rounding leaves alone is found.
fn matched<'h>(sent: &[Value], held: &'h [Value], name: impl Fn(&Value) -> Option<&Value>) -> Vec<Option<&'h Value>> {
    let mut alike: HashMap<Value, Vec<&'h Value>> = HashMap::with_capacity(held.len());
    for element in held {
        if let Some(name) = name(element) {
            alike.entry(rounded(name)).or_default().push(element);
        }
    }
    let mut counts: HashMap<&Value, usize> = HashMap::with_capacity(sent.len());
    for name in sent.iter().filter_map(&name) {
        *counts.entry(name).or_default() += 1;
    }
    let mut passed: HashMap<&Value, usize> = HashMap::new();
    let mut find = |element| {
        let sent = name(element)?;
        let as_rounded = rounded(sent);
        let group = alike.get(&as_rounded)?;
        if *sent != as_rounded || counts.get(sent) != Some(&group.len()) {
            return group.iter().find(|held| name(held) == Some(sent)).copied();
        }
        let position = passed.entry(sent).or_default();
        *position += 1;
        group.get(*position - 1).copied()
    };
    sent.iter().map(&mut find).collect()
}

/// The value as a JavaScript client would send it back.
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

    fn restored(sent: &str, held: &str) -> String {
        let mut sent = value(sent);
        restore(&mut sent, &value(held));
        String::from_utf8(sent.to_json()).unwrap()
    }

    const EXACT: &str = "0.1000000000000000055511151231257827";

    #[test]
    fn a_number_sent_back_as_a_phone_rounds_it_is_the_number_that_was_held() {
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
    fn a_number_that_no_rounding_makes_is_an_edit() {
        for (sent, held) in [("0.2", EXACT), ("9007199254740994", "9007199254740993"), ("2", "1")] {
            assert_eq!(restored(sent, held), sent);
        }
    }

    #[test]
    fn elements_of_keyed_lists_are_found_by_identity_wherever_they_stand() {
        assert_eq!(
            restored(
                r#"[{"id":"new","n":0.1},{"id":"b","n":1},{"id":"a","n":0.1}]"#,
                &format!(r#"[{{"id":"a","n":{EXACT}}},{{"id":"b","n":{EXACT}}}]"#)
            ),
            format!(r#"[{{"id":"new","n":0.1}},{{"id":"b","n":1}},{{"id":"a","n":{EXACT}}}]"#)
        );
    }

    #[test]
    fn identities_that_were_rounded_are_found_too() {
        assert_eq!(
            restored(
                r#"[{"id":1},{"id":9007199254740992,"n":2}]"#,
                r#"[{"id":9007199254740993,"n":1},{"id":1}]"#
            ),
            r#"[{"id":1},{"id":9007199254740993,"n":2}]"#
        );
    }

    #[test]
    fn identities_that_round_to_one_keep_their_order_while_all_are_there() {
        let held = r#"[{"id":9007199254740993,"n":1},{"id":9007199254740992,"n":2}]"#;
        assert_eq!(
            restored(r#"[{"id":9007199254740992,"n":1},{"id":9007199254740992,"n":3}]"#, held),
            r#"[{"id":9007199254740993,"n":1},{"id":9007199254740992,"n":3}]"#
        );
        let one = r#"[{"id":9007199254740992,"n":2}]"#;
        assert_eq!(restored(one, held), one, "which of the two is gone is not guessed");
        assert_eq!(
            restored(held, held),
            held,
            "a client that reads numbers exactly sends them so"
        );
    }

    #[test]
    fn object_sets_match_whole_elements_and_else_positions() {
        let held = format!(r#"[{{"n":{EXACT}}},{{"n":2}},{{"m":{EXACT}}}]"#);
        assert_eq!(
            restored(r#"[{"n":2},{"n":0.1}]"#, &held),
            format!(r#"[{{"n":2}},{{"n":{EXACT}}}]"#)
        );
        assert_eq!(
            restored(r#"[{"n":0.1,"new":true},{"n":2},{"m":0.1}]"#, &held),
            format!(r#"[{{"n":{EXACT},"new":true}},{{"n":2}},{{"m":{EXACT}}}]"#)
        );
    }

    #[test]
    fn opaque_lists_match_by_position_where_the_lengths_agree() {
        let held = format!("[1,{EXACT},[{EXACT}]]");
        assert_eq!(restored("[2,0.1,[0.1]]", &held), format!("[2,{EXACT},[{EXACT}]]"));
        assert_eq!(restored("[0.1,0.1]", &held), "[0.1,0.1]");
    }
}
