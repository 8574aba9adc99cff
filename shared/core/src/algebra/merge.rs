//! Three-way merge.

use super::authors::{Authors, Stamp};
use super::diff::{Order, Origin};
use super::list::ListKind;
use super::path::{Path, Token};
use crate::id::DeviceId;
use crate::json::{Object, Value};
use crate::time::Timestamp;
use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap, HashSet};

/// The ranks that a user gave to devices, 0–100; a device without one is not in the map.
pub type Ranks = HashMap<DeviceId, u8>;

/// Which side of a conflict stays in the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Winner {
    /// The value that the request brought.
    Client,
    /// The value that the log held.
    Server,
}

impl Winner {
    /// The winner as it stands in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

/// The rule that decided a conflict, in the order in which they are tried (design section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// Both devices have a rank and they differ: the higher wins.
    DeviceRank,
    /// The later effective time wins.
    Newest,
    /// The server's value stays.
    ServerPreference,
}

impl Rule {
    /// The rule as it stands in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DeviceRank => "device_rank",
            Self::Newest => "newest",
            Self::ServerPreference => "server_preference",
        }
    }
}

/// One side's value in a conflict, its author and its effective time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// The value; `None` where the side deleted it.
    pub value: Option<Value>,
    /// The device that last altered it, where one is known.
    pub device_id: Option<DeviceId>,
    /// The effective time of that edit.
    pub modified_at: Timestamp,
}

/// A place that both sides changed, and how it was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The place.
    pub path: Path,
    /// The side that stays.
    pub winner: Winner,
    /// The rule that decided.
    pub rule: Rule,
    /// What the request brought.
    pub client: Side,
    /// What the log held.
    pub server: Side,
}

/// What a merge made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// The merged document.
    pub document: Value,
    /// Every place that both sides changed, in document order.
    pub conflicts: Vec<Conflict>,
}

/// One device's side of a merge.
#[derive(Clone, Copy, Debug)]
pub struct Device<'a> {
    /// Its document.
    pub document: &'a Value,
    /// Who altered which of its values, and when.
    pub authors: &'a Authors,
}

/// Merges `client`'s document into `server`'s, both made from `base` (design section 4).
///
/// `own` is the device whose request the client's side is: what it altered itself on the server's side is
/// not concurrent. Time is linear in the documents.
pub fn merge(base: &Value, server: Device<'_>, client: Device<'_>, own: Option<&DeviceId>, ranks: &Ranks) -> Merged {
    let mut merger = Merger {
        server: server.authors,
        client: client.authors,
        rules: Rules { own, ranks },
        path: Vec::new(),
        conflicts: Vec::new(),
    };
    let document = merger.values(Some(base), Some(server.document), Some(client.document));
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
    /// What one place holds after the merge; `None` is absence.
    fn values(&mut self, base: Option<&Value>, server: Option<&Value>, client: Option<&Value>) -> Option<Value> {
        if server == client || client == base {
            return server.cloned();
        }
        if server == base {
            return client.cloned();
        }
        match (server, client) {
            (Some(Value::Object(server)), Some(Value::Object(client))) => {
                let none = Object::new();
                let base = base.and_then(Value::as_object).unwrap_or(&none);
                Some(Value::Object(self.objects(base, server, client)))
            }
            (Some(Value::List(ours)), Some(Value::List(theirs))) => {
                let kind = ListKind::of(ours).common(ListKind::of(theirs));
                let base = match base {
                    Some(Value::List(base)) if ListKind::of(base).common(kind) == kind => base.as_slice(),
                    _ => &[],
                };
                if kind == ListKind::Opaque || replaces_one_element_twice(kind, base, ours, theirs) {
                    return self.decide(server, client);
                }
                Some(Value::List(self.lists(kind, base, ours, theirs)))
            }
            _ => self.decide(server, client),
        }
    }

    fn objects(&mut self, base: &Object, server: &Object, client: &Object) -> Object {
        let names: BTreeSet<&Box<str>> = server.keys().chain(client.keys()).collect();
        let mut merged = Object::new();
        for name in names {
            self.path.push(Token::Member(name.clone()));
            let value = self.values(base.get(name), server.get(name), client.get(name));
            self.path.pop();
            merged.extend(value.map(|value| (name.clone(), value)));
        }
        merged
    }

    /// Both sides changed this place: one of them stands, and a conflict is recorded.
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

    fn lists(&mut self, kind: ListKind, base: &[Value], server: &[Value], client: &[Value]) -> Vec<Value> {
        let (in_base, in_server, in_client) = (
            by_identity(kind, base),
            by_identity(kind, server),
            by_identity(kind, client),
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
            let value = self.values(
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

/// What decides between two sides that changed one place.
#[derive(Clone, Copy)]
pub(super) struct Rules<'a> {
    /// The device whose request the client's side is.
    pub(super) own: Option<&'a DeviceId>,
    /// The ranks of the user's devices.
    pub(super) ranks: &'a Ranks,
}

impl Rules<'_> {
    /// The side that stands: the same device's later edit, the request's on a tie, else the side of the first
    /// rule that decides. Only the latter is a conflict.
    pub(super) fn decide(
        &self,
        path: Path,
        (server, by_server): (Option<&Value>, Stamp),
        (client, by_client): (Option<&Value>, Stamp),
    ) -> (Winner, Option<Conflict>) {
        if self.own.is_some() && by_server.device_id.as_ref() == self.own {
            let winner = if by_client.at >= by_server.at {
                Winner::Client
            } else {
                Winner::Server
            };
            return (winner, None);
        }
        let (winner, rule) = self.first(&by_server, &by_client);
        let conflict = Conflict {
            path,
            winner,
            rule,
            client: side(client, by_client),
            server: side(server, by_server),
        };
        (winner, Some(conflict))
    }

    fn first(&self, server: &Stamp, client: &Stamp) -> (Winner, Rule) {
        let rank = |stamp: &Stamp| stamp.device_id.as_ref().and_then(|device| self.ranks.get(device));
        let by_rank = rank(client)
            .zip(rank(server))
            .map_or(Ordering::Equal, |(client, server)| client.cmp(server));
        match (by_rank, client.at.cmp(&server.at)) {
            (Ordering::Greater, _) => (Winner::Client, Rule::DeviceRank),
            (Ordering::Less, _) => (Winner::Server, Rule::DeviceRank),
            (Ordering::Equal, Ordering::Greater) => (Winner::Client, Rule::Newest),
            (Ordering::Equal, Ordering::Less) => (Winner::Server, Rule::Newest),
            (Ordering::Equal, Ordering::Equal) => (Winner::Server, Rule::ServerPreference),
        }
    }
}

fn side(value: Option<&Value>, stamp: Stamp) -> Side {
    Side {
        value: value.cloned(),
        device_id: stamp.device_id,
        modified_at: stamp.at,
    }
}

fn by_identity(kind: ListKind, list: &[Value]) -> HashMap<&Value, usize> {
    let identities = list.iter().enumerate();
    identities
        .filter_map(|(at, element)| Some((kind.identity(element)?, at)))
        .collect()
}

/// True where both sides of an object set removed the same element and each added one that the other did
/// not: two edits of one element, which has no name that outlives an edit.
fn replaces_one_element_twice(kind: ListKind, base: &[Value], server: &[Value], client: &[Value]) -> bool {
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

/// The order of the elements that are left (design section 4).
///
/// It is the server's, save for what the client alone added, moved or kept: what stands at the end of the
/// client's list with nothing behind it that the client left in place goes to the end, everything else
/// behind the nearest element that it follows there.
fn merged_order<'a>(
    kind: ListKind,
    base: &'a [Value],
    server: &'a [Value],
    client: &'a [Value],
    is_left: impl Fn(&Value) -> bool,
) -> Vec<&'a Value> {
    let moved_by_server: HashSet<&Value> = moved(kind, server, &Order::of(kind, base, server)).collect();
    let of_client = Order::of(kind, base, client);
    let moved_by_client: HashSet<&Value> = moved(kind, client, &of_client)
        .filter(|identity| !moved_by_server.contains(identity))
        .collect();
    let mut line: Vec<&Value> = Vec::with_capacity(server.len());
    let placed_by_server = server.iter().filter_map(|element| kind.identity(element));
    line.extend(placed_by_server.filter(|identity| is_left(identity) && !moved_by_client.contains(identity)));

    let placed: HashSet<&Value> = line.iter().copied().collect();
    let tail = of_client
        .origins
        .iter()
        .rposition(|origin| matches!(origin, Origin::Left(_)))
        .map_or(0, |last| last + 1);
    let mut followers: HashMap<Option<&Value>, Vec<&Value>> = HashMap::new();
    let mut end = Vec::new();
    let mut anchor = None;
    for (at, element) in client.iter().enumerate() {
        let Some(identity) = kind.identity(element).filter(|identity| is_left(identity)) else {
            continue;
        };
        if placed.contains(identity) {
            anchor = Some(identity);
        } else if at < tail {
            followers.entry(anchor).or_default().push(identity);
        } else {
            end.push(identity);
        }
    }
    let mut order = followers.remove(&None).unwrap_or_default();
    for identity in line {
        order.push(identity);
        order.extend(followers.remove(&Some(identity)).into_iter().flatten());
    }
    order.extend(end);
    order
}

/// The identities of the elements that came to another place.
fn moved<'a>(kind: ListKind, list: &'a [Value], order: &Order) -> impl Iterator<Item = &'a Value> {
    let is_moved = order.origins.iter().map(|origin| matches!(origin, Origin::Moved(_)));
    let moved = list
        .iter()
        .zip(is_moved.collect::<Vec<_>>())
        .filter(|(_, is_moved)| *is_moved);
    moved.filter_map(move |(element, _)| kind.identity(element))
}
