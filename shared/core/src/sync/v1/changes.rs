//! The changes that a v1 sync made in the server's document, in the form that the apps in the field read
//! (docs/PROTOCOL.md).

use crate::algebra::{DocumentIndex, Op};
use crate::json::Value;
use crate::wire::v1::{ChangeType, DocumentChange};

/// Returns the changes that `ops` make; they turn `before` into `after`.
pub(super) fn changes(ops: &[Op], before: &Value, after: &Value) -> Vec<DocumentChange> {
    let (mut before, mut after) = (DocumentIndex::of(before), DocumentIndex::of(after));
    let change = |op: &Op| {
        let (kind, value) = match op {
            Op::Set { path, value, .. } if before.find(path).is_some() => (ChangeType::Modified, Some(value.clone())),
            Op::Set { value, .. } => (ChangeType::Added, Some(value.clone())),
            Op::Delete { .. } => (ChangeType::Deleted, None),
            Op::Move { path, .. } => (ChangeType::Modified, after.find(path).cloned()),
        };
        DocumentChange {
            kind,
            path: op.path().clone(),
            value,
        }
    };
    ops.iter().map(change).collect()
}

#[cfg(test)]
mod tests {
    use super::changes;
    use crate::algebra::diff;
    use crate::json::{Value, read};

    fn shown(before: &str, after: &str) -> Vec<String> {
        let value = |text: &str| -> Value { read(text.as_bytes()).unwrap() };
        let (before, after) = (value(before), value(after));
        let changes = changes(&diff(&before, &after), &before, &after);
        changes
            .iter()
            .map(|change| serde_json::to_string(change).unwrap())
            .collect()
    }

    #[test]
    fn an_object_appears_as_itself_and_any_other_value_is_wrapped() {
        assert_eq!(
            shown(
                r#"{"assets":{"btc":{"amount":"1.0"},"old":1}}"#,
                r#"{"assets":{"btc":{"amount":"2.0"},"eth":{"amount":"5"}},"list":[[1]]}"#
            ),
            [
                r#"{"type":"modified","path":"assets.btc.amount","value":{"value":"2.0"}}"#,
                r#"{"type":"added","path":"assets.eth","value":{"amount":"5"}}"#,
                r#"{"type":"deleted","path":"assets.old"}"#,
                r#"{"type":"added","path":"list","value":{"value":[[1]]}}"#,
            ]
        );
    }

    #[test]
    fn an_element_is_named_by_its_identity_and_a_moved_one_is_modified() {
        assert_eq!(
            shown(
                r#"{"t":[{"id":"a","n":1},{"id":"b"},{"id":"c","n":1}],"s":["x"]}"#,
                r#"{"t":[{"id":"c","n":1},{"id":"a","n":2},{"id":7}],"s":["x","y.z"]}"#
            ),
            [
                r#"{"type":"added","path":"s.y.z","value":{"value":"y.z"}}"#,
                r#"{"type":"deleted","path":"t.b"}"#,
                r#"{"type":"modified","path":"t.c","value":{"id":"c","n":1}}"#,
                r#"{"type":"modified","path":"t.a.n","value":{"value":2}}"#,
                r#"{"type":"added","path":"t.7","value":{"id":7}}"#,
            ]
        );
    }
}
