//! Recognizing a wipe: an edit that leaves almost nothing of a document (docs/PROTOCOL.md).
//!
//! It is typical of a phone that has lost its storage, or that still has the document of another account.

use crate::algebra::IdentityField;
use crate::json::Value;
use std::collections::HashMap;

/// A sync is refused only if it removes at least this many scalars: a small document may be emptied.
const MIN_REMOVED: u64 = 10;

/// The share of the scalars that a sync may not reach, in per cent.
const REFUSED_PERCENT: u64 = 90;

/// True if `after` lacks at least 90 % of the scalars of `before`, and at least 10 of them.
///
/// `null` counts as nothing, because apps clear a member by setting it to `null`. A scalar with a new value is an edit,
/// not a removal. Elements of a list are matched by their identity field. Elements without one, and a value that became
/// an object or a list, cannot be matched: of these, only the difference between the numbers of scalars counts.
pub(super) fn removes_almost_everything(before: &Value, after: &Value) -> bool {
    let all = scalars(before);
    if all < MIN_REMOVED {
        return false;
    }
    let removed = removed(before, Some(after));
    removed >= MIN_REMOVED && removed.saturating_mul(100) >= all.saturating_mul(REFUSED_PERCENT)
}

/// Counts the scalars in `value` other than `null`.
fn scalars(value: &Value) -> u64 {
    match value {
        Value::Null => 0,
        Value::Object(members) => members.values().map(scalars).sum(),
        Value::List(elements) => elements.iter().map(scalars).sum(),
        _ => 1,
    }
}

/// Counts the scalars of `before` that `after` lacks; `None` is an absent value.
fn removed(before: &Value, after: Option<&Value>) -> u64 {
    match (before, after) {
        (Value::Object(before), Some(Value::Object(after))) => {
            before.iter().map(|(name, value)| removed(value, after.get(name))).sum()
        }
        (Value::List(before), Some(Value::List(after))) => removed_elements(before, after),
        // The kind has changed, as when an app turns a map into a list: the scalars cannot be matched.
        (before, after) => scalars(before).saturating_sub(after.map_or(0, scalars)),
    }
}

fn removed_elements(before: &[Value], after: &[Value]) -> u64 {
    let mut by_identity: HashMap<_, &Value> = HashMap::new();
    let mut unmatched_after = 0;
    for element in after {
        match identity(element) {
            Some(identity) => drop(by_identity.insert(identity, element)),
            None => unmatched_after += scalars(element),
        }
    }
    let (mut removed_by_identity, mut unmatched_before) = (0, 0);
    for element in before {
        match identity(element) {
            Some(identity) => removed_by_identity += removed(element, by_identity.get(&identity).copied()),
            None => unmatched_before += scalars(element),
        }
    }
    removed_by_identity + u64::saturating_sub(unmatched_before, unmatched_after)
}

/// Returns the identity field of an element, and its value.
fn identity(element: &Value) -> Option<(&'static str, &Value)> {
    let members = element.as_object()?;
    let mut fields = IdentityField::ALL.into_iter().map(IdentityField::as_str);
    fields.find_map(|field| match members.get(field) {
        Some(identity @ (Value::String(_) | Value::Number(_))) => Some((field, identity)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::{removes_almost_everything, scalars};
    use crate::json::{Value, read};
    use serde_json::json;

    fn value(json: &serde_json::Value) -> Value {
        read(json.to_string().as_bytes()).unwrap()
    }

    fn is_wipe(before: &serde_json::Value, after: &serde_json::Value) -> bool {
        removes_almost_everything(&value(before), &value(after))
    }

    /// Returns a document with one scalar in `name`, and `count` transactions of two scalars each.
    fn portfolio(count: u32) -> serde_json::Value {
        let transactions: Vec<_> = (0..count)
            .map(|id| json!({"id": id, "amount": id.to_string()}))
            .collect();
        json!({"name": "Main", "transactions": transactions})
    }

    #[test]
    fn a_phone_that_lost_its_storage_removes_almost_everything() {
        let before = portfolio(600);
        for after in [
            json!({}),
            json!({"name": "Main"}),
            json!({"name": "Main", "transactions": null}),
            json!({"name": "Main", "transactions": []}),
            json!({"name": "Main", "transactions": {}}),
            json!({"name": "Main", "transactions": ""}),
            json!({"name": "Main", "transactions": 0}),
            portfolio(59),
        ] {
            assert!(is_wipe(&before, &after), "{after}");
        }
        assert!(!is_wipe(&before, &portfolio(60)));
    }

    #[test]
    fn another_accounts_document_removes_almost_everything_although_it_is_as_large() {
        let mine = json!({"assets": {"btc": [1, 2, 3, 4], "eth": [1, 2, 3, 4], "ada": [1, 2, 3]}});
        let theirs = json!({"assets": {"sol": [1, 2, 3, 4], "dot": [1, 2, 3, 4], "xrp": [1, 2, 3]}});
        assert!(is_wipe(&mine, &theirs));
        let elements = |prefix: &str| -> serde_json::Value {
            let elements: Vec<_> = (0..10)
                .map(|n| json!({"uuid": format!("{prefix}{n}"), "n": n}))
                .collect();
            json!({ "transactions": elements })
        };
        assert!(is_wipe(&elements("mine"), &elements("theirs")));
    }

    #[test]
    fn fewer_than_10_scalars_may_be_removed_even_if_nothing_remains() {
        let members = |count: u32| -> serde_json::Value {
            let members = (0..count).map(|n| (format!("m{n}"), json!(n)));
            serde_json::Value::Object(members.collect())
        };
        assert!(!is_wipe(&members(9), &json!({})));
        assert!(is_wipe(&members(10), &json!({})));
        assert!(!is_wipe(&members(11), &members(2)), "only 9 are removed");
        assert!(!is_wipe(&members(100), &members(11)), "89 % are removed");
        assert!(is_wipe(&members(100), &members(10)), "90 % are removed");
        assert!(!is_wipe(&json!({}), &members(100)));
        let nulls: Vec<_> = (0..100).map(|_| json!(null)).collect();
        assert!(!is_wipe(&json!({ "nulls": nulls }), &json!({})), "null is nothing");
    }

    #[test]
    fn edits_of_every_value_remove_nothing() {
        let prices = |factor: u32| -> serde_json::Value {
            let prices: Vec<_> = (0..50)
                .map(|n| json!({"symbol": format!("s{n}"), "price": n * factor}))
                .collect();
            let history: Vec<_> = (0..50).map(|n| json!([n + factor, n * factor])).collect();
            json!({"prices": prices, "history": history, "flags": {"a": factor, "b": factor.to_string()}})
        };
        assert!(!is_wipe(&prices(2), &prices(3)));
        assert_eq!(scalars(&value(&prices(2))), 202);
        let assets: Vec<_> = (0..50).map(|n| (format!("a{n}"), json!({"amount": n}))).collect();
        let by_name: serde_json::Map<_, _> = assets.iter().cloned().collect();
        let in_list: Vec<_> = assets.iter().map(|(name, asset)| json!([name, asset])).collect();
        assert!(
            !is_wipe(&json!({ "assets": by_name }), &json!({ "assets": in_list })),
            "an app changed its format"
        );
        // Cleared one by one, they are removed.
        let cleared = json!({"prices": [], "history": [null], "flags": {"a": null, "b": {}}});
        assert!(is_wipe(&prices(2), &cleared));
    }
}
