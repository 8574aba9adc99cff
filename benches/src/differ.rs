//! Runs our `diff` and those of other crates on the same pair of documents.
//!
//! Each one works on documents already parsed into its own value type, and produces the result that its own users
//! get.

use crate::measure::{Contestant, contestant};
use coinolio_core::algebra::diff;
use coinolio_core::json;
use json_diff_ng::{DiffType, Mismatch, PathElement, compare_serde_values};
use serde_json::{Value, json};
use treediff::value::Key;

/// The compared crates, ours first.
pub const NAMES: [&str; 4] = ["ours", "json-patch", "treediff", "json_diff_ng"];

/// A document before and after an edit, in both value types.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The documents as our crate reads them.
    pub ours: (json::Value, json::Value),
    /// The documents as the other crates read them.
    pub theirs: (Value, Value),
}

impl Pair {
    /// Parses both documents.
    ///
    /// # Errors
    /// Fails if the service would refuse one of them as a document.
    pub fn new(before: Value, after: Value) -> Result<Self, json::ReadError> {
        let ours = |document: &Value| json::read(document.to_string().as_bytes());
        Ok(Self {
            ours: (ours(&before)?, ours(&after)?),
            theirs: (before, after),
        })
    }

    /// Returns one `diff` per crate, in the order of [`NAMES`].
    pub fn diffs(&self) -> [Contestant<'_>; NAMES.len()] {
        let (before, after) = &self.theirs;
        [
            contestant(|| diff(&self.ours.0, &self.ours.1)),
            contestant(|| json_patch::diff(before, after)),
            contestant(|| changes(before, after)),
            contestant(|| mismatch(before, after)),
        ]
    }

    /// Returns the size of each patch in bytes as compact JSON, in the order of [`NAMES`].
    ///
    /// `treediff` and `json_diff_ng` have no JSON form of their own: their results are written as operations of
    /// RFC 6902.
    pub fn patch_bytes(&self) -> [usize; NAMES.len()] {
        let (before, after) = &self.theirs;
        let bytes = |patch: serde_json::Result<Vec<u8>>| patch.map_or(0, |json| json.len());
        [
            bytes(serde_json::to_vec(&diff(&self.ours.0, &self.ours.1))),
            bytes(serde_json::to_vec(&json_patch::diff(before, after))),
            bytes(serde_json::to_vec(&tree_operations(&changes(before, after)))),
            bytes(serde_json::to_vec(&mismatch_operations(
                &mismatch(before, after),
                after,
            ))),
        ]
    }
}

/// A change at a path: the new value, or `None` for a removal.
#[derive(Debug)]
struct Change<'a> {
    op: &'static str,
    path: Vec<Key>,
    value: Option<&'a Value>,
}

/// Records only the changes. treediff's own `Recorder` also records unchanged values; without them treediff is
/// fastest.
#[derive(Debug, Default)]
struct Changes<'a> {
    at: Vec<Key>,
    found: Vec<Change<'a>>,
}

impl<'a> Changes<'a> {
    fn add(&mut self, op: &'static str, key: Option<&Key>, value: Option<&'a Value>) {
        let path = self.at.iter().chain(key).cloned().collect();
        self.found.push(Change { op, path, value });
    }
}

impl<'a> treediff::Delegate<'a, Key, Value> for Changes<'a> {
    fn push(&mut self, key: &Key) {
        self.at.push(key.clone());
    }

    fn pop(&mut self) {
        self.at.pop();
    }

    fn removed<'b>(&mut self, key: &'b Key, _: &'a Value) {
        self.add("remove", Some(key), None);
    }

    fn added<'b>(&mut self, key: &'b Key, value: &'a Value) {
        self.add("add", Some(key), Some(value));
    }

    fn modified(&mut self, _: &'a Value, new: &'a Value) {
        self.add("replace", None, Some(new));
    }
}

fn changes<'a>(before: &'a Value, after: &'a Value) -> Vec<Change<'a>> {
    let mut changes = Changes::default();
    treediff::diff(before, after, &mut changes);
    changes.found
}

fn tree_operations(changes: &[Change<'_>]) -> Vec<Value> {
    let tokens = |change: &Change<'_>| pointer(change.path.iter().map(Key::to_string));
    changes
        .iter()
        .map(|change| operation(change.op, &tokens(change), change.value))
        .collect()
}

/// Compares lists in order, as all crates do here.
fn mismatch(before: &Value, after: &Value) -> Option<Mismatch> {
    compare_serde_values(before, after, false, &[]).ok()
}

fn mismatch_operations(mismatch: &Option<Mismatch>, after: &Value) -> Vec<Value> {
    let found = mismatch.iter().flat_map(Mismatch::all_diffs);
    found
        .map(|(kind, entry)| {
            let path = pointer(entry.path.iter().map(|element| match element {
                PathElement::Object(name) => (*name).to_owned(),
                PathElement::ArrayEntry(index) => index.to_string(),
            }));
            match kind {
                DiffType::LeftExtra => operation("remove", &path, None),
                DiffType::RightExtra => {
                    let value = entry.values.map(|(value, _)| value).or_else(|| entry.resolve(after));
                    operation("add", &path, value)
                }
                DiffType::Mismatch | DiffType::RootMismatch => {
                    operation("replace", &path, entry.values.map(|(_, new)| new))
                }
            }
        })
        .collect()
}

fn operation(op: &str, path: &str, value: Option<&Value>) -> Value {
    match value {
        Some(value) => json!({"op": op, "path": path, "value": value}),
        None => json!({"op": op, "path": path}),
    }
}

/// Formats a JSON pointer (RFC 6901).
fn pointer(tokens: impl Iterator<Item = String>) -> String {
    tokens
        .map(|token| format!("/{}", token.replace('~', "~0").replace('/', "~1")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_crate_finds_one_changed_field() -> Result<(), json::ReadError> {
        let (before, after) = (json!({"a": {"b": 1, "c": [1]}}), json!({"a": {"b": 2, "c": [1]}}));
        let pair = Pair::new(before, after)?;
        let rfc6902 = r#"[{"op":"replace","path":"/a/b","value":2}]"#.len();
        let ours = r#"[{"op":"set","path":["a","b"],"value":2}]"#.len();
        assert_eq!(pair.patch_bytes(), [ours, rfc6902, rfc6902, rfc6902]);
        Ok(())
    }

    #[test]
    fn every_crate_finds_nothing_if_nothing_changed() -> Result<(), json::ReadError> {
        let document = json!({"a": [{"id": 1}]});
        let pair = Pair::new(document.clone(), document)?;
        assert_eq!(pair.patch_bytes(), ["[]".len(); NAMES.len()]);
        Ok(())
    }
}
