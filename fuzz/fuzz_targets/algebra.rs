//! Passes generated documents and patches to `diff`, `apply` and `merge`, and checks the laws of docs/MERGE.md.
#![no_main]

use arbitrary::Arbitrary;
use coinolio_core::algebra::{
    Authored, Authors, IdentityField, Merged, Op, Path, Position, Ranks, Stamp, Token, apply, check_patch, diff, merge,
};
use coinolio_core::id::DeviceId;
use coinolio_core::json::{MAX_DEPTH, Number, Object, Value, read};
use coinolio_core::time::Timestamp;
use libfuzzer_sys::fuzz_target;

/// Maximum depth of a generated value, far below the limit for requests.
const DEPTH: usize = 6;

/// A value made of few names, identities and scalars, so that the two sides collide.
#[derive(Arbitrary, Debug)]
enum Node {
    Null,
    Bool(bool),
    Number(u8),
    Text(u8),
    Object(Vec<(u8, Node)>),
    List(Vec<Node>),
    Keyed(u8, Vec<(u8, Vec<(u8, Node)>)>),
    Set(Vec<u8>),
}

#[derive(Arbitrary, Debug)]
enum Step {
    Member(u8),
    Element(u8, u8),
    Value(u8),
    Object(Vec<(u8, u8)>),
}

#[derive(Arbitrary, Debug)]
enum Edit {
    Set(Vec<Step>, Node, Option<Option<Step>>),
    Delete(Vec<Step>),
    Move(Vec<Step>, Option<Step>),
    /// Reorders the list at the path.
    Rotate(Vec<Step>, u8),
}

#[derive(Arbitrary, Debug)]
struct Input {
    base: Vec<(u8, Node)>,
    server: Vec<(Edit, u8)>,
    client: Vec<(Edit, u8)>,
    /// The document that the server's side starts from, if it is not the base.
    other: Option<Vec<(u8, Node)>>,
    ranks: (Option<u8>, Option<u8>),
    is_same_device: bool,
}

const NAMES: [&str; 10] = ["a", "b", "c", "id", "_id", "uuid", "value", "", "a.b", "metadata"];
const NUMBERS: [&str; 8] = ["0", "-0.0", "1", "1.0", "10e-1", "2", "9007199254740993", "1e300"];

fn name(byte: u8) -> &'static str {
    NAMES[usize::from(byte) % NAMES.len()]
}

fn number(byte: u8) -> Value {
    let text = NUMBERS[usize::from(byte) % NUMBERS.len()];
    Value::Number(Number::parse(text).expect("a number"))
}

fn identity(byte: u8) -> Value {
    if byte % 2 == 0 {
        number(byte / 2)
    } else {
        name(byte / 2).into()
    }
}

fn field(byte: u8) -> IdentityField {
    IdentityField::ALL[usize::from(byte) % IdentityField::ALL.len()]
}

/// Returns the number of an element among those with its name: mostly 0.
fn nth(byte: u8) -> u32 {
    u32::from(byte / 64).saturating_sub(1)
}

fn object(members: &[(u8, Node)], depth: usize) -> Value {
    let members = members
        .iter()
        .map(|(byte, node)| (name(*byte).into(), node.value(depth + 1)));
    Value::Object(members.collect::<Object>())
}

impl Node {
    fn value(&self, depth: usize) -> Value {
        if depth > DEPTH {
            return Value::Null;
        }
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Number(byte) => number(*byte),
            Self::Text(byte) => name(*byte).into(),
            Self::Object(members) => object(members, depth),
            Self::List(elements) => Value::List(elements.iter().map(|node| node.value(depth + 1)).collect()),
            Self::Keyed(by, elements) => {
                let element = |(identity_byte, members): &(u8, Vec<(u8, Node)>)| {
                    let mut element = object(members, depth + 1);
                    if let Value::Object(members) = &mut element {
                        members.insert(field(*by).as_str().into(), identity(*identity_byte));
                    }
                    element
                };
                Value::List(elements.iter().map(element).collect())
            }
            Self::Set(bytes) => Value::List(bytes.iter().map(|byte| name(*byte).into()).collect()),
        }
    }
}

impl Step {
    fn token(&self) -> Token {
        match self {
            Self::Member(byte) => Token::Member(name(*byte).into()),
            Self::Element(by, byte) => Token::Element(field(*by), identity(*byte), nth(*by)),
            Self::Value(byte) => Token::Value(name(*byte).into(), nth(*byte)),
            Self::Object(members) => {
                let members = members.iter().map(|(byte, value)| (name(*byte).into(), number(*value)));
                Token::Value(Value::Object(members.collect()), 0)
            }
        }
    }
}

fn path(steps: &[Step]) -> Path {
    let steps = steps.iter().take(DEPTH);
    steps.fold(Path::ROOT, |path, step| path.child(step.token()))
}

fn position(step: Option<&Step>) -> Position {
    step.map_or(Position::Front, |step| Position::After(step.token()))
}

/// Returns the operation as the service reads it from JSON, or `None` if the service refuses it.
fn accepted(op: &Op) -> Option<Op> {
    let text = serde_json::to_vec(op).expect("an operation is JSON");
    let json = read(&text).ok()?;
    Op::from_json(&json).ok()
}

/// Returns the edited document and the operations of the edit.
fn edited(document: &Value, edit: &Edit) -> (Value, Vec<Op>) {
    let op = match edit {
        Edit::Set(steps, node, after) => Op::Set {
            path: path(steps),
            value: node.value(0),
            after: after.as_ref().map(|after| position(after.as_ref())),
        },
        Edit::Delete(steps) => Op::Delete { path: path(steps) },
        Edit::Move(steps, after) => Op::Move {
            path: path(steps),
            after: position(after.as_ref()),
        },
        Edit::Rotate(steps, by) => {
            let mut rotated = document.clone();
            if let Some(Value::List(elements)) = find(&mut rotated, path(steps).tokens()) {
                let by = usize::from(*by).checked_rem(elements.len()).unwrap_or(0);
                elements.rotate_left(by);
            }
            let ops = diff(document, &rotated);
            return (rotated, ops);
        }
    };
    let ops: Vec<Op> = accepted(&op).into_iter().collect();
    let mut document = document.clone();
    if check_patch(&ops).is_err() {
        return (document, Vec::new());
    }
    apply(&mut document, &ops);
    (document, ops)
}

fn find<'v>(value: &'v mut Value, tokens: &[Token]) -> Option<&'v mut Value> {
    let Some((token, rest)) = tokens.split_first() else {
        return Some(value);
    };
    let inside = match (value, token) {
        (Value::Object(members), Token::Member(name)) => members.get_mut(name)?,
        (Value::List(elements), token) => elements.iter_mut().find(|element| token.names(element))?,
        _ => return None,
    };
    find(inside, rest)
}

fn device(name: &str) -> DeviceId {
    DeviceId::parse(name).expect("an id")
}

/// Returns the document of one side after its edits, and the authors of its values.
fn side(start: &Value, base: &Value, edits: &[(Edit, u8)], author: &DeviceId) -> (Value, Authors) {
    let unknown = Stamp {
        device_id: None,
        at: Timestamp::from_millis(0),
    };
    let mut authors = Authors::new(unknown);
    let mut document = base.clone();
    let initial = diff(base, start);
    authors.record(
        &mut document,
        Some(author),
        initial.iter().map(|op| (op, Timestamp::from_millis(1))),
    );
    for (edit, at) in edits {
        let (next, ops) = edited(&document, edit);
        let at = Timestamp::from_millis(i64::from(at % 4));
        authors.record(&mut document, Some(author), ops.iter().map(|op| (op, at)));
        assert_eq!(document, next, "`record` and `apply` give different documents");
    }
    (document, authors)
}

fn patched(document: &Value, ops: &[Op]) -> Value {
    let mut document = document.clone();
    apply(&mut document, ops);
    document
}

/// Checks law 1, and that `diff` returns a valid patch.
fn law_1(from: &Value, to: &Value) {
    let patch = diff(from, to);
    assert_eq!(&patched(from, &patch), to, "apply(from, diff(from, to)) is not `to`");
    assert_eq!(patch.is_empty(), from == to);
    assert_eq!(check_patch(&patch), Ok(()));
    for op in &patch {
        assert_eq!(
            accepted(op).as_ref(),
            Some(op),
            "an operation does not survive the round trip through JSON"
        );
    }
}

/// Checks law 2 in its simplest form, for the scalars of one side whose paths consist of members: each is in the
/// document or below a conflict.
fn law_2(base: &Value, side: &Value, merged: &Merged) {
    for op in diff(base, side) {
        let Op::Set { path, value, .. } = &op else { continue };
        let is_plain = path.tokens().iter().all(|token| matches!(token, Token::Member(_)));
        if !is_plain || matches!(value, Value::Object(_) | Value::List(_)) {
            continue;
        }
        let mut document = merged.document.clone();
        let stands = find(&mut document, path.tokens()).is_some_and(|found| found == value);
        let is_recorded = merged
            .conflicts
            .iter()
            .any(|conflict| path.tokens().starts_with(conflict.path.tokens()));
        assert!(
            stands || is_recorded,
            "{op:?} is neither in the document nor in a conflict: {merged:?}"
        );
    }
}

fuzz_target!(|input: Input| {
    let base = object(&input.base, 0);
    let start = input
        .other
        .as_ref()
        .map_or_else(|| base.clone(), |other| object(other, 0));
    let (phone, tablet) = (device("phone"), device("tablet"));
    let server_author = if input.is_same_device { &phone } else { &tablet };
    let (server, server_authors) = side(&start, &base, &input.server, server_author);
    let (client, client_authors) = side(&base, &base, &input.client, &phone);
    if [&base, &server, &client]
        .iter()
        .any(|document| document.depth() > MAX_DEPTH)
    {
        return;
    }
    for (from, to) in [(&base, &server), (&base, &client), (&server, &client), (&client, &base)] {
        law_1(from, to);
    }
    let rank = |device: &DeviceId, rank: Option<u8>| rank.map(|rank| (device.clone(), rank % 101));
    let ranks: Ranks = rank(&phone, input.ranks.0)
        .into_iter()
        .chain(rank(&tablet, input.ranks.1))
        .collect();
    let merge = || {
        let server = Authored {
            document: &server,
            authors: &server_authors,
        };
        let client = Authored {
            document: &client,
            authors: &client_authors,
        };
        merge(&base, server, client, Some(&phone), &ranks)
    };
    let merged = merge();
    assert_eq!(merged, merge(), "law 7: the same merge gives two results");
    law_1(&client, &merged.document);
    law_1(&server, &merged.document);
    // On the server's side, the device's own changes are not concurrent with its new edits: the later one stands.
    if !input.is_same_device {
        law_2(&base, &client, &merged);
        law_2(&base, &server, &merged);
    }
    if server == base {
        assert_eq!(
            merged.document, client,
            "only the client changed, but the result is not its document"
        );
        assert!(merged.conflicts.is_empty());
    }
    if client == base {
        assert_eq!(
            merged.document, server,
            "only the server changed, but the result is not its document"
        );
        assert!(merged.conflicts.is_empty());
    }
});
