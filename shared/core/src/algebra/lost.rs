//! Edits whose base is lost: each is held against what its place holds now.

use super::apply::apply;
use super::authors::Stamp;
use super::merge::{Conflict, Device, Ranks, Rules, Winner};
use super::patch::Op;
use super::path::{Path, Token};
use super::places::{Held, Places};
use crate::id::DeviceId;
use crate::json::Value;
use crate::time::Timestamp;
use std::collections::HashMap;

/// What is left of edits whose base is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// What to do to the server's document, and when it was edited.
    pub edits: Vec<(Op, Timestamp)>,
    /// Every place where an edit met another value, in the order of the edits.
    pub conflicts: Vec<Conflict>,
}

/// Holds the edits of the device `own`, a patch in form, against `server`'s document (design section 3).
///
/// Nobody knows what the edits were made from, so an edit whose place holds another value now is a conflict
/// under the rules, a deletion too; one whose place holds what it asks for is done already; one whose place
/// holds nothing is taken, and so is a move. Where a value of another kind stands in the path of edits, that
/// value is the one in conflict: with what all edits through it make of nothing, edited when the newest of
/// them was. What `own` altered itself is not concurrent. Time is linear in the document and the edits.
pub fn settle(server: Device<'_>, edits: &[(&Op, Timestamp)], own: &DeviceId, ranks: &Ranks) -> Settled {
    let mut settler = Settler {
        server,
        places: Places::of(server.document),
        own,
        rules: Rules { own: Some(own), ranks },
        settled: Settled {
            edits: Vec::new(),
            conflicts: Vec::new(),
        },
    };
    let mut blocked = settler.blocked(edits);
    for (op, at) in edits {
        match outermost(&blocked, op.path()).map(<[Token]>::to_vec) {
            None => settler.edit(op, *at),
            Some(place) => {
                // The first edit through it settles it for all.
                if let Some(Some(through)) = blocked.insert(place.clone(), None) {
                    settler.through(place, &through);
                }
            }
        }
    }
    settler.settled
}

/// The places where a value of another kind stands in the path of edits, and the edits through each until
/// they are settled.
type Blocked<'a> = HashMap<Vec<Token>, Option<Vec<(&'a Op, Timestamp)>>>;

/// The shortest part of `path` that is a blocked place.
fn outermost<'p>(blocked: &Blocked<'_>, path: &'p Path) -> Option<&'p [Token]> {
    if blocked.is_empty() {
        return None;
    }
    let tokens = path.tokens();
    let mut parts = (0..tokens.len()).map(|depth| &tokens[..depth]);
    parts.find(|part| blocked.contains_key(*part))
}

struct Settler<'a> {
    server: Device<'a>,
    places: Places<'a>,
    own: &'a DeviceId,
    rules: Rules<'a>,
    settled: Settled,
}

impl Settler<'_> {
    fn blocked<'e>(&mut self, edits: &[(&'e Op, Timestamp)]) -> Blocked<'e> {
        let mut blocked = Blocked::new();
        for (op, _) in edits {
            let tokens = op.path().tokens();
            // Moves never conflict: one whose element is not there does nothing.
            if !matches!(op, Op::Move { .. })
                && let Held::Blocked(depth, _) = self.places.look(tokens)
            {
                blocked.insert(tokens[..depth].to_vec(), Some(Vec::new()));
            }
        }
        for (op, at) in edits {
            let place = outermost(&blocked, op.path()).map(<[Token]>::to_vec);
            if let Some(Some(through)) = place.and_then(|place| blocked.get_mut(&place)) {
                through.push((op, *at));
            }
        }
        blocked
    }

    /// An edit in whose path nothing stands.
    fn edit(&mut self, op: &Op, at: Timestamp) {
        let wanted = match op {
            Op::Move { .. } => return self.settled.edits.push((op.clone(), at)),
            Op::Set { value, .. } => Some(value),
            Op::Delete { .. } => None,
        };
        match self.places.find(op.path()) {
            there if there == wanted => {}
            None => self.settled.edits.push((op.clone(), at)),
            Some(there) => {
                if self.decide(op.path().clone(), there, wanted, at) == Winner::Client {
                    self.settled.edits.push((op.clone(), at));
                }
            }
        }
    }

    /// The edits through a place that holds a value of another kind than they need.
    fn through(&mut self, place: Vec<Token>, edits: &[(&Op, Timestamp)]) {
        let (path, newest) = (Path::from(place), edits.iter().map(|(_, at)| *at).max());
        let (Some(there), Some(at)) = (self.places.find(&path), newest) else {
            return;
        };
        let mut made = Value::empty_object();
        apply(&mut made, edits.iter().map(|(op, _)| *op));
        let wanted = Places::of(&made).find(&path).cloned();
        if wanted.as_ref() == Some(there) {
            return;
        }
        if self.decide(path.clone(), there, wanted.as_ref(), at) == Winner::Client {
            let op = match wanted {
                Some(value) => Op::Set {
                    path,
                    value,
                    after: None,
                },
                None => Op::Delete { path },
            };
            self.settled.edits.push((op, at));
        }
    }

    fn decide(&mut self, path: Path, there: &Value, wanted: Option<&Value>, at: Timestamp) -> Winner {
        let by_server = self.server.authors.newest(&path, Some(self.own));
        let by_client = Stamp {
            device_id: Some(self.own.clone()),
            at,
        };
        let (winner, conflict) = self.rules.decide(path, (Some(there), by_server), (wanted, by_client));
        self.settled.conflicts.extend(conflict);
        winner
    }
}
