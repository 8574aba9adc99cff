//! Three-way merge.

use super::alignment::{Alignment, Origin};
use super::authors::{Authored, Authors};
use super::conflict::{Conflict, Ranks, Rules, Winner};
use super::list_kind::ListKind;
use super::path::{Path, Token};
use crate::id::DeviceId;
use crate::json::{Object, Value};
use std::collections::{BTreeSet, HashMap, HashSet};

/// The result of a merge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// The merged document.
    pub document: Value,
    /// The conflicts, in document order.
    pub conflicts: Vec<Conflict>,
}

/// Merges the documents of `server` and `client`, both made from `base` (`docs/MERGE.md`).
///
/// `own` is the device that sent the client's document: its own edits on the server's side are not concurrent with
/// the ones that it sends now. Time is linear in the documents, except for moves: n log n in the elements of the list.
pub fn merge(
    base: &Value,
    server: Authored<'_>,
    client: Authored<'_>,
    own: Option<&DeviceId>,
    ranks: &Ranks,
) -> Merged {
    let mut merger = Merger {
        server: server.authors,
        client: client.authors,
        rules: Rules { own, ranks },
        path: Vec::new(),
        conflicts: Vec::new(),
    };
    let document = merger.merge_values(Some(base), Some(server.document), Some(client.document));
    Merged {
        document: document.unwrap_or_else(Value::empty_object),
        conflicts: merger.conflicts,
    }
}

struct Merger<'a> {
    server: &'a Authors,
    client: &'a Authors,
    rules: Rules<'a>,
    path: Vec<Token>,
    conflicts: Vec<Conflict>,
}

impl Merger<'_> {
    /// Returns the merged value at the current path; `None` means absent, here and in the arguments.
    fn merge_values(&mut self, base: Option<&Value>, server: Option<&Value>, client: Option<&Value>) -> Option<Value> {
        // At most one side changed the value, or both made the same of it.
        if server == client || client == base {
            return server.cloned();
        }
        if server == base {
            return client.cloned();
        }
        match (server, client) {
            (Some(Value::Object(server)), Some(Value::Object(client))) => {
                let empty = Object::new();
                let base = base.and_then(Value::as_object).unwrap_or(&empty);
                Some(Value::Object(self.merge_objects(base, server, client)))
            }
            (Some(Value::List(ours)), Some(Value::List(theirs))) => {
                let kind = ListKind::of(ours).common(ListKind::of(theirs));
                // A base of another kind has no element that either side could have edited: both lists are new.
                let base = match base {
                    Some(Value::List(base)) if ListKind::of(base).common(kind) == kind => base.as_slice(),
                    _ => &[],
                };
                if kind == ListKind::Opaque || both_replace_an_element(kind, base, ours, theirs) {
                    return self.decide(server, client);
                }
                Some(Value::List(self.merge_lists(kind, base, ours, theirs)))
            }
            _ => self.decide(server, client),
        }
    }

    fn merge_objects(&mut self, base: &Object, server: &Object, client: &Object) -> Object {
        let names: BTreeSet<&Box<str>> = server.keys().chain(client.keys()).collect();
        let mut merged = Object::new();
        for name in names {
            self.path.push(Token::Member(name.clone()));
            let value = self.merge_values(base.get(name), server.get(name), client.get(name));
            self.path.pop();
            merged.extend(value.map(|value| (name.clone(), value)));
        }
        merged
    }

    /// Decides between two different changes of the value at the current path, and records the conflict.
    fn decide(&mut self, server: Option<&Value>, client: Option<&Value>) -> Option<Value> {
        let path = Path::from(self.path.clone());
        let by_server = self.server.newest(&path, self.rules.own);
        let by_client = self.client.newest(&path, None);
        let (winner, conflict) = self.rules.decide(path, (server, by_server), (client, by_client));
        self.conflicts.extend(conflict);
        match winner {
            Winner::Client => client.cloned(),
            Winner::Server => server.cloned(),
        }
    }

    fn merge_lists(&mut self, kind: ListKind, base: &[Value], server: &[Value], client: &[Value]) -> Vec<Value> {
        let (in_base, in_server, in_client) = (
            index_by_identity(kind, base),
            index_by_identity(kind, server),
            index_by_identity(kind, client),
        );
        let mut merged: HashMap<&Value, Value> = HashMap::with_capacity(server.len());
        let only_client = client.iter().filter(|element| match kind.identity(element) {
            Some(identity) => !in_server.contains_key(identity),
            None => false,
        });
        for element in server.iter().chain(only_client) {
            let (Some(identity), Some(token)) = (kind.identity(element), kind.token(element)) else {
                continue;
            };
            self.path.push(token);
            let value = self.merge_values(
                in_base.get(identity).map(|at| &base[*at]),
                in_server.get(identity).map(|at| &server[*at]),
                in_client.get(identity).map(|at| &client[*at]),
            );
            self.path.pop();
            merged.extend(value.map(|value| (identity, value)));
        }
        let order = merged_order(kind, base, server, client, |identity| merged.contains_key(identity));
        order
            .into_iter()
            .filter_map(|identity| merged.remove(identity))
            .collect()
    }
}

fn index_by_identity(kind: ListKind, list: &[Value]) -> HashMap<&Value, usize> {
    let elements = list.iter().enumerate();
    elements
        .filter_map(|(at, element)| Some((kind.identity(element)?, at)))
        .collect()
}

/// Tells whether both sides of an object set removed the same element and each added one that the other did not.
///
/// An element of an object set has no name that outlives an edit, so this is how two edits of one element look.
fn both_replace_an_element(kind: ListKind, base: &[Value], server: &[Value], client: &[Value]) -> bool {
    if kind != ListKind::ObjectSet {
        return false;
    }
    let sets: [HashSet<&Value>; 3] = [base, server, client].map(|list| list.iter().collect());
    let [base, server, client] = &sets;
    let adds = |one: &HashSet<&Value>, other: &HashSet<&Value>| {
        one.iter()
            .any(|element| !base.contains(element) && !other.contains(element))
    };
    base.iter()
        .any(|element| !server.contains(element) && !client.contains(element))
        && adds(server, client)
        && adds(client, server)
}

/// Returns the identities of the elements that `is_present` in the merged list, in its order.
///
/// The order is the server's, except for elements that only the client has or that only the client moved. Of these,
/// the ones behind the last element that the client left unmoved go to the end; every other one goes right behind the
/// nearest element before it in the client's list that has its position from the server.
fn merged_order<'a>(
    kind: ListKind,
    base: &'a [Value],
    server: &'a [Value],
    client: &'a [Value],
    is_present: impl Fn(&Value) -> bool,
) -> Vec<&'a Value> {
    let moved_by_server: HashSet<&Value> = moved(kind, server, &Alignment::of(kind, base, server)).collect();
    let of_client = Alignment::of(kind, base, client);
    // If both sides moved an element, the server's position stays.
    let moved_by_client: HashSet<&Value> = moved(kind, client, &of_client)
        .filter(|identity| !moved_by_server.contains(identity))
        .collect();
    let mut from_server: Vec<&Value> = Vec::with_capacity(server.len());
    let identities = server.iter().filter_map(|element| kind.identity(element));
    from_server.extend(identities.filter(|identity| is_present(identity) && !moved_by_client.contains(identity)));

    let anchors: HashSet<&Value> = from_server.iter().copied().collect();
    let tail = of_client
        .origins
        .iter()
        .rposition(|origin| matches!(origin, Origin::Unmoved(_)))
        .map_or(0, |last| last + 1);
    // The elements that go right behind each anchor; those of `None` go to the front.
    let mut followers: HashMap<Option<&Value>, Vec<&Value>> = HashMap::new();
    let mut end = Vec::new();
    let mut anchor = None;
    for (at, element) in client.iter().enumerate() {
        let Some(identity) = kind.identity(element).filter(|identity| is_present(identity)) else {
            continue;
        };
        if anchors.contains(identity) {
            anchor = Some(identity);
        } else if at < tail {
            followers.entry(anchor).or_default().push(identity);
        } else {
            end.push(identity);
        }
    }
    let mut order = followers.remove(&None).unwrap_or_default();
    for identity in from_server {
        order.push(identity);
        order.extend(followers.remove(&Some(identity)).into_iter().flatten());
    }
    order.extend(end);
    order
}

/// Returns the identities of the elements of `list` that moved.
fn moved<'a>(kind: ListKind, list: &'a [Value], alignment: &Alignment) -> impl Iterator<Item = &'a Value> {
    let is_moved = alignment
        .origins
        .iter()
        .map(|origin| matches!(origin, Origin::Moved(_)));
    let moved = list
        .iter()
        .zip(is_moved.collect::<Vec<_>>())
        .filter(|(_, is_moved)| *is_moved);
    moved.filter_map(move |(element, _)| kind.identity(element))
}
