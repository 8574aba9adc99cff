//! Three-way merge.

use super::alignment::{Alignment, Origin};
use super::authors::{Authored, Authors};
use super::conflict::{Conflict, Ranks, Rules, Winner};
use super::list_kind::ListKind;
use super::names::{Name, Names};
use super::path::{Path, Token};
use crate::id::DeviceId;
use crate::json::{Object, Value};
use std::collections::{BTreeSet, HashMap};

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

/// Returns the merged value if at most one side changed it, or if both made the same of it; `None` means absent, here and
/// in the arguments.
fn merge_unchanged<'v>(
    base: Option<&'v Value>,
    server: Option<&'v Value>,
    client: Option<&'v Value>,
) -> Option<Option<&'v Value>> {
    if server == client || client == base {
        Some(server)
    } else if server == base {
        Some(client)
    } else {
        None
    }
}

impl Merger<'_> {
    /// Returns the merged value at the current path; `None` means absent, here and in the arguments.
    fn merge_values(&mut self, base: Option<&Value>, server: Option<&Value>, client: Option<&Value>) -> Option<Value> {
        match merge_unchanged(base, server, client) {
            Some(value) => value.cloned(),
            None => self.merge_changed(base, server, client),
        }
    }

    /// Returns the merged value at the current path, which both sides changed in different ways.
    fn merge_changed(&mut self, base: Option<&Value>, server: Option<&Value>, client: Option<&Value>) -> Option<Value> {
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
                if kind == ListKind::Opaque {
                    return self.decide(server, client);
                }
                let lists = Lists {
                    base: Names::of(kind, base),
                    server: Names::of(kind, ours),
                    client: Names::of(kind, theirs),
                };
                if kind == ListKind::ObjectList && lists.both_edit_an_element() {
                    return self.decide(server, client);
                }
                Some(Value::List(self.merge_lists(&lists)))
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

    /// Merges the elements of lists whose kinds have something in common.
    fn merge_lists(&mut self, lists: &Lists<'_>) -> Vec<Value> {
        let (ours, theirs) = (lists.server.list(), lists.client.list());
        // The server's elements, then those that only the client has.
        let mut merged: Vec<Option<Value>> = Vec::with_capacity(ours.len());
        for (at, element) in ours.iter().enumerate() {
            let name = lists.server.name(at);
            let (base, client) = (lists.base.element(name), lists.client.element(name));
            merged.push(self.merge_element(&lists.server, at, (base, Some(element), client)));
        }
        let mut number_of_client = Vec::with_capacity(theirs.len());
        for (at, element) in theirs.iter().enumerate() {
            let name = lists.client.name(at);
            number_of_client.push(lists.server.index(name).unwrap_or(merged.len()));
            if !lists.server.contains(name) {
                let base = lists.base.element(name);
                merged.push(self.merge_element(&lists.client, at, (base, None, Some(element))));
            }
        }
        let order = lists.merged_order(&number_of_client, |number| merged[number].is_some());
        order
            .into_iter()
            .filter_map(|number| merged[number].take())
            .collect()
    }

    /// Returns the merged element that has the number `at` in `names`.
    fn merge_element(
        &mut self,
        names: &Names<'_>,
        at: usize,
        (base, server, client): (Option<&Value>, Option<&Value>, Option<&Value>),
    ) -> Option<Value> {
        if let Some(value) = merge_unchanged(base, server, client) {
            return value.cloned();
        }
        self.path.push(names.token(at));
        let value = match (base, server, client) {
            // Half of each would be an element that nobody entered.
            (None, Some(ours), Some(theirs)) if collide(ours, theirs) => self.decide(server, client),
            _ => self.merge_changed(base, server, client),
        };
        self.path.pop();
        value
    }
}

/// Tells whether both values have something at the same path that differs and cannot be merged.
fn collide(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => one
            .iter()
            .any(|(name, value)| other.get(name).is_some_and(|other| collide(value, other))),
        (Value::List(one), Value::List(other)) => {
            let kind = ListKind::of(one).common(ListKind::of(other));
            if kind == ListKind::Opaque {
                return one != other;
            }
            let (one, other) = (Names::of(kind, one), Names::of(kind, other));
            let mut elements = one.list().iter().enumerate();
            elements.any(|(at, element)| {
                let counterpart = other.element(one.name(at));
                counterpart.is_some_and(|counterpart| collide(element, counterpart))
            })
        }
        _ => one != other,
    }
}

/// The three versions of a list, their elements named in the same way.
struct Lists<'a> {
    base: Names<'a>,
    server: Names<'a>,
    client: Names<'a>,
}

impl Lists<'_> {
    /// Tells whether both sides of an object list edited one element in different ways.
    ///
    /// An element of an object list has no name that outlives an edit, so two edits of one element look like this: both
    /// sides removed it, and each added an element that the other did not. If both sides made the same edit, both
    /// removed the same element and added the same one. So as many of the removed elements as both sides added are set
    /// aside.
    fn both_edit_an_element(&self) -> bool {
        let Self { base, server, client } = self;
        let names = |list: &Names<'_>| (0..list.list().len()).map(|at| list.name(at)).collect::<Vec<_>>();
        let (ours, theirs) = (names(server), names(client));
        let adds = |one: &[Name<'_>], other: &Names<'_>| {
            one.iter()
                .any(|name| !base.contains(*name) && !other.contains(*name))
        };
        let removed_by_both = names(base)
            .into_iter()
            .filter(|name| !server.contains(*name) && !client.contains(*name))
            .count();
        let added_by_both = ours
            .iter()
            .filter(|name| client.contains(**name) && !base.contains(**name))
            .count();
        removed_by_both > added_by_both && adds(&ours, client) && adds(&theirs, server)
    }

    /// Returns the numbers of the elements that are present in the merged list, in its order.
    ///
    /// The server's elements have their indices as numbers, and `number_of_client` has those of the client's.
    ///
    /// The order is the server's, except for elements that only the client has or that only the client moved. Of these,
    /// the ones behind the last element that the client left unmoved go to the end; every other one goes right behind
    /// the nearest element before it in the client's list that has its position from the server.
    fn merged_order(&self, number_of_client: &[usize], is_present: impl Fn(usize) -> bool) -> Vec<usize> {
        let is_moved = |origin: &Origin| matches!(origin, Origin::Moved(_));
        let by_server = Alignment::of(&self.base, &self.server).origins;
        let by_client = Alignment::of(&self.base, &self.client).origins;
        // Whether each of the server's elements has its position from the server. If both sides moved an element, the
        // server's position stays.
        let mut is_anchor: Vec<bool> = (0..by_server.len()).map(&is_present).collect();
        for (number, origin) in number_of_client.iter().zip(&by_client) {
            if is_moved(origin) && by_server.get(*number).is_some_and(|origin| !is_moved(origin)) {
                is_anchor[*number] = false;
            }
        }
        let tail = by_client
            .iter()
            .rposition(|origin| matches!(origin, Origin::Unmoved(_)))
            .map_or(0, |last| last + 1);
        // The elements that go right behind each anchor; those of `None` go to the front.
        let mut followers: HashMap<Option<usize>, Vec<usize>> = HashMap::new();
        let mut end = Vec::new();
        let mut anchor = None;
        for (at, number) in number_of_client.iter().copied().enumerate() {
            if !is_present(number) {
                continue;
            }
            if is_anchor.get(number) == Some(&true) {
                anchor = Some(number);
            } else if at < tail {
                followers.entry(anchor).or_default().push(number);
            } else {
                end.push(number);
            }
        }
        let mut order = followers.remove(&None).unwrap_or_default();
        for number in (0..is_anchor.len()).filter(|number| is_anchor[*number]) {
            order.push(number);
            order.extend(followers.remove(&Some(number)).into_iter().flatten());
        }
        order.extend(end);
        self.order_by_names(&mut order, number_of_client);
        order
    }

    /// Exchanges elements that share a name, so that they have the same names in the merged list.
    fn order_by_names(&self, order: &mut [usize], number_of_client: &[usize]) {
        if !self.server.are_repeated() && !self.client.are_repeated() {
            return;
        }
        let server_names = (0..self.server.list().len()).map(|at| (at, self.server.name(at)));
        let client_names = number_of_client
            .iter()
            .enumerate()
            .map(|(at, number)| (*number, self.client.name(at)));
        let names: HashMap<usize, Name<'_>> = client_names.chain(server_names).collect();
        let mut places: HashMap<&Value, Vec<usize>> = HashMap::new();
        for (place, number) in order.iter().enumerate() {
            if let Some(name) = names.get(number) {
                places.entry(name.value).or_default().push(place);
            }
        }
        for places in places.values().filter(|places| places.len() > 1) {
            let mut numbers: Vec<usize> = places.iter().map(|place| order[*place]).collect();
            numbers.sort_by_key(|number| names.get(number).map(|name| name.nth));
            for (place, number) in places.iter().zip(numbers) {
                order[*place] = number;
            }
        }
    }
}
