//! Applying operations to a document.
//!
//! Operations are gathered into a tree by their paths for as long as none touches what another has touched. The tree
//! then runs over the document once, so time is linear in the operations and in the elements of the lists that they
//! touch, not in the product of the two.

mod linked_list;
mod observer;
mod plan;
mod positions;
mod run;

use super::patch::Op;
use crate::json::Value;
pub(crate) use observer::Observer;
use observer::Unobserved;
use plan::Node;
use std::iter::Peekable;

/// Applies `ops` to `document`, in order.
///
/// It never fails, since the document may have changed after the operations were made. Missing parents are added, and
/// an element whose neighbour is absent goes to the end. If a value of another kind (object, list, scalar) is in the
/// way of a path, `set` replaces it, while `delete` and `move` do nothing.
pub fn apply<'a>(document: &mut Value, ops: impl IntoIterator<Item = &'a Op>) {
    apply_observed(document, ops, &mut Unobserved);
}

/// Applies `ops` as [`apply`] does and tells `observer` what they alter.
pub(crate) fn apply_observed<'a>(
    document: &mut Value,
    ops: impl IntoIterator<Item = &'a Op>,
    observer: &mut impl Observer,
) {
    let mut ops = ops.into_iter().enumerate().peekable();
    while let Some(batch) = next_batch(&mut ops) {
        batch.run_on_document(document, observer);
    }
}

/// Gathers as many of the next operations as can run together, at least one; returns `None` at the end.
fn next_batch<'a>(ops: &mut Peekable<impl Iterator<Item = (usize, &'a Op)>>) -> Option<Node<'a>> {
    let (number, first) = ops.next()?;
    let mut batch = Node::default();
    batch.add(number, first);
    while let Some((number, op)) = ops.next_if(|(_, op)| batch.accepts(op)) {
        batch.add(number, op);
    }
    Some(batch)
}

#[cfg(test)]
mod tests {
    use super::next_batch;
    use crate::algebra::Op;
    use crate::json::read;

    /// How often the lists that `ops` are about are gone through.
    fn batches(ops: &[Op]) -> usize {
        let mut ops = ops.iter().enumerate().peekable();
        std::iter::from_fn(|| next_batch(&mut ops)).count()
    }

    fn many(operation: impl Fn(usize) -> String) -> Vec<Op> {
        let op = |number| Op::from_json(&read(operation(number).as_bytes()).unwrap()).unwrap();
        (0..1_000).map(op).collect()
    }

    #[test]
    fn elements_named_in_several_ways_are_gone_through_once() {
        let inserted = many(|n| {
            format!(
                r#"{{"op":"set","path":["l",{{"id":{n}}}],"value":{{"id":{n},"uuid":"u{n}"}},"after":{{"uuid":"u{}"}}}}"#,
                n / 2
            )
        });
        let moved = many(|n| format!(r#"{{"op":"move","path":["l",{{"id":{n}}}],"after":{{"value":"t{n}"}}}}"#));
        let alternating = many(|n| {
            let token = if n % 2 == 0 {
                format!(r#"{{"id":{n}}}"#)
            } else {
                format!(r#"{{"_id":{n}}}"#)
            };
            format!(r#"{{"op":"delete","path":["l",{token}]}}"#)
        });
        let inside = many(|n| match n % 2 {
            0 => format!(r#"{{"op":"set","path":["l",{{"id":{n}}},"v"],"value":1}}"#),
            _ => format!(r#"{{"op":"move","path":["l",{{"id":{n}}}],"after":{{"uuid":"u{n}"}}}}"#),
        });
        let deleted = many(|n| match n % 2 {
            0 => format!(r#"{{"op":"set","path":["l",{{"id":{n}}},"v"],"value":1}}"#),
            _ => format!(r#"{{"op":"delete","path":["l",{{"id":{n}}}]}}"#),
        });
        for ops in [inserted, moved, alternating, inside, deleted] {
            assert_eq!(batches(&ops), 1, "{:?}", ops[1]);
        }
    }

    #[test]
    fn members_written_again_are_gone_through_once() {
        let ops = many(|n| {
            let id = n % 5;
            match n % 3 {
                0 => format!(r#"{{"op":"delete","path":["l",{{"id":{id}}},"v"]}}"#),
                _ => format!(r#"{{"op":"set","path":["l",{{"id":{id}}},"v"],"value":{n}}}"#),
            }
        });
        assert_eq!(batches(&ops), 1);
    }

    #[test]
    fn what_may_rename_an_element_inside_it_is_not_run_with_what_names_it_so() {
        let renamed = many(|n| match n % 2 {
            0 => format!(r#"{{"op":"set","path":["l",{{"id":{n}}},"uuid"],"value":"u{n}"}}"#),
            _ => format!(
                r#"{{"op":"move","path":["l",{{"id":{n}}}],"after":{{"uuid":"u{}"}}}}"#,
                n - 1
            ),
        });
        assert_eq!(batches(&renamed), 1_000);
    }
}
