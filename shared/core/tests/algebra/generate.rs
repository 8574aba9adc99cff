//! Generated documents and edits. They use few names, identities, values and times, so that edits often collide.

use crate::support::{History, device, ms, text};
use coinolio_core::algebra::{IdentityField, ListKind, Op, Path, Position, Ranks, Token, diff};
use coinolio_core::json::{Object, Value, read};
use coinolio_core::time::Timestamp;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::RngSeed;
use std::fmt;

/// Configures `PROPTEST_CASES` cases, or `cases` by default; they are always the same unless `PROPTEST_RNG_SEED` is set.
pub(crate) fn config(cases: u32) -> ProptestConfig {
    let from_env = ProptestConfig::default();
    let given = |name| std::env::var_os(name).is_some();
    ProptestConfig {
        cases: if given("PROPTEST_CASES") { from_env.cases } else { cases },
        rng_seed: match from_env.rng_seed {
            RngSeed::Random => RngSeed::Fixed(4),
            fixed => fixed,
        },
        failure_persistence: None,
        max_shrink_iters: 20_000,
        // Laws with a premise reject about a tenth of the cases.
        max_global_rejects: u32::MAX,
        ..from_env
    }
}

const NAMES: [&str; 12] = ["a", "a", "a", "b", "b", "b", "l", "id", "", "a.b", "x/~", "# @"];
const STRINGS: [&str; 5] = ["a", "b", "c", "", "1"];
const NUMBERS: [&str; 8] = [
    "0",
    "-0.0",
    "1",
    "1.0",
    "10e-1",
    "2",
    "9007199254740993",
    "9007199254740992",
];
const IDENTITIES: [&str; 6] = ["1", "\"1\"", "2.0", "\"a\"", "\"x.y\"", "\"\""];
const OBJECTS: [&str; 6] = [
    "{}",
    r#"{"a":1}"#,
    r#"{"a":2}"#,
    r#"{"a":null}"#,
    r#"{"b":[1,"x"]}"#,
    r#"{"a":1,"b":{"id":1}}"#,
];
const OPAQUE: [&str; 7] = [
    "[10,20]",
    "[20,10]",
    "[1,1.0]",
    "[[]]",
    "[null]",
    r#"["a",1]"#,
    r#"[{"id":1},"a"]"#,
];

fn parsed(text: &str) -> Value {
    read(text.as_bytes()).unwrap()
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::Bool),
        4 => select(&NUMBERS[..]).prop_map(parsed),
        3 => select(&STRINGS[..]).prop_map(Value::from),
    ]
}

/// The identities of an element that has none.
const NO_IDENTITIES: [&str; 2] = ["null", "{}"];

/// A keyed list: most elements have the same identity fields. In some lists, one or two elements have no identity, an
/// identity of another type, or the identity of another element.
fn keyed(inner: impl Strategy<Value = Value> + Clone + 'static) -> impl Strategy<Value = Value> {
    let fields = select(vec![
        &["id"][..],
        &["id"],
        &["_id"],
        &["uuid"],
        &["id", "_id"],
        &["_id", "uuid"],
    ]);
    let identities = subsequence(&IDENTITIES[..], 1..=5).prop_shuffle();
    let members = vec(vec((select(&["a", "b", "c"][..]), inner), 0..=2), 7);
    let odd = prop_oneof![2 => Just(Vec::new()), 1 => vec((0..8_usize, 0..5_usize), 1..=2)];
    (fields, identities, members, odd).prop_map(|(fields, identities, members, odd)| {
        let mut named: Vec<Option<&str>> = identities.iter().copied().map(Some).collect();
        for (at, which) in odd {
            let identity = match which {
                0 => None,
                1 | 2 => Some(NO_IDENTITIES[which - 1]),
                _ => Some(identities[at % identities.len()]),
            };
            named.insert(at % (named.len() + 1), identity);
        }
        let elements = named.iter().zip(members).map(|(identity, members)| {
            let members = members.into_iter().map(|(name, value)| (name.into(), value));
            let identities = identity
                .iter()
                .flat_map(|identity| fields.iter().map(|field| ((*field).into(), parsed(identity))));
            Value::Object(members.chain(identities).collect())
        });
        Value::List(elements.collect())
    })
}

fn list(inner: impl Strategy<Value = Value> + Clone + 'static) -> impl Strategy<Value = Value> {
    prop_oneof![
        8 => keyed(inner.clone()),
        2 => subsequence(&STRINGS[..], 1..=4).prop_shuffle()
            .prop_map(|texts| Value::List(texts.into_iter().map(Value::from).collect())),
        1 => vec(select(&STRINGS[..]), 2..=4)
            .prop_map(|texts| Value::List(texts.into_iter().map(Value::from).collect())),
        2 => subsequence(&OBJECTS[..], 1..=4).prop_shuffle()
            .prop_map(|texts| Value::List(texts.into_iter().map(parsed).collect())),
        1 => vec(select(&OBJECTS[..]), 2..=4)
            .prop_map(|texts| Value::List(texts.into_iter().map(parsed).collect())),
        1 => select(&OPAQUE[..]).prop_map(parsed),
        1 => vec(inner, 0..=3).prop_map(Value::List),
        1 => Just(Value::List(Vec::new())),
    ]
}

fn object(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    vec((select(&NAMES[..]), inner), 0..=3)
        .prop_map(|members| Value::Object(members.into_iter().map(|(name, value)| (name.into(), value)).collect()))
}

/// Any value, nested up to three levels, or more if lists contain objects.
pub(crate) fn value() -> impl Strategy<Value = Value> + Clone {
    scalar().prop_recursive(3, 24, 5, |inner| {
        prop_oneof![3 => object(inner.clone()), 4 => list(inner)].boxed()
    })
}

/// A value that is mostly a scalar.
fn small() -> impl Strategy<Value = Value> + Clone {
    prop_oneof![5 => scalar(), 1 => value()]
}

/// A document of mostly lists of objects, like a portfolio.
pub(crate) fn document() -> impl Strategy<Value = Value> {
    let part = prop_oneof![5 => keyed(small()), 3 => list(small()), 2 => object(list(small())), 2 => value()];
    prop_oneof![1 => Just(Value::empty_object()), 12 => object(part)]
}

/// The number of an element among those with its name.
fn nth() -> impl Strategy<Value = u32> {
    prop_oneof![6 => Just(0_u32), 1 => 1..3_u32]
}

fn element_token() -> impl Strategy<Value = Token> {
    let fields = [IdentityField::Id, IdentityField::Id, IdentityField::UnderscoreId];
    (select(fields.to_vec()), select(&IDENTITIES[..]), nth())
        .prop_map(|(field, identity, nth)| Token::Element(field, parsed(identity), nth))
}

fn value_token() -> impl Strategy<Value = Token> {
    let value = prop_oneof![
        2 => select(&STRINGS[..]).prop_map(Value::from),
        1 => select(&OBJECTS[..]).prop_map(parsed),
    ];
    (value, nth()).prop_map(|(value, nth)| Token::Value(value, nth))
}

/// A well-formed operation that uses the names of the generated documents.
pub(crate) fn operation() -> impl Strategy<Value = Op> {
    let step = (select(&["a", "b", "l", ""][..]), option::of(element_token()));
    let after = prop_oneof![
        1 => Just(Position::Front),
        3 => element_token().prop_map(Position::After),
        1 => value_token().prop_map(Position::After),
    ];
    let last = option::weighted(0.3, value_token());
    (vec(step, 1..3), last, 0..4_u8, small(), option::of(after)).prop_map(|(steps, last, kind, value, after)| {
        let mut tokens = Vec::new();
        for (name, element) in steps {
            tokens.push(Token::Member(name.into()));
            tokens.extend(element);
        }
        if !tokens.last().is_some_and(Token::is_element) {
            tokens.extend(last);
        }
        let named = tokens.last().filter(|token| token.is_element()).cloned();
        let path = Path::from(tokens);
        match (kind, named) {
            (0, _) => Op::Delete { path },
            (1, Some(_)) => Op::Move {
                path,
                after: after.unwrap_or(Position::Front),
            },
            (_, Some(token)) => Op::Set {
                path,
                value: with_identity(value, &token),
                after,
            },
            (_, None) => Op::Set { path, value, after },
        }
    })
}

/// Returns `value` with the identity that `token` names, or the named element if that is not possible.
fn with_identity(value: Value, token: &Token) -> Value {
    match (value, token.new_element()) {
        (Value::Object(mut members), Value::Object(identity)) if !matches!(token, Token::Value(..)) => {
            members.extend(identity);
            Value::Object(members)
        }
        (_, element) => element,
    }
}

/// The effect of an edit on the container that it selects.
#[derive(Clone, Debug)]
enum Act {
    /// Set a member to this value, or insert an element of the list's kind that contains it.
    Put(&'static str, Value),
    /// Insert this value into a list, even if that changes the list's kind.
    Force(Value),
    /// Insert an element of a list again: with the same name, and often with other members.
    Repeat(Value),
    /// Insert an object without an identity, or with `null` for one.
    Odd(&'static str, Value),
    Remove,
    Move,
    /// Replace a member or element; an element of a keyed list retains its identity.
    Replace(Value),
    Empty,
}

/// An edit: the numbers of a container and of positions in it, and the effect on it.
#[derive(Clone, Debug)]
pub(crate) struct Edit {
    container: usize,
    from: usize,
    to: usize,
    act: Act,
}

pub(crate) fn edit() -> impl Strategy<Value = Edit> {
    let act = prop_oneof![
        6 => (select(&NAMES[..]), small()).prop_map(|(name, value)| Act::Put(name, value)),
        1 => value().prop_map(Act::Force),
        2 => small().prop_map(Act::Repeat),
        2 => (select(&["a", "id", "_id"][..]), small()).prop_map(|(name, value)| Act::Odd(name, value)),
        3 => Just(Act::Remove),
        4 => Just(Act::Move),
        8 => small().prop_map(Act::Replace),
        1 => Just(Act::Empty),
    ];
    // Few containers, so that both sides often edit the same one. The root is rarely chosen.
    let container = prop_oneof![1 => Just(0_usize), 5 => 1..5_usize, 1 => 0..64_usize];
    (container, 0..8_usize, 0..8_usize, act).prop_map(|(container, from, to, act)| Edit {
        container,
        from,
        to,
        act,
    })
}

impl Edit {
    pub(crate) fn apply(&self, document: &mut Value) {
        let count = containers(document);
        let mut skip = self.container % count;
        if let Some(container) = nth_container(document, &mut skip) {
            match container {
                Value::Object(members) => self.apply_to_object(members),
                Value::List(elements) => self.apply_to_list(elements),
                _ => {}
            }
        }
    }

    fn apply_to_object(&self, members: &mut Object) {
        let mut names: Vec<_> = members.keys().cloned().collect();
        if self.to > 0 {
            // Most edits do not touch identity fields, so that keyed lists stay keyed.
            names.retain(|name| !IdentityField::ALL.iter().any(|field| field.as_str() == &**name));
        }
        let name = names.get(self.from % names.len().max(1)).cloned();
        match (&self.act, name) {
            (Act::Put(name, value), _) => {
                members.insert((*name).into(), value.clone());
            }
            (Act::Remove, Some(name)) => {
                members.remove(&name);
            }
            (Act::Replace(value) | Act::Force(value), Some(name)) => {
                members.insert(name, value.clone());
            }
            (Act::Empty, Some(name)) => {
                let emptied = match members.get(&name) {
                    Some(Value::List(_)) => Value::List(Vec::new()),
                    Some(Value::Object(_)) => Value::empty_object(),
                    _ => Value::Null,
                };
                members.insert(name, emptied);
            }
            _ => {}
        }
    }

    fn apply_to_list(&self, elements: &mut Vec<Value>) {
        let at = self.from % elements.len().max(1);
        let to = self.to % (elements.len() + 1);
        match &self.act {
            Act::Put(name, value) => {
                if let Some(element) = self.fitting(elements, name, value) {
                    elements.insert(to, element);
                }
            }
            Act::Force(value) => elements.insert(to, value.clone()),
            Act::Repeat(value) => {
                if let Some(mut element) = elements.get(at).cloned() {
                    if let (Value::Object(members), ListKind::Keyed(_)) = (&mut element, ListKind::of(elements)) {
                        members.insert("a".into(), value.clone());
                    }
                    elements.insert(to, element);
                }
            }
            Act::Odd(name, value) if !matches!(ListKind::of(elements), ListKind::StringList | ListKind::Opaque) => {
                let identity = match *name {
                    "a" => value.clone(),
                    _ => Value::Null,
                };
                elements.insert(
                    to,
                    Value::Object(Object::from([("b".into(), value.clone()), ((*name).into(), identity)])),
                );
            }
            Act::Remove if !elements.is_empty() => {
                elements.remove(at);
            }
            Act::Move if !elements.is_empty() => {
                let element = elements.remove(at);
                elements.insert(to.min(elements.len()), element);
            }
            Act::Replace(value) => match (ListKind::of(elements), elements.get_mut(at)) {
                (ListKind::Keyed(_), Some(Value::Object(members))) => {
                    members.insert("a".into(), value.clone());
                }
                (ListKind::StringList | ListKind::ObjectList, Some(_)) => {
                    let rest: Vec<_> = elements.iter().filter(|e| **e != elements[at]).cloned().collect();
                    let element = self.fitting(elements, "a", value);
                    *elements = rest;
                    elements.extend(element);
                }
                (_, Some(element)) => *element = value.clone(),
                _ => {}
            },
            Act::Empty => elements.clear(),
            _ => {}
        }
    }

    /// Returns an element of the list's kind that the list does not have.
    fn fitting(&self, elements: &[Value], name: &str, value: &Value) -> Option<Value> {
        let unused = |pool: &[&str], used: &dyn Fn(&Value) -> bool| {
            let pool: Vec<_> = pool.iter().map(|text| parsed(text)).filter(|v| !used(v)).collect();
            pool.get(self.from % pool.len().max(1)).cloned()
        };
        match ListKind::of(elements) {
            ListKind::Keyed(field) => {
                let used = |identity: &Value| {
                    elements
                        .iter()
                        .any(|e| e.as_object().and_then(|m| m.get(field.as_str())) == Some(identity))
                };
                let identity = unused(&IDENTITIES, &used)?;
                Some(Value::Object(Object::from([
                    (name.into(), value.clone()),
                    (field.as_str().into(), identity),
                ])))
            }
            ListKind::StringList => {
                let quoted: Vec<_> = STRINGS.iter().map(|s| format!("{s:?}")).collect();
                let quoted: Vec<_> = quoted.iter().map(String::as_str).collect();
                unused(&quoted, &|v| elements.contains(v))
            }
            ListKind::ObjectList => unused(&OBJECTS, &|v| elements.contains(v)),
            ListKind::Empty | ListKind::Opaque => Some(value.clone()),
        }
    }
}

fn containers(value: &Value) -> usize {
    match value {
        Value::Object(members) => 1 + members.values().map(containers).sum::<usize>(),
        Value::List(elements) => 1 + elements.iter().map(containers).sum::<usize>(),
        _ => 0,
    }
}

fn nth_container<'v>(value: &'v mut Value, skip: &mut usize) -> Option<&'v mut Value> {
    if !matches!(value, Value::Object(_) | Value::List(_)) {
        return None;
    }
    if *skip == 0 {
        return Some(value);
    }
    *skip -= 1;
    match value {
        Value::Object(members) => members.values_mut().find_map(|inner| nth_container(inner, skip)),
        Value::List(elements) => elements.iter_mut().find_map(|inner| nth_container(inner, skip)),
        _ => None,
    }
}

/// A document, and the same document after a few edits.
pub(crate) fn pair() -> impl Strategy<Value = (Text, Text)> {
    (document(), vec(edit(), 0..6)).prop_map(|(from, edits)| {
        let mut to = from.clone();
        edits.iter().for_each(|edit| edit.apply(&mut to));
        (Text(from), Text(to))
    })
}

/// A value that is shown as JSON if a test fails.
#[derive(Clone)]
pub(crate) struct Text(pub(crate) Value);

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text(&self.0))
    }
}

/// One change of a generated history.
#[derive(Clone, Debug)]
struct Round {
    device: usize,
    times: Vec<i64>,
    edits: Vec<Edit>,
}

fn round() -> impl Strategy<Value = Round> {
    (0..DEVICES.len(), vec(0..4_i64, 1..4), vec(edit(), 1..4)).prop_map(|(device, times, edits)| Round {
        device,
        times,
        edits,
    })
}

/// The devices that write to the server. The first one sends the request that is merged.
const DEVICES: [&str; 3] = ["phone", "tablet", "laptop"];

/// A base, its history on the server, its history on the client, and the ranks of the devices.
#[derive(Clone)]
pub(crate) struct Scenario {
    pub(crate) base: Value,
    pub(crate) server: History,
    pub(crate) client: History,
    pub(crate) ranks: Ranks,
}

impl fmt::Debug for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut side = |name: &str, history: &History| -> fmt::Result {
            writeln!(f, "{name}: {}", text(&history.document))?;
            for step in &history.steps {
                let by = step.device.as_ref().map_or("unknown", |device| device.as_str());
                writeln!(f, "  {by} at {}: {}", step.at.millis(), text(&step.op))?;
            }
            Ok(())
        };
        side("\nserver", &self.server)?;
        side("client", &self.client)?;
        writeln!(f, "base: {}\nranks: {:?}", text(&self.base), self.ranks)
    }
}

/// The times of a scenario's operations.
#[derive(Clone, Copy)]
pub(crate) enum Times {
    /// Few times, which are often equal on both sides.
    Colliding,
    /// Times that are never equal on both sides.
    Differing,
}

fn timed(patch: Vec<Op>, times: &[i64]) -> Vec<(Op, Timestamp)> {
    patch.into_iter().zip(times.iter().cycle().map(|at| ms(*at))).collect()
}

fn play(history: &mut History, round: &Round, times: impl Fn(i64) -> i64) {
    let mut to = history.document.clone();
    round.edits.iter().for_each(|edit| edit.apply(&mut to));
    let times: Vec<_> = round.times.iter().map(|at| times(*at)).collect();
    let edits = timed(diff(&history.document, &to), &times);
    history.change(Some(&device(DEVICES[round.device])), &edits);
}

/// A scenario with up to three changes on the server and one on the client.
///
/// The changes on the server are by other devices, unless `own` is true: then the client's device may have written
/// there, too.
pub(crate) fn scenario(times: Times, own: bool) -> impl Strategy<Value = Scenario> {
    let ranks = vec(option::weighted(0.3, 0..3_u8), DEVICES.len());
    let echoes = vec(option::of(0..8_usize), 4);
    (document(), vec(round(), 0..4), round(), echoes, ranks).prop_map(
        move |(base, server, mut client, echoes, ranks)| {
            // About half of the client's edits go to the same position as one of the server's.
            let targets: Vec<_> = server
                .iter()
                .flat_map(|round| &round.edits)
                .map(|e| (e.container, e.from))
                .collect();
            for (edit, echo) in client.edits.iter_mut().zip(echoes) {
                if let Some((container, from)) = echo.and_then(|at| targets.get(at).copied()) {
                    (edit.container, edit.from) = (container, from);
                }
            }
            let spread = |offset: i64| {
                move |at: i64| match times {
                    Times::Colliding => at,
                    Times::Differing => 2 * at + offset,
                }
            };
            let mut on_server = History::of(&base);
            for mut round in server {
                if !own && round.device == 0 {
                    round.device = 1;
                }
                play(&mut on_server, &round, spread(0));
            }
            let mut on_client = History::of(&base);
            play(&mut on_client, &Round { device: 0, ..client }, spread(1));
            let ranks = DEVICES
                .iter()
                .zip(ranks)
                .filter_map(|(name, rank)| Some((device(name), rank?)));
            Scenario {
                base,
                server: on_server,
                client: on_client,
                ranks: ranks.collect(),
            }
        },
    )
}
