//! Merging edits whose base has expired.

use super::apply::apply;
use super::authors::{Authored, Stamp};
use super::conflict::{Conflict, Ranks, Rules, Winner};
use super::document_index::{DocumentIndex, Lookup};
use super::patch::Op;
use super::path::{Path, Token};
use crate::id::DeviceId;
use crate::json::Value;
use crate::time::Timestamp;
use std::collections::HashMap;

/// The result of merging edits without their base.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergedWithoutBase {
    /// The operations to apply to the server's document, with their effective times.
    pub edits: Vec<(Op, Timestamp)>,
    /// The conflicts, in the order of the edits.
    pub conflicts: Vec<Conflict>,
}

/// Merges `edits`, a well-formed patch of the device `own`, into `server`'s document without knowing the base that
/// they were made on (`docs/MERGE.md`, "Without a base").
///
/// Each edit is compared with the value that the server has at its path now:
///
/// - If the server has another value, there is a conflict, also if the edit is a deletion, and also if a change with
///   the id `own` altered that value last.
/// - If the server has the value that the edit asks for, nothing remains to be done.
/// - If the server has no value there, the edit is applied. So is every move.
/// - If a value of another kind (object, list, scalar) is in the way of a path, that value is in conflict with the
///   value that all edits through it build from nothing, at the time of the newest of them.
///
/// Time is linear in the document and the edits.
pub fn merge_without_base(
    server: Authored<'_>,
    edits: &[(&Op, Timestamp)],
    own: &DeviceId,
    ranks: &Ranks,
) -> MergedWithoutBase {
    let mut merger = Merger {
        server,
        index: DocumentIndex::of(server.document),
        own,
        // Every stored change is concurrent, also one with this device's id: the id may be on two phones.
        rules: Rules { own: None, ranks },
        merged: MergedWithoutBase {
            edits: Vec::new(),
            conflicts: Vec::new(),
        },
    };
    let mut blocked = merger.blocked_edits(edits);
    for (op, at) in edits {
        match outermost_obstacle(&blocked, op.path()).map(<[Token]>::to_vec) {
            None => merger.merge_edit(op, *at),
            Some(obstacle) => {
                // The first edit that an obstacle blocks is merged together with all the others that it blocks.
                if let Some(Some(edits)) = blocked.insert(obstacle.clone(), None) {
                    merger.merge_blocked(obstacle, &edits);
                }
            }
        }
    }
    merger.merged
}

/// The obstacles: paths of values that are of another kind than edits need on their way. Each has the edits that it
/// blocks, or `None` once these have been merged.
type BlockedEdits<'a> = HashMap<Vec<Token>, Option<Vec<(&'a Op, Timestamp)>>>;

/// Returns the shortest part of `path` that is an obstacle.
fn outermost_obstacle<'p>(blocked: &BlockedEdits<'_>, path: &'p Path) -> Option<&'p [Token]> {
    if blocked.is_empty() {
        return None;
    }
    let tokens = path.tokens();
    let mut parts = (0..tokens.len()).map(|depth| &tokens[..depth]);
    parts.find(|part| blocked.contains_key(*part))
}

struct Merger<'a> {
    server: Authored<'a>,
    index: DocumentIndex<'a>,
    own: &'a DeviceId,
    rules: Rules<'a>,
    merged: MergedWithoutBase,
}

impl Merger<'_> {
    fn blocked_edits<'e>(&mut self, edits: &[(&'e Op, Timestamp)]) -> BlockedEdits<'e> {
        let mut blocked = BlockedEdits::new();
        for (op, _) in edits {
            let tokens = op.path().tokens();
            // A move never conflicts: it does nothing if its element is absent.
            if !matches!(op, Op::Move { .. })
                && let Lookup::Blocked(depth) = self.index.lookup(tokens)
            {
                blocked.insert(tokens[..depth].to_vec(), Some(Vec::new()));
            }
        }
        // Only now are all obstacles known, and with them the outermost one of each path.
        for (op, at) in edits {
            let obstacle = outermost_obstacle(&blocked, op.path()).map(<[Token]>::to_vec);
            if let Some(Some(edits)) = obstacle.and_then(|obstacle| blocked.get_mut(&obstacle)) {
                edits.push((op, *at));
            }
        }
        blocked
    }

    /// Merges an edit whose path no value blocks.
    fn merge_edit(&mut self, op: &Op, at: Timestamp) {
        let requested = match op {
            Op::Move { .. } => return self.merged.edits.push((op.clone(), at)),
            Op::Set { value, .. } => Some(value),
            Op::Delete { .. } => None,
        };
        match self.index.find(op.path()) {
            current if current == requested => {}
            None => self.merged.edits.push((op.clone(), at)),
            Some(current) => {
                if self.decide(op.path().clone(), current, requested, at) == Winner::Client {
                    self.merged.edits.push((op.clone(), at));
                }
            }
        }
    }

    /// Merges all edits that the value at `obstacle` blocks, as one change of that value.
    fn merge_blocked(&mut self, obstacle: Vec<Token>, edits: &[(&Op, Timestamp)]) {
        let (path, newest) = (Path::from(obstacle), edits.iter().map(|(_, at)| *at).max());
        let (Some(current), Some(at)) = (self.index.find(&path), newest) else {
            return;
        };
        let mut built = Value::empty_object();
        apply(&mut built, edits.iter().map(|(op, _)| *op));
        let requested = DocumentIndex::of(&built).find(&path).cloned();
        if requested.as_ref() == Some(current) {
            return;
        }
        if self.decide(path.clone(), current, requested.as_ref(), at) == Winner::Client {
            let op = match requested {
                Some(value) => Op::Set {
                    path,
                    value,
                    after: None,
                },
                None => Op::Delete { path },
            };
            self.merged.edits.push((op, at));
        }
    }

    fn decide(&mut self, path: Path, current: &Value, requested: Option<&Value>, at: Timestamp) -> Winner {
        let by_server = self.server.authors.newest(&path, None);
        let by_client = Stamp {
            device_id: Some(self.own.clone()),
            at,
        };
        let (winner, conflict) = self
            .rules
            .decide(path, (Some(current), by_server), (requested, by_client));
        self.merged.conflicts.extend(conflict);
        winner
    }
}
