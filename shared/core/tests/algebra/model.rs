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

/// The kinds of lists, by path, where they are not those of the lists themselves.
pub(crate) type Kinds = HashMap<Tokens, ListKind>;

/// Returns the tokens of a list's elements, named as elements of a list of kind `kind`.
fn element_tokens(kind: ListKind, elements: &[Value]) -> Tokens {
    let mut tokens = Tokens::new();
    for element in elements {
        let identity = match kind {
            ListKind::Keyed(field) => element
                .as_object()
                .and_then(|members| members.get(field.as_str()))
                .filter(|identity| matches!(identity, Value::String(_) | Value::Number(_)))
                .map(|identity| (field, identity.clone())),
            _ => None,
        };
        let nth = |nth| match &identity {
            Some((field, identity)) => Token::Element(*field, identity.clone(), nth),
            None => Token::Value(element.clone(), nth),
        };
        let token = (0..).map(nth).find(|token| !tokens.contains(token));
        tokens.extend(token);
    }
    tokens
}

/// Returns the members or elements of the value at `here` that have a path of their own, with their tokens.
fn children<'v>(value: &'v Value, kinds: &Kinds, here: &[Token]) -> Vec<(Token, &'v Value)> {
    match value {
        Value::Object(members) => members.iter().map(|(k, v)| (Token::Member(k.clone()), v)).collect(),
        Value::List(elements) => match kinds.get(here).copied().unwrap_or(ListKind::of(elements)) {
            ListKind::Opaque => Vec::new(),
            kind => element_tokens(kind, elements).into_iter().zip(elements).collect(),
        },
        _ => Vec::new(),
    }
}

/// Returns the value at a path, if the lists on the way are of the kinds that its tokens name.
pub(crate) fn at<'v>(value: &'v Value, steps: &[Token]) -> Option<&'v Value> {
    at_with(value, steps, &Kinds::new())
}

fn at_with<'v>(value: &'v Value, steps: &[Token], kinds: &Kinds) -> Option<&'v Value> {
    let mut here = value;
    for depth in 0..steps.len() {
        let below = children(here, kinds, &steps[..depth]);
        here = below.into_iter().find(|(token, _)| *token == steps[depth])?.1;
    }
    Some(here)
}

/// Returns the value at a path, whatever the kinds of the lists on the way.
pub(crate) fn find<'v>(value: &'v Value, steps: &[Token]) -> Option<&'v Value> {
    let Some((first, rest)) = steps.split_first() else {
        return Some(value);
    };
    let child = match (value, first) {
        (Value::Object(members), Token::Member(name)) => members.get(name)?,
        (Value::List(elements), token) => &elements[position(elements, token)?],
        _ => return None,
    };
    find(child, rest)
}

/// Returns the values at a path if every number of its tokens is ignored, whatever the kinds of the lists on the way.
pub(crate) fn find_namesakes<'v>(value: &'v Value, steps: &[Token]) -> Vec<&'v Value> {
    let Some((first, rest)) = steps.split_first() else {
        return vec![value];
    };
    let below: Vec<&Value> = match (value, first) {
        (Value::Object(members), Token::Member(name)) => members.get(name).into_iter().collect(),
        (Value::List(elements), token) => elements.iter().filter(|element| token.names(element)).collect(),
        _ => Vec::new(),
    };
    below
        .into_iter()
        .flat_map(|value| find_namesakes(value, rest))
        .collect()
}

/// Returns the index of the element that `token` means.
fn position(elements: &[Value], token: &Token) -> Option<usize> {
    let named = elements.iter().enumerate().filter(|(_, element)| token.names(element));
    named.map(|(at, _)| at).nth(usize::try_from(token.nth()).unwrap())
}

/// Returns every path of a document, beginning with the root.
pub(crate) fn paths(value: &Value) -> Vec<Tokens> {
    paths_with(value, &Kinds::new())
}

fn paths_with(value: &Value, kinds: &Kinds) -> Vec<Tokens> {
    fn walk(value: &Value, kinds: &Kinds, here: &[Token], out: &mut Vec<Tokens>) {
        out.push(here.to_vec());
        // Members of objects inside a `{"value": …}` element have no path of their own.
        if !matches!(here.last(), Some(Token::Value(..))) {
            for (token, child) in children(value, kinds, here) {
                walk(child, kinds, &with(here, token), out);
            }
        }
    }
    let mut out = Vec::new();
    walk(value, kinds, &[], &mut out);
    out
}

/// Returns the kinds that the lists of two documents have in common.
fn common_kinds(before: &Value, after: &Value) -> Kinds {
    fn walk(before: &Value, after: &Value, here: &[Token], kinds: &mut Kinds) {
        if let (Value::List(x), Value::List(y)) = (before, after) {
            match ListKind::of(x).common(ListKind::of(y)) {
                ListKind::Opaque => return,
                kind => kinds.insert(here.to_vec(), kind),
            };
        }
        if matches!(here.last(), Some(Token::Value(..))) {
            return;
        }
        let others = children(after, kinds, here);
        for (token, child) in children(before, kinds, here) {
            if let Some((_, other)) = others.iter().find(|(other, _)| *other == token) {
                walk(child, other, &with(here, token), kinds);
            }
        }
    }
    let mut kinds = Kinds::new();
    walk(before, after, &[], &mut kinds);
    kinds
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

/// Two documents, one operation apart, whose lists have the kinds that they have in the whole change.
struct Pair<'a> {
    before: &'a Value,
    after: &'a Value,
    kinds: &'a Kinds,
}

impl Pair<'_> {
    /// Tells whether the values at a path differ only in parts that have a path of their own.
    fn same_shape(&self, path: &[Token]) -> bool {
        let (before, after) = self.at(path);
        let are_lists = matches!((before, after), (Some(Value::List(_)), Some(Value::List(_))));
        are_lists && self.kinds.contains_key(path) || same_shape(before, after)
    }

    fn at(&self, path: &[Token]) -> (Option<&Value>, Option<&Value>) {
        (
            at_with(self.before, path, self.kinds),
            at_with(self.after, path, self.kinds),
        )
    }

    /// Tells whether the elements that both lists at a path have are in a different order.
    fn reordered(&self, path: &[Token]) -> bool {
        let (Some(before @ Value::List(_)), Some(after @ Value::List(_))) = self.at(path) else {
            return false;
        };
        let tokens = |value, other| -> Vec<Token> {
            let others: HashSet<_> = children(other, self.kinds, path)
                .into_iter()
                .map(|(token, _)| token)
                .collect();
            let own = children(value, self.kinds, path).into_iter().map(|(token, _)| token);
            own.filter(|token| others.contains(token)).collect()
        };
        tokens(before, after) != tokens(after, before)
    }
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
        (Token::Element(..) | Token::Value(..), Value::List(_)) => {}
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
    let at = position(elements, token);
    let index = |elements: &[Value], after: Option<&Position>| match after {
        Some(Position::Front) => 0,
        Some(Position::After(token)) => position(elements, token).map_or(elements.len(), |at| at + 1),
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
            let index = index(elements, Some(after));
            let element = elements.remove(at);
            elements.insert(
                match index {
                    // Behind itself means the end.
                    index if index == at + 1 => elements.len(),
                    index if index > at => index - 1,
                    index => index,
                },
                element,
            );
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
        for change in history.steps.chunk_by(|one, other| one.change == other.change) {
            // The names of elements do not change while the operations of a change are applied one by one.
            let mut end = document.clone();
            change.iter().for_each(|step| apply(&mut end, &step.op));
            let kinds = common_kinds(&document, &end);
            for step in change {
                let mut next = document.clone();
                apply(&mut next, &step.op);
                let pair = Pair {
                    before: &document,
                    after: &next,
                    kinds: &kinds,
                };
                // Altering a whole value clears the stamps of its parts.
                stamps.retain(|path: &Tokens, _| (0..path.len()).all(|len| pair.same_shape(&path[..len])));
                let all = paths_with(&document, &kinds)
                    .into_iter()
                    .chain(paths_with(&next, &kinds));
                for path in all.collect::<HashSet<_>>() {
                    if !pair.same_shape(&path) || pair.reordered(&path) {
                        let stamp = Stamp {
                            device_id: step.device.clone(),
                            at: step.at,
                        };
                        stamps.insert(path, stamp);
                    }
                }
                document = next;
            }
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

/// Tells whether two values have something different at the same path.
fn clash(one: &Value, other: &Value) -> bool {
    paths(one).iter().any(|path| {
        let (one, other) = (at(one, path), at(other, path));
        other.is_some() && !same_shape(one, other)
    })
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
        if kind == ListKind::ObjectList {
            let [b, s, c] = [b, s, c].map(|list| element_tokens(kind, list));
            // An edit that both sides made is one element removed and one added by both.
            let mut removed_by_both: Vec<_> = b.iter().filter(|e| !s.contains(e) && !c.contains(e)).collect();
            for _ in s.iter().filter(|e| c.contains(e) && !b.contains(e)) {
                removed_by_both.pop();
            }
            let added = |own: &Tokens, other: &Tokens| own.iter().any(|e| !b.contains(e) && !other.contains(e));
            if !removed_by_both.is_empty() && added(&s, &c) && added(&c, &s) {
                return self.decide(Some(&server), Some(&client), here);
            }
        }
        let named = |list: &[Value]| -> HashMap<Token, Value> {
            element_tokens(kind, list)
                .into_iter()
                .zip(list.iter().cloned())
                .collect()
        };
        let mut tokens = element_tokens(kind, s);
        for token in element_tokens(kind, c) {
            if !tokens.contains(&token) {
                tokens.push(token);
            }
        }
        let (b, s, c) = (named(b), named(s), named(c));
        let merged = tokens.into_iter().filter_map(|token| {
            let (base, server, client) = (b.get(&token), s.get(&token), c.get(&token));
            let path = with(here, token);
            match (base, server, client) {
                (None, Some(one), Some(other)) if clash(one, other) => self.decide(server, client, &path),
                _ => self.merge(base, server, client, &path),
            }
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
