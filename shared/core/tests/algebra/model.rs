//! A plain model of the merge in `docs/MERGE.md`: it uses no operations, ignores the order of lists and compares every
//! value.

use crate::generate::Scenario;
use crate::support::{History, unknown};
use coinolio_core::algebra::{Conflict, ListKind, Op, Path, Position, Ranks, Rule, Side, Stamp, Token, Winner};
use coinolio_core::id::DeviceId;
use coinolio_core::json::{Object, Value};
use std::collections::{HashMap, HashSet};

pub(crate) type Tokens = Vec<Token>;

fn with(steps: &[Token], token: Token) -> Tokens {
    steps.iter().cloned().chain([token]).collect()
}

/// Returns the members or elements of a value that have a path of their own, with their tokens.
fn children(value: &Value) -> Vec<(Token, &Value)> {
    match value {
        Value::Object(members) => members.iter().map(|(k, v)| (Token::Member(k.clone()), v)).collect(),
        Value::List(elements) => {
            let kind = ListKind::of(elements);
            elements.iter().filter_map(|e| Some((kind.token(e)?, e))).collect()
        }
        _ => Vec::new(),
    }
}

/// Returns the value at a path, if the lists on the way are of the kinds that its tokens name.
pub(crate) fn at<'v>(value: &'v Value, steps: &[Token]) -> Option<&'v Value> {
    let Some((first, rest)) = steps.split_first() else {
        return Some(value);
    };
    let (_, child) = children(value).into_iter().find(|(token, _)| token == first)?;
    at(child, rest)
}

/// Returns the value at a path, whatever the kinds of the lists on the way.
pub(crate) fn find<'v>(value: &'v Value, steps: &[Token]) -> Option<&'v Value> {
    let Some((first, rest)) = steps.split_first() else {
        return Some(value);
    };
    let child = match (value, first) {
        (Value::Object(members), Token::Member(name)) => members.get(name)?,
        (Value::List(elements), token) => elements.iter().find(|element| token.names(element))?,
        _ => return None,
    };
    find(child, rest)
}

/// Returns every path of a document, beginning with the root.
pub(crate) fn paths(value: &Value) -> Vec<Tokens> {
    fn walk(value: &Value, here: &[Token], out: &mut Vec<Tokens>) {
        out.push(here.to_vec());
        // Members of objects inside a `{"value": …}` element have no path of their own.
        if !matches!(here.last(), Some(Token::Value(_))) {
            for (token, child) in children(value) {
                walk(child, &with(here, token), out);
            }
        }
    }
    let mut out = Vec::new();
    walk(value, &[], &mut out);
    out
}

/// A value without the parts that have a path of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shallow {
    Absent,
    Object,
    List,
    Whole(Value),
}

pub(crate) fn shallow(value: Option<&Value>) -> Shallow {
    match value {
        None => Shallow::Absent,
        Some(Value::Object(_)) => Shallow::Object,
        Some(Value::List(elements)) if ListKind::of(elements) != ListKind::Opaque => Shallow::List,
        Some(whole) => Shallow::Whole(whole.clone()),
    }
}

/// Tells whether two values differ only in parts that have a path of their own.
fn same_shape(before: Option<&Value>, after: Option<&Value>) -> bool {
    match (before, after) {
        (Some(Value::List(x)), Some(Value::List(y))) => {
            x == y || ListKind::of(x).common(ListKind::of(y)) != ListKind::Opaque
        }
        _ => shallow(before) == shallow(after),
    }
}

/// Tells whether the elements that both lists have are in a different order.
fn reordered(before: Option<&Value>, after: Option<&Value>) -> bool {
    let (Some(before), Some(after)) = (before, after) else {
        return false;
    };
    let tokens = |value, other| -> Vec<Token> {
        let others: HashSet<_> = children(other).into_iter().map(|(token, _)| token).collect();
        let own = children(value).into_iter().map(|(token, _)| token);
        own.filter(|token| others.contains(token)).collect()
    };
    matches!((before, after), (Value::List(_), Value::List(_))) && tokens(before, after) != tokens(after, before)
}

/// Applies one operation.
pub(crate) fn apply(document: &mut Value, op: &Op) {
    apply_at(document, op.path().tokens(), op);
}

fn apply_at(here: &mut Value, rest: &[Token], op: &Op) {
    let Some((token, rest)) = rest.split_first() else {
        return;
    };
    let is_set = matches!(op, Op::Set { .. });
    match (token, &*here) {
        (Token::Member(_), Value::Object(_)) => {}
        (Token::Element(..) | Token::Value(_), Value::List(_)) => {}
        (Token::Member(_), _) if is_set => *here = Value::Object(Object::new()),
        _ if is_set => *here = Value::List(Vec::new()),
        _ => return,
    }
    match (token, here) {
        (Token::Member(name), Value::Object(members)) => match op {
            Op::Set { value, .. } if rest.is_empty() => {
                members.insert(name.clone(), value.clone());
            }
            Op::Delete { .. } if rest.is_empty() => {
                members.remove(name);
            }
            Op::Set { .. } => apply_at(members.entry(name.clone()).or_insert(Value::Null), rest, op),
            _ => {
                if let Some(member) = members.get_mut(name) {
                    apply_at(member, rest, op);
                }
            }
        },
        (_, Value::List(elements)) => apply_to_element(elements, token, rest, op),
        _ => {}
    }
}

fn apply_to_element(elements: &mut Vec<Value>, token: &Token, rest: &[Token], op: &Op) {
    let at = elements.iter().position(|element| token.names(element));
    let index = |elements: &[Value], after: Option<&Position>| match after {
        Some(Position::Front) => 0,
        Some(Position::After(token)) => elements
            .iter()
            .position(|element| token.names(element))
            .map_or(elements.len(), |at| at + 1),
        None => elements.len(),
    };
    match (op, at) {
        (Op::Set { value, .. }, Some(at)) if rest.is_empty() => elements[at] = value.clone(),
        (Op::Set { value, after, .. }, None) if rest.is_empty() => {
            elements.insert(index(elements, after.as_ref()), value.clone());
        }
        (Op::Delete { .. }, Some(at)) if rest.is_empty() => {
            elements.remove(at);
        }
        (Op::Move { after, .. }, Some(at)) if rest.is_empty() => {
            let element = elements.remove(at);
            elements.insert(index(elements, Some(after)), element);
        }
        (Op::Set { .. }, None) => {
            let mut element = token.new_element();
            apply_at(&mut element, rest, op);
            elements.push(element);
        }
        (_, Some(at)) => apply_at(&mut elements[at], rest, op),
        (_, None) => {}
    }
}

/// Who last altered the value at each path of one side's document.
pub(crate) struct Stamps(HashMap<Tokens, Stamp>);

impl Stamps {
    pub(crate) fn of(base: &Value, history: &History) -> Self {
        let mut stamps = HashMap::new();
        let mut document = base.clone();
        for step in &history.steps {
            let mut next = document.clone();
            apply(&mut next, &step.op);
            // Altering a whole value clears the stamps of its parts.
            stamps.retain(|path: &Tokens, _| {
                (0..path.len()).all(|len| same_shape(at(&document, &path[..len]), at(&next, &path[..len])))
            });
            let all: HashSet<_> = paths(&document).into_iter().chain(paths(&next)).collect();
            for path in all {
                let (before, after) = (at(&document, &path), at(&next, &path));
                if !same_shape(before, after) || reordered(before, after) {
                    let stamp = Stamp {
                        device_id: step.device.clone(),
                        at: step.at,
                    };
                    stamps.insert(path, stamp);
                }
            }
            document = next;
        }
        Self(stamps)
    }

    /// Returns the newest stamps at or inside a path by another device, else those by `own`, else the unknown one.
    ///
    /// It returns several if several devices altered the value at the same time.
    pub(crate) fn newest(&self, path: &[Token], own: Option<&DeviceId>) -> Vec<Stamp> {
        let inside = || {
            self.0
                .iter()
                .filter(|(tokens, _)| tokens.starts_with(path))
                .map(|(_, stamp)| stamp)
        };
        let is_own = |stamp: &&Stamp| own.is_some() && stamp.device_id.as_ref() == own;
        let mut pool: Vec<_> = inside().filter(|stamp| !is_own(stamp)).collect();
        if pool.is_empty() {
            pool = inside().collect();
        }
        if pool.is_empty() {
            // No alteration of its own: the value was absent, or it was altered as part of a value above.
            pool = (0..path.len())
                .rev()
                .find_map(|len| self.0.get(&path[..len]))
                .into_iter()
                .collect();
        }
        let Some(newest) = pool.iter().map(|stamp| stamp.at).max() else {
            return vec![unknown()];
        };
        pool.into_iter().filter(|stamp| stamp.at == newest).cloned().collect()
    }
}

/// The expected result of a merge, apart from the order of lists and of conflicts.
pub(crate) struct Expected {
    pub(crate) document: Value,
    pub(crate) conflicts: Vec<Conflict>,
}

/// Merges and decides conflicts by the rules.
struct Judge<'a> {
    server: Stamps,
    client: Stamps,
    own: Option<&'a DeviceId>,
    ranks: &'a Ranks,
    /// The conflicts that the merge under test reported. They select one of several authors with the same time.
    reported: &'a [Conflict],
    conflicts: Vec<Conflict>,
}

pub(crate) fn merge(scenario: &Scenario, own: Option<&DeviceId>, reported: &[Conflict]) -> Expected {
    let mut judge = Judge {
        server: Stamps::of(&scenario.base, &scenario.server),
        client: Stamps::of(&scenario.base, &scenario.client),
        own,
        ranks: &scenario.ranks,
        reported,
        conflicts: Vec::new(),
    };
    let document = judge.merge(
        Some(&scenario.base),
        Some(&scenario.server.document),
        Some(&scenario.client.document),
        &[],
    );
    Expected {
        document: document.unwrap_or(Value::Null),
        conflicts: judge.conflicts,
    }
}

impl Judge<'_> {
    fn merge(
        &mut self,
        base: Option<&Value>,
        server: Option<&Value>,
        client: Option<&Value>,
        here: &[Token],
    ) -> Option<Value> {
        if server == client || client == base {
            return server.cloned();
        }
        if server == base {
            return client.cloned();
        }
        match (server, client) {
            (Some(Value::Object(s)), Some(Value::Object(c))) => {
                let empty = Object::new();
                let b = base.and_then(Value::as_object).unwrap_or(&empty);
                let names: HashSet<_> = s.keys().chain(c.keys()).collect();
                let members = names.into_iter().filter_map(|name| {
                    let path = with(here, Token::Member(name.clone()));
                    let value = self.merge(b.get(name), s.get(name), c.get(name), &path)?;
                    Some((name.clone(), value))
                });
                Some(Value::Object(members.collect()))
            }
            (Some(Value::List(s)), Some(Value::List(c))) => self.merge_lists(base, s, c, here),
            _ => self.decide(server, client, here),
        }
    }

    fn merge_lists(&mut self, base: Option<&Value>, s: &[Value], c: &[Value], here: &[Token]) -> Option<Value> {
        let kind = ListKind::of(s).common(ListKind::of(c));
        let b = match base {
            Some(Value::List(b)) if ListKind::of(b) == kind => b.as_slice(),
            _ => &[],
        };
        let (server, client) = (Value::List(s.to_vec()), Value::List(c.to_vec()));
        if kind == ListKind::Opaque {
            return self.decide(Some(&server), Some(&client), here);
        }
        if kind == ListKind::ObjectSet {
            let removed_by_both = b.iter().any(|e| !s.contains(e) && !c.contains(e));
            let added = |own: &[Value], other: &[Value]| own.iter().any(|e| !b.contains(e) && !other.contains(e));
            if removed_by_both && added(s, c) && added(c, s) {
                return self.decide(Some(&server), Some(&client), here);
            }
        }
        let find = |list: &[Value], token: &Token| list.iter().find(|e| token.names(e)).cloned();
        let mut tokens: Vec<Token> = Vec::new();
        for token in s.iter().chain(c).filter_map(|e| kind.token(e)) {
            if !tokens.contains(&token) {
                tokens.push(token);
            }
        }
        let merged = tokens.into_iter().filter_map(|token| {
            let (base, server, client) = (find(b, &token), find(s, &token), find(c, &token));
            self.merge(base.as_ref(), server.as_ref(), client.as_ref(), &with(here, token))
        });
        Some(Value::List(merged.collect()))
    }

    fn decide(&mut self, server: Option<&Value>, client: Option<&Value>, here: &[Token]) -> Option<Value> {
        let path = Path::from(here.to_vec());
        let reported = self.reported.iter().find(|conflict| conflict.path == path);
        let pick = |stamps: Vec<Stamp>, side: fn(&Conflict) -> &Side| {
            let named = reported.map(side).and_then(|side| {
                let same = |s: &&Stamp| s.device_id == side.device_id && s.at == side.modified_at;
                stamps.iter().find(same).cloned()
            });
            named.or_else(|| stamps.into_iter().next())
        };
        let s = pick(self.server.newest(here, self.own), |conflict| &conflict.server)?;
        let c = pick(self.client.newest(here, self.own), |conflict| &conflict.client)?;
        let value_of = |winner| match winner {
            Winner::Client => client.cloned(),
            Winner::Server => server.cloned(),
        };
        if self.own.is_some() && s.device_id.as_ref() == self.own {
            return value_of(if s.at > c.at { Winner::Server } else { Winner::Client });
        }
        let rank = |stamp: &Stamp| stamp.device_id.as_ref().and_then(|device| self.ranks.get(device));
        let (winner, rule) = match (rank(&c), rank(&s)) {
            (Some(c), Some(s)) if c > s => (Winner::Client, Rule::DeviceRank),
            (Some(c), Some(s)) if c < s => (Winner::Server, Rule::DeviceRank),
            _ if c.at > s.at => (Winner::Client, Rule::Newest),
            _ if c.at < s.at => (Winner::Server, Rule::Newest),
            _ => (Winner::Server, Rule::ServerPreference),
        };
        let side = |value: Option<&Value>, stamp: Stamp| Side {
            value: value.cloned(),
            device_id: stamp.device_id,
            modified_at: stamp.at,
        };
        self.conflicts.push(Conflict {
            path,
            winner,
            rule,
            client: side(client, c),
            server: side(server, s),
        });
        value_of(winner)
    }
}
